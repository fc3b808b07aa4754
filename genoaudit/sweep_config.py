"""What a sweep is asked to do: recipes, protections, budgets, seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from genoaudit.config import (
    AuditSection,
    CanarySection,
    CohortConfig,
    RecipeConfig,
    located,
    located_recipe,
    parse_settings,
)
from genoaudit.errors import ConfigError
from genoaudit.toml_file import Section, checked, read_toml

GENE_LIST = "gene_list"
"""The mitigation whose settings are files."""

BUDGETS = (1.0, 8.0, 32.0, 1e3, 1e6, 1e9, 1e12)
"""Epsilons of a sweep unless told otherwise; no protection is always a cell."""


RecipeName = Annotated[str, StringConstraints(pattern=r"^[\w.+][\w .+()-]{0,59}$")]
"""Letters, digits, spaces and .+-()_, at most 60: names become parts of the names of cells."""


class SweptRecipe(RecipeConfig):
    """A recipe; further keys are its parameters."""

    with_dp: dict[str, Any] = Field(
        default={}, description="Parameters that replace others in training with DP-SGD; dp = {...} among them."
    )


class SweepSection(Section):
    """Which protections, how strong, how often."""

    budgets: tuple[Annotated[float, Field(ge=0.1, le=1e12, strict=True, allow_inf_nan=False)], ...] = Field(
        default=BUDGETS, description="Target epsilons of DP-SGD; none: no DP cells."
    )
    mitigations: dict[str, tuple[StrictInt | StrictFloat | StrictStr, ...]] | None = Field(
        default=None, description="Settings by mitigation; default: the catalogue's. See genoaudit mitigations."
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63, strict=True)], ...] = Field(
        default=(), description="The whole sweep once for each; default: the seed of [audit]."
    )
    tune: int = Field(
        default=4, ge=0, le=100, strict=True, description="Further DP cells per recipe and seed, to match defences."
    )
    minutes: float | None = Field(
        default=None,
        gt=0,
        strict=True,
        allow_inf_nan=False,
        description="No cell is begun after so long; default: no limit.",
    )

    @field_validator("budgets", "seeds")
    @classmethod
    def _once_each(cls, given: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(given)) < len(given):
            msg = "the same value twice"
            raise ValueError(msg)
        return given


class SweepConfig(Section):
    """A whole sweep. Everything in here changes results but `minutes`, which says where it stops."""

    cohort: CohortConfig
    recipes: dict[RecipeName, SweptRecipe] = Field(default={"mlp": SweptRecipe()}, min_length=1)
    audit: AuditSection = AuditSection()
    canaries: CanarySection | None = CanarySection(models=32)
    sweep: SweepSection = SweepSection()

    @model_validator(mode="before")
    @classmethod
    def _canaries_can_be_left_out(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("canaries") is False:  # TOML has no null
            return {**given, "canaries": None}
        return given

    @model_validator(mode="after")
    def _designs_are_of_one_size(self) -> Self:
        if self.audit.models == "auto":
            msg = "models must be a number in a sweep: all cells are compared over the same designs"
            raise ValueError(msg)
        if self.audit.queries:
            msg = "queries must be 0 in a sweep: protections of outputs are attacked by one answer per sample"
            raise ValueError(msg)
        if self.audit.access != "parameters" or self.audit.decimals is not None:
            msg = "access and decimals follow from each cell's protection; leave them out of [audit]"
            raise ValueError(msg)
        return self


def read_sweep(path: str | Path) -> SweepConfig:
    """Read a sweep's TOML file; paths in it are taken relative to the file.

    Raises
    ------
    ConfigError
        Naming every key at fault, and for an unknown key the nearest valid one.
    """
    path = Path(path)
    config = parse_sweep(read_toml(path), name=path.name)
    folder = path.parent
    recipes = {name: located_recipe(recipe, folder) for name, recipe in config.recipes.items()}
    sweep = config.sweep
    if sweep.mitigations is not None and GENE_LIST in sweep.mitigations:
        lists = tuple(str(folder / str(given)) for given in sweep.mitigations[GENE_LIST])
        sweep = sweep.model_copy(update={"mitigations": {**sweep.mitigations, GENE_LIST: lists}})
    return config.model_copy(update={"cohort": located(config.cohort, folder), "recipes": recipes, "sweep": sweep})


def parse_sweep(content: dict[str, Any], *, name: str = "configuration") -> SweepConfig:
    """Check a sweep's configuration given as nested dicts; `name` stands in front of errors.

    Raises
    ------
    ConfigError
        Naming every key at fault, and for an unknown key the nearest valid one.
    """
    return checked(SweepConfig, content, name=name)


def override(config: SweepConfig, *, models: int | str | None = None, minutes: float | None = None) -> SweepConfig:
    """Return the same with some settings given anew, as on a command line.

    Raises
    ------
    ConfigError
        If a value is impossible.
    """
    if models == "auto":
        msg = "--models auto is for single audits: all cells of a sweep are compared over the same designs."
        raise ConfigError(msg)
    if models is not None:
        config = config.model_copy(update={"audit": parse_settings(config.audit, {"models": models})})
    if minutes is not None:
        config = config.model_copy(update={"sweep": config.sweep.model_copy(update={"minutes": minutes})})
    return config
