import time

import pytest

from genoaudit.config import parse_config, read_config
from genoaudit.errors import ConfigError
from genoaudit.toml_file import read_toml

COHORT = '[cohort]\npath = "a.h5ad"\nlabel = "type"\nscale = "log2"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 5000, "nests more than 32 lists or tables"),
        ("a = " + "[" * 200 + "]" * 200, "nests more than 32 lists or tables"),
        ("a = " + "{b = " * 40 + "1" + "}" * 40, "nests more than 32 lists or tables"),
        ("models = " + "9" * 5000, "a whole number beyond 64 bits"),
        ("models = 0x" + "f" * 5000, "a whole number beyond 64 bits"),
        ('path = "a\\u0000b"', "a text with a zero byte"),
        ('"a\\u0000b" = 1', "a text with a zero byte"),
        ("a = 1\n" * 200_000, "has more than 1,048,576 bytes"),
        ("a = \x1b", "is not valid TOML"),
    ],
)
def test_what_nobody_writes_is_refused_in_one_sentence(tmp_path, text, said):
    (tmp_path / "odd.toml").write_text(text)
    with pytest.raises(ConfigError, match=rf"odd\.toml .*{said}") as refused:
        read_toml(tmp_path / "odd.toml")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("part", ["a", '"a b"', "'a'"])
@pytest.mark.parametrize("form", ["{} = 1", "[{}]", "x = {{ {} = 1 }}"])
def test_a_key_of_very_many_parts_is_refused_at_once(tmp_path, part, form):
    (tmp_path / "odd.toml").write_text(form.format(" . ".join([part] * 100_000)))
    began = time.perf_counter()
    with pytest.raises(ConfigError, match="a key of more than 100 parts"):
        read_toml(tmp_path / "odd.toml")
    assert time.perf_counter() - began < 5


def test_long_words_and_many_of_them_take_no_time(tmp_path):
    (tmp_path / "long.toml").write_text(f'a = "{"x" * 200_000}"\nb = "{"x " * 100_000}"\nc = "{"x. " * 100_000}"\n')
    began = time.perf_counter()
    with pytest.raises(ConfigError, match="a key of more than 100 parts"):
        read_toml(tmp_path / "long.toml")
    (tmp_path / "long.toml").write_text(f'a = "{"x" * 200_000}"\nb = "{"x " * 200_000}"\n')
    assert len(read_toml(tmp_path / "long.toml")["a"]) == 200_000
    assert time.perf_counter() - began < 5


def test_ten_of_many_problems_are_told_and_the_others_counted(tmp_path):
    (tmp_path / "many.toml").write_text(COHORT + "".join(f"k{number} = 1\n" for number in range(5000)))
    with pytest.raises(ConfigError) as refused:
        read_config(tmp_path / "many.toml")
    first, *lines = str(refused.value).splitlines()
    assert first == "many.toml: 5,000 problems"
    assert len(lines) == 11
    assert lines[-1] == "  and 4,990 more"


def test_a_long_key_is_told_by_its_beginning():
    content = {"cohort": {"path": "a", "label": "b", "scale": "log2", "k" * 100_000: 1}}
    with pytest.raises(ConfigError, match=r"unknown key 'cohort\.k+\.\.\. \(100,007 letters\)'") as refused:
        parse_config(content)
    assert len(str(refused.value)) < 400


def test_a_long_value_is_told_by_its_beginning():
    with pytest.raises(ConfigError, match=r"'audit\.models': must be a whole number.*letters\)") as refused:
        parse_config({"cohort": {"path": "a", "label": "b", "scale": "log2"}, "audit": {"models": "8" * 100_000}})
    assert len(str(refused.value)) < 600
