import pytest

from genoaudit.json_text import compact_json, strict_json


@pytest.mark.parametrize("text", [b'{"a": 1, "a": 1}', b"[NaN]", b"[" * 100_000, b"\xff", b'["\\ud800"]'])
def test_json_that_means_more_than_one_thing_or_nothing_is_refused(text):
    with pytest.raises(ValueError, match=r"twice|not JSON|deep|codec"):
        strict_json(text)


def test_equal_contents_are_equal_bytes_and_come_back():
    content = {"b": [1, 0.5, None, "é"], "a": {"y": True, "x": "\u2028"}}
    text = compact_json(content)
    assert text == compact_json(dict(reversed(content.items())))
    assert text == '{"a":{"x":"\u2028","y":true},"b":[1,0.5,null,"é"]}'.encode()
    assert strict_json(text) == content


def test_what_json_cannot_hold_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        compact_json([float("nan")])
