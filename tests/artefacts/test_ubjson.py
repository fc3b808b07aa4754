import json
import struct

import numpy as np
import pytest
import xgboost

from genoaudit.artefacts.ubjson import read_ubjson
from genoaudit.errors import ArtefactError


def text(value):
    return b"U" + bytes([len(value)]) + value


def test_it_reads_what_xgboost_writes_as_xgboost_reads_it():
    rng = np.random.default_rng(0)
    data = xgboost.DMatrix(rng.normal(size=(40, 5)), label=rng.integers(2, size=40))
    booster = xgboost.train({"objective": "binary:logistic"}, data, num_boost_round=3)
    again = xgboost.Booster()
    again.load_model(bytearray(json.dumps(read_ubjson(bytes(booster.save_raw("ubj")))).encode()))
    np.testing.assert_array_equal(again.predict(data), booster.predict(data))
    assert (
        json.loads(bytes(booster.save_raw("json")))["learner"]["objective"]
        == read_ubjson(bytes(booster.save_raw("ubj")))["learner"]["objective"]
    )


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"i\xff", -1),
        (b"U\xff", 255),
        (b"I\x01\x00", 256),
        (b"l\xff\xff\xff\xff", -1),
        (b"L" + struct.pack(">q", 2**40), 2**40),
        (b"d" + struct.pack(">f", 0.5), 0.5),
        (b"D" + struct.pack(">d", 0.1), 0.1),
        (b"T", True),
        (b"F", False),
        (b"Z", None),
        (b"S" + text("é".encode()), "é"),
        (b"[]", []),
        (b"[U\x01Z[]]", [1, None, []]),
        (b"[#U\x02TF", [True, False]),
        (b"[$l#U\x02\x00\x00\x00\x01\xff\xff\xff\xff", [1, -1]),
        (b"{}", {}),
        (b"{" + text(b"a") + b"{" + text(b"b") + b"T}}", {"a": {"b": True}}),
    ],
)
def test_every_type_is_read(data, value):
    assert read_ubjson(data) == value


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cut off"),
        (b"d\x00", "cut off"),
        (b"S" + b"U\x05ab", "cut off"),
        (b"S" + b"i\xff", "cut off"),
        (b"S" + b"d\x00\x00\x00\x00", "a length is of type 'd'"),
        (b"S" + text(b"\xff"), "not UTF-8"),
        (b"[$L#L" + struct.pack(">q", 2**60), "cut off"),
        (b"[#L" + struct.pack(">q", 2**60), "cut off"),
        (b"[#i\xff", "cut off|length"),
        (b"[$lU\x00", "a type but no length"),
        (b"[$S#U\x01", "array is of type 'S'"),
        (b"[" * 40, "nests more than"),
        (b"TT", "1 bytes too many"),
        (b"x", "unknown type 'x'"),
        (b"{" + (text(b"a") + b"T") * 2 + b"}", "'a' occurs twice"),
    ],
)
def test_what_is_damaged_is_refused(data, says):
    with pytest.raises(ArtefactError, match=says):
        read_ubjson(data)
