"""What may be released: a policy as a person writes it in TOML, checked key by key.

Every key is a limit that some number of an audit must keep; a key that is left out is not asked for. What a limit is
compared with, and when it counts as kept, stands in `genoaudit.report.verdict`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from genoaudit.attacks.catalogue import CATALOGUE, COMBINATIONS, get_attacks
from genoaudit.contracts import Access
from genoaudit.errors import ConfigError
from genoaudit.files import shipped_folder
from genoaudit.toml_file import Section, checked, read_toml

Auc = Annotated[float, Field(ge=0.5, le=1, strict=True)]
Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Epsilon = Annotated[float, Field(ge=0, strict=True)]
RateLimits = Annotated[
    dict[Annotated[float, Field(gt=0, lt=1)], Share],
    Field(description="Largest TPR by false-positive rate, such as { '0.1' = 0.2 }."),
]


class Limits(Section):
    """Limits on one part of an audit; at least one must be asked for."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.model_dump(exclude_defaults=True, exclude={"k"}):
            keys = ", ".join(sorted({*type(self).model_fields} - {"k"}))
            msg = f"asks for nothing; set one of {keys}, or leave the table out"
            raise ValueError(msg)
        return self

    @field_validator("tpr_at_fpr", mode="before", check_fields=False)
    @classmethod
    def _each_rate_once(cls, given: object) -> object:
        if isinstance(given, Mapping):
            rates = [float(fpr) for fpr in given if _is_number(fpr)]
            if len(set(rates)) < len(rates):
                msg = "names a false-positive rate twice"
                raise ValueError(msg)
        return given

    @field_validator("tpr_at_fpr", mode="after", check_fields=False)
    @classmethod
    def _guessing_keeps_it(cls, given: dict[float, float]) -> dict[float, float]:
        for fpr, tpr in given.items():
            if tpr < fpr:
                msg = f"a TPR of {tpr:g} at an FPR of {fpr:g} cannot be met: guessing reaches {fpr:g}"
                raise ValueError(msg)
        return given


class AttackLimits(Limits):
    """Every attack that ran, on all patients."""

    auc: Auc | None = None
    tpr_at_fpr: RateLimits = Field(default_factory=dict)
    require: tuple[str, ...] = Field(default=(), description="Attacks that must have run.")

    @field_validator("require")
    @classmethod
    def _exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in {*CATALOGUE, *COMBINATIONS}:
                try:
                    get_attacks([name])
                except ConfigError as error:
                    raise ValueError(str(error).removesuffix(".")) from None
        return names


class WorstPatientLimits(Limits):
    """The most exposed patients, chosen on one half of the models and measured on the other."""

    k: Literal[1, 5, 20] = Field(default=1, description="Mean over so many.")
    auc: Auc | None = None
    tpr_at_fpr: RateLimits = Field(default_factory=dict)


class WorstGroupLimits(Limits):
    """The most exposed group, chosen and measured like the most exposed patients."""

    auc: Auc


class CanaryLimits(Limits):
    """Planted worst-case patients: each kind, and all together."""

    auc: Auc | None = None
    tpr_at_fpr: RateLimits = Field(default_factory=dict)


class BoundLimits(Limits):
    """What training guarantees, and what speaks against it."""

    epsilon: Epsilon | None = Field(default=None, description="Largest epsilon that training may claim.")
    tpr_at_fpr: RateLimits = Field(
        default_factory=dict, description="Largest TPR that the mechanism may allow any attack, by false-positive rate."
    )
    end_to_end: bool = Field(default=False, strict=True, description="The claim must cover the whole pipeline.")
    audited_epsilon: Epsilon | None = Field(
        default=None, description="A lower bound above this fails; a lower one says nothing."
    )


class UtilityFloors(Limits):
    """What the model must still be good for, on patients it has not seen."""

    accuracy: Share | None = None
    balanced_accuracy: Share | None = None


class EvidenceDemands(Limits):
    """What the audit itself must be; without it the verdict is undecidable."""

    models: int | None = Field(default=None, ge=4, strict=True, description="Fewest models.")
    non_members: int | None = Field(default=None, ge=1, strict=True, description="Fewest non-members of a model.")
    access: Access | None = Field(default=None, description="The adversary must have seen at least so much.")
    self_test: bool = Field(default=False, strict=True, description="The self-test must have been run and passed.")
    checks: bool = Field(default=False, strict=True, description="No check of the evidence may raise an issue.")


class Policy(Section):
    """What may be released.

    Examples
    --------
    >>> policy = parse_policy({"attacks": {"auc": 0.6, "tpr_at_fpr": {"0.1": 0.2}}}, name="ours")
    >>> policy.name, policy.attacks.tpr_at_fpr
    ('ours', {0.1: 0.2})
    >>> parse_policy({"attacks": {"auk": 0.6}}, name="ours")
    Traceback (most recent call last):
    genoaudit.errors.ConfigError: ours: unknown key 'attacks.auk'; did you mean 'auc'?
    """

    name: str = Field(default="policy", min_length=1, max_length=80, description="Default: the name of the file.")
    attacks: AttackLimits | None = None
    worst_patient: WorstPatientLimits | None = None
    worst_group: WorstGroupLimits | None = None
    canaries: CanaryLimits | None = None
    bounds: BoundLimits | None = None
    utility: UtilityFloors | None = None
    evidence: EvidenceDemands | None = None

    @model_validator(mode="after")
    def _limits_a_risk(self) -> Self:
        measured = (self.attacks, self.worst_patient, self.worst_group, self.canaries)
        limited = [
            bool(part.model_dump(include={"auc", "tpr_at_fpr"}, exclude_defaults=True)) for part in measured if part
        ]
        if self.bounds is not None:
            limited.append(self.bounds.epsilon is not None or bool(self.bounds.tpr_at_fpr))
        if not any(limited):
            msg = (
                "a policy that limits no risk would release everything; set auc or tpr_at_fpr in [attacks], "
                "[worst_patient], [worst_group] or [canaries], or epsilon or tpr_at_fpr in [bounds]"
            )
            raise ValueError(msg)
        return self

    @property
    def sha256(self) -> str:
        """Digest of what is demanded: comments, order and name of the file have no part in it."""
        demands = self.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
        return hashlib.sha256(json.dumps(demands, sort_keys=True).encode()).hexdigest()


def shipped_policies() -> dict[str, Path]:
    """Return the policies that come with the package, by name, from lenient to strict."""
    folder = shipped_folder() / "policies"
    return {name: folder / f"{name}.toml" for name in ("lenient", "standard", "strict")}


def read_policy(path_or_name: str | Path) -> Policy:
    """Read a policy from a TOML file, or one that comes with the package by its name.

    Parameters
    ----------
    path_or_name
        ``"lenient"``, ``"standard"``, ``"strict"``, or the path of a file; ``"./strict"`` is a file.

    Raises
    ------
    ConfigError
        If it cannot be read, naming every key at fault, and for an unknown key the nearest valid one.

    Examples
    --------
    >>> read_policy("standard").name
    'standard'
    """
    shipped = shipped_policies()
    path = shipped.get(str(path_or_name), Path(path_or_name))
    if not path.exists():
        msg = f"there is no policy {path_or_name}: name a TOML file, or one of {', '.join(shipped)}."
        raise ConfigError(msg)
    return parse_policy(read_toml(path), name=path.stem)


def policy_text(name: str) -> str:
    """Return a policy that comes with the package as it is written, with its comments.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    shipped = shipped_policies()
    if name not in shipped:
        msg = f"there is no policy {name!r}; choose one of: {', '.join(shipped)}."
        raise ConfigError(msg)
    return shipped[name].read_text(encoding="utf-8")


def parse_policy(content: dict[str, Any], *, name: str) -> Policy:
    """Check a policy given as nested dicts; `name` is its name unless it has one, and stands in front of errors.

    Raises
    ------
    ConfigError
        As `read_policy`.
    """
    return checked(Policy, {"name": name, **content}, name=name)


def _is_number(text: object) -> bool:
    try:
        float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True
