import ast
import inspect
from pathlib import Path

import pytest

import genoaudit


def test_every_public_name_is_importable_and_listed_once():
    assert sorted(genoaudit.__all__) == sorted(genoaudit._HOMES)
    for name in genoaudit.__all__:
        assert getattr(genoaudit, name).__name__ == name


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(genoaudit.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body for alias in node.names}
    assert seen == set(genoaudit.__all__)


def test_every_public_function_takes_a_path_as_text_too():
    found = [getattr(genoaudit, name) for name in genoaudit.__all__]
    held = [getattr(one, "__func__", one) for kind in found for one in (kind, *vars(kind).values())]
    functions = [one for one in held if inspect.isfunction(one) and not one.__name__.startswith("_")]
    told = [(one.__qualname__, name, str(kind)) for one in functions for name, kind in one.__annotations__.items()]
    of_paths = [one for one in told if "Path" in one[2] and one[1] != "return"]
    assert len(of_paths) >= 15
    assert [one for one in of_paths if "str" not in one[2]] == []


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'audit_everything'"):
        _ = genoaudit.audit_everything
