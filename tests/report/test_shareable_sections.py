"""A row per patient must not fit into a summary: not by care but by type."""

import typing
from types import UnionType

import pytest
from annotated_types import MaxLen
from pydantic import BaseModel, ValidationError, create_model
from sample_report import exposed
from sample_summary import build_summary

from genoaudit.report import shareable_sections as parts
from genoaudit.report.sections import ExposedPatient, Part
from genoaudit.report.shareable import Summary

SCALARS = {int, float, bool, str, type(None)}
LONGEST_LIST = {parts.GroupValue: 1000}  # of classes and groups, each of at least twenty patients


def longest(limits):
    """The declared maximum length, whether it stands beside the type or within a field of pydantic's."""
    flat = [item for limit in limits for item in getattr(limit, "metadata", [limit])]
    return next((limit.max_length for limit in flat if isinstance(limit, MaxLen)), None)


def leaks(annotation, limits=(), place="Summary"):
    """Say what of a type could hold a row per patient, or text or numbers without end."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        yield from leaks(arguments[0], arguments[1:], place)
    elif origin in {typing.Union, UnionType}:
        for argument in arguments:
            yield from leaks(argument, limits, place)
    elif origin is tuple:
        yield from leaks_of_list(arguments, longest(limits), place)
    elif annotation is str and longest(limits) is None:
        yield f"{place}: text without end"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not issubclass(annotation, parts.Shared) or annotation.model_config.get("extra") != "forbid":
            yield f"{place}: {annotation.__name__} is of another family"
        for name, field in annotation.model_fields.items():
            yield from leaks(field.annotation, tuple(field.metadata), f"{place}.{name}")
    elif annotation not in SCALARS and origin is not typing.Literal:
        yield f"{place}: {annotation}"


def leaks_of_list(arguments, length, place):
    if len(arguments) != 2 or arguments[1] is not Ellipsis or (length or 1e9) > LONGEST_LIST.get(arguments[0], 200):
        yield f"{place}: a list without a limit"
    if arguments[0] in {int, float}:
        yield f"{place}: bare numbers"
    yield from leaks(arguments[0], (), place)


def test_no_type_within_a_summary_has_room_for_a_row_per_patient():
    assert list(leaks(Summary)) == []


@pytest.mark.parametrize(
    "annotation",
    [
        ExposedPatient,
        tuple[ExposedPatient, ...],
        dict[str, float],
        dict[str, parts.Number],
        list[float],
        tuple[float, ...],
        typing.Annotated[tuple[float, ...], MaxLen(5)],
        tuple[parts.Number, ...],
        typing.Annotated[tuple[parts.Number, ...], MaxLen(10_000)],
        typing.Any,
        str,
        Part,
    ],
)
def test_the_walk_over_types_finds_such_room(annotation):
    assert list(leaks(create_model("Leaky", __base__=parts.Shared, field=(annotation, ...))))


def test_the_two_families_have_nothing_in_common():
    assert not issubclass(parts.Shared, Part)
    assert not issubclass(Part, parts.Shared)
    patient = exposed(1)
    with pytest.raises(ValidationError):
        build_summary().model_validate({**build_summary().model_dump(), "most_exposed": [patient.model_dump()]})
    for field in Summary.model_fields:
        with pytest.raises(ValidationError):
            Summary.model_validate({**build_summary().model_dump(), field: patient})
