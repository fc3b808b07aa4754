"""What a comparison of reconstruction, membership leakage and utility is asked to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from genoaudit.config import AuditSection, CohortConfig, located
from genoaudit.sweep_config import BUDGETS, SweepConfig, SweepSection, SweptRecipe
from genoaudit.toml_file import Section, checked, read_toml

SEEDS = (10, 11, 100, 101, 110)
"""Ziller et al. Nature Machine Intelligence 6:764-774, 2024."""

KINDS = ("mlp", "softmax")


class ReconstructSection(Section):
    """Which budgets, how many patients under attack, when a reconstruction counts."""

    budgets: tuple[Annotated[float, Field(ge=0.1, le=1e12, strict=True, allow_inf_nan=False)], ...] = Field(
        default=BUDGETS, description="Target epsilons of DP-SGD, at least one; none is always added."
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63, strict=True)], ...] = Field(
        default=SEEDS, description="Draws of members, patients under attack and noise; at least one."
    )
    patients: int = Field(default=40, ge=2, le=10_000, strict=True, description="Patients under attack, per seed.")
    candidates: int = Field(
        default=100, ge=2, le=10_000, strict=True, description="Equally likely candidates of an identification."
    )
    eta: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        strict=True,
        allow_inf_nan=False,
        description="Largest error, 1 - Pearson correlation, of a successful reconstruction.",
    )
    models: int = Field(
        default=32,
        ge=0,
        le=100_000,
        strict=True,
        description="Models for utility and membership leakage; 0: neither, below 32: not of the most exposed.",
    )

    @field_validator("budgets", "seeds")
    @classmethod
    def _once_each(cls, given: tuple[float, ...]) -> tuple[float, ...]:
        if not given:  # no min_length, which would find fault a second time with an item that is wrong
            msg = "must hold at least one value"
            raise ValueError(msg)
        if len(set(given)) < len(given):
            msg = "the same value twice"
            raise ValueError(msg)
        return given

    @field_validator("models")
    @classmethod
    def _enough_models(cls, given: int) -> int:
        if 0 < given < 4:
            msg = "must be 0 or at least 4"
            raise ValueError(msg)
        return given


class ReconstructConfig(Section):
    """A whole comparison. Everything in here changes results."""

    cohort: CohortConfig
    recipes: dict[str, SweptRecipe] = Field(default={"mlp": SweptRecipe()}, min_length=1)
    reconstruct: ReconstructSection = ReconstructSection()

    @field_validator("recipes")
    @classmethod
    def _with_a_first_layer(cls, given: dict[str, SweptRecipe]) -> dict[str, SweptRecipe]:
        for name, recipe in given.items():
            if recipe.kind not in KINDS:
                msg = f"{name} is of kind {recipe.kind!r}; profiles are read off the gradients of {' and '.join(KINDS)}"
                raise ValueError(msg)
        return given

    @property
    def audit(self) -> AuditSection:
        """How utility and membership leakage are measured."""
        return AuditSection(models=self.reconstruct.models or 4)

    @property
    def sweep(self) -> SweepConfig:
        """The sweep whose cells are attacked: each recipe without protection, and with DP-SGD at every budget."""
        wanted = SweepSection(budgets=self.reconstruct.budgets, seeds=self.reconstruct.seeds, mitigations={}, tune=0)
        return SweepConfig(cohort=self.cohort, recipes=self.recipes, audit=self.audit, canaries=None, sweep=wanted)


def read_reconstruct(path: str | Path) -> ReconstructConfig:
    """Read the TOML file of a comparison; paths in it are taken relative to the file.

    Raises
    ------
    ConfigError
        Naming every key at fault, and for an unknown key the nearest valid one.
    """
    path = Path(path)
    config = checked(ReconstructConfig, read_toml(path), name=path.name)
    return config.model_copy(update={"cohort": located(config.cohort, path.parent)})
