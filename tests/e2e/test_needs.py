import pytest
from needs import VARIABLE, lacking


@pytest.mark.parametrize("value", [None, "", "gpu", "browsers"])
def test_what_a_machine_lacks_is_skipped_with_the_reason(monkeypatch, value):
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(pytest.skip.Exception, match="no chromium here"):
        lacking("browser", "no chromium here")


@pytest.mark.parametrize("value", ["browser", "gpu, browser"])
def test_where_it_is_required_the_skip_is_a_failure(monkeypatch, value):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(pytest.fail.Exception, match="asks for browser, but no chromium here"):
        lacking("browser", "no chromium here")


def test_the_fixture_skips_or_fails_by_the_same_rule(monkeypatch, tmp_path):
    """Without chromium on the path a browser test is skipped; where it is required it fails."""
    from browser import chromium

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="chromium is not installed"):
        chromium()
    monkeypatch.setenv(VARIABLE, "browser")
    with pytest.raises(pytest.fail.Exception, match="chromium is not installed"):
        chromium()
