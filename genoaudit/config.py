"""What an audit is asked to do (`AuditConfig`, changes results) apart from how it is run (`RunOptions`, never does)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, cast, get_args

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from genoaudit.contracts import Access, Scale
from genoaudit.errors import ConfigError
from genoaudit.model_config import TargetSection, TrainSection, located_members, located_target
from genoaudit.toml_file import Section, checked, read_toml

Engine = Literal["auto", "gram", "stacked", "processes"]
RecipeKind = Literal["mlp", "softmax", "cnn", "deeptype", "deepcc", "logistic", "xgboost", "import"]

DEFAULT_CACHE = Path(".genoaudit-cache")


class LabelsConfig(Section):
    """A labels file beside a matrix that has none."""

    path: Path
    key: str | None = Field(default=None, description="Column with the sample ids; default: the first.")
    column: str | None = Field(default=None, description="Column with the labels; default: the cohort's label.")


class CohortConfig(Section):
    """An expression file and what its columns mean."""

    path: Path = Field(description="h5ad, csv, tsv (plain or gz) or parquet; relative to the config file.")
    label: str = Field(description="Column with the class to predict.")
    scale: Scale = Field(description="How the values are given.")
    patient: str | None = Field(default=None, description="Column with the patient; default: every sample its own.")
    groups: tuple[str, ...] = Field(default=(), description="Covariates to show leakage by.")
    small_classes: Literal["error", "drop", "merge"] = "error"
    min_class: int = Field(default=8, ge=4, strict=True, description="Patients below which a class counts as small.")
    orientation: Literal["auto", "samples", "genes"] = Field(default="auto", description="What the rows of a text are.")
    ids: str | None = Field(default=None, description="Text only: column with the row identifiers; default: the first.")
    ignore: tuple[str, ...] = Field(default=(), description="Text only: columns that are neither genes nor samples.")
    labels: LabelsConfig | None = None


class RecipeConfig(Section):
    """The model to train; further keys are parameters of the recipe."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: RecipeKind = "mlp"
    target: str | None = Field(default=None, description="For kind = 'import': 'module:function' giving a classifier.")

    @model_validator(mode="after")
    def _target_goes_with_import(self) -> Self:
        if (self.kind == "import") != (self.target is not None):
            msg = "target = 'module:function' belongs to kind = 'import', and to no other"
            raise ValueError(msg)
        return self

    @property
    def parameters(self) -> dict[str, Any]:
        """The recipe's own parameters."""
        return dict(self.model_extra or {})


RecipeT = TypeVar("RecipeT", bound=RecipeConfig)

DEFAULT_ATTACKS = (
    "loss",
    "per_class",
    "lira",
    "lira_fixed",
    "lira_offline",
    "lira_offline_fixed",
    "bavaria_t",
    "rmia",
    "rmia_offline",
)


class AuditSection(Section):
    """How many models, which attacks by whom, which seed."""

    models: Annotated[int, Field(ge=4, le=100_000)] | Literal["auto"] = Field(
        default=64, description="Each patient is in half of them; 'auto' doubles them until intervals stop shrinking."
    )
    max_models: int = Field(default=512, ge=32, le=100_000, strict=True, description="Most models for 'auto'.")
    attacks: tuple[str, ...] = Field(default=DEFAULT_ATTACKS, description="Names, or 'all'; see genoaudit attacks.")
    access: Access = Field(default="parameters", description="What the adversary sees of the model.")
    decimals: int | None = Field(
        default=None, ge=1, le=15, strict=True, description="Decimals of released probabilities; default: all."
    )
    queries: int = Field(
        default=0, ge=0, le=64, strict=True, description="Further queries of each sample, with technical noise."
    )
    query_noise: float = Field(default=0.1, gt=0, le=10, strict=True, description="Their noise, in log2 units.")
    query_thinning: float = Field(
        default=0.8, gt=0, lt=1, strict=True, description="For counts: share of the reads kept."
    )
    least_auc: float = Field(
        default=0.6,
        ge=0.5,
        lt=1,
        strict=True,
        description="A patient is flagged if his AUC is above this, beyond chance.",
    )
    min_group: int = Field(
        default=10, ge=5, strict=True, description="Fewest members and non-members of a group shown."
    )
    group_pairs: bool = Field(default=False, strict=True, description="Compare every two groups of a variable too.")
    delta: float | None = Field(
        default=None, gt=0, lt=1, strict=True, description="For epsilon bounds; default: 1 / (10 patients)."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, strict=True)

    @field_validator("models", mode="before")
    @classmethod
    def _enough_models(cls, models: object) -> object:
        number = isinstance(models, int) and not isinstance(models, bool)
        if models != "auto" and not (number and 4 <= cast(int, models) <= 100_000):
            msg = f"must be a whole number from 4 to 100000, or 'auto'; got {models!r}"
            raise ValueError(msg)
        return models

    @model_validator(mode="after")
    def _rounding_is_of_probabilities(self) -> Self:
        if self.decimals is not None and self.access != "probabilities":
            msg = f"decimals rounds probabilities; with access = '{self.access}' it would change nothing"
            raise ValueError(msg)
        return self

    def delta_for(self, patients: int) -> float:
        """Return the delta of epsilon bounds: as declared, or a tenth of one in the number of patients."""
        return self.delta if self.delta is not None else 1 / (10 * patients)

    @property
    def most_models(self) -> int:
        """The number of models, or the most that ``"auto"`` may take."""
        return self.max_models if self.models == "auto" else self.models


class CanarySection(Section):
    """Planted worst-case patients, audited beside the natural ones."""

    kinds: tuple[str, ...] = Field(
        default=("label_swapped", "rare_subtype", "high_leverage", "sample_swap", "near_duplicate"),
        description="Kinds of canaries.",
    )
    count: int = Field(default=20, ge=1, le=10_000, strict=True, description="Canaries of each kind.")
    models: int = Field(default=64, ge=32, le=100_000, strict=True, description="Each canary is in about half of them.")
    guesses: int | None = Field(
        default=None, ge=1, strict=True, description="Canaries guessed for the one-run bound; default: a fifth of them."
    )


class EarlierSection(TargetSection):
    """An earlier release on the same patients, to be attacked together with the given model."""

    name: str | None = Field(default=None, description="What to call it; default: its file's name.")
    recipe: RecipeConfig | None = Field(default=None, description="What it was trained by; default: as the target.")

    @property
    def called(self) -> str:
        """Its name, or that of its file."""
        return self.name or self.path.name


class AuditConfig(Section):
    """A whole audit, and what to train for release. Everything in here changes results; nothing else does."""

    cohort: CohortConfig
    recipe: RecipeConfig | None = Field(
        default=None, description="Default: an MLP; with [target] none, and no reference models are trained."
    )
    audit: AuditSection = AuditSection()
    canaries: CanarySection | None = None
    target: TargetSection | None = None
    earlier: tuple[EarlierSection, ...] = Field(default=(), description="Earlier releases on the same patients.")
    train: TrainSection | None = None

    @model_validator(mode="before")
    @classmethod
    def _recipe_audits_have_a_recipe(cls, content: Any) -> Any:
        # A given model must not be compared with models of a recipe that nobody named.
        if isinstance(content, dict) and content.get("target") is None and content.get("recipe") is None:
            return {**content, "recipe": {}}
        return content

    @model_validator(mode="after")
    def _earlier_releases_go_with_a_later_one(self) -> Self:
        if self.earlier and (self.target is None or self.target.members == "all"):
            msg = (
                "[[earlier]] releases are attacked together with a later one that left patients out; name it under "
                "[target]"
            )
            raise ValueError(msg)
        names = [earlier.called for earlier in self.earlier]
        if len(set(names)) < len(names):
            msg = "two [[earlier]] releases have one name; give each a name of its own (name = '...')"
            raise ValueError(msg)
        return self


@dataclass(frozen=True)
class RunOptions:
    """How to run, without any effect on the numbers.

    Parameters
    ----------
    threads
        Processes to train in, one thread each; None means as many as there are cores.
    cache
        Folder for finished models.
    fresh
        Forget finished models of this audit first.
    engine
        ``"auto"`` lets the cost model choose; see `genoaudit.training.plan`. Engines draw a first layer's initial
        weights differently, so this one option changes numbers within their spread, never their law.
    device
        Where the exact engine computes: ``"cpu"`` or ``"cuda"``.
    scheduler
        Address of a running Dask scheduler whose workers train; None means this machine.
    replay
        Draw pseudonyms from the seed and not from the operating system: the same audit then gives the same bytes. For
        checking an audit, not for sharing one, as whoever knows the cohort can draw them again.
    """

    threads: int | None = None
    cache: str | Path = DEFAULT_CACHE
    fresh: bool = False
    engine: Engine = "auto"
    device: str = "cpu"
    scheduler: str | None = None
    replay: bool = False


def make_options(
    *, engine: str = "auto", backend: str = "local", scheduler: str | None = None, **keywords: Any
) -> RunOptions:
    """Check run options given as text.

    Raises
    ------
    ConfigError
        For an engine or a backend that does not exist, or a backend without what it needs.
    """
    for option, given, known in (("engine", engine, get_args(Engine)), ("backend", backend, ("local", "dask"))):
        if given not in known:
            msg = f"--{option} {given} does not exist; choose from {', '.join(known)}."
            raise ConfigError(msg)
    if (backend == "dask") != (scheduler is not None):
        msg = "--backend dask and --scheduler ADDRESS go together: the workers are those of a running Dask scheduler."
        raise ConfigError(msg)
    return RunOptions(engine=cast(Engine, engine), scheduler=scheduler, **keywords)


def read_config(path: str | Path) -> AuditConfig:
    """Read an audit's TOML file; paths in it are taken relative to the file.

    Raises
    ------
    ConfigError
        Naming every key at fault, and for an unknown key the nearest valid one.
    """
    path = Path(path)
    config = parse_config(read_toml(path), name=path.name)
    folder = path.parent
    train = config.train
    if train is not None:
        train = train.model_copy(update={"members": located_members(train.members, folder)})
    found = {
        "cohort": located(config.cohort, folder),
        "recipe": None if config.recipe is None else located_recipe(config.recipe, folder),
        "target": None if config.target is None else located_target(config.target, folder),
        "earlier": tuple(located_earlier(section, folder) for section in config.earlier),
        "train": train,
    }
    return config.model_copy(update=found)


def parse_settings(settings: AuditSection, given: dict[str, Any]) -> AuditSection:
    """Return the settings with some of them given anew, as on a command line.

    Raises
    ------
    ConfigError
        If a value is impossible.
    """
    try:
        return AuditSection.model_validate({**settings.model_dump(), **given})
    except ValidationError as error:
        details = (f"--{'.'.join(map(str, detail['loc'][:1]))}: {detail['msg']}" for detail in error.errors())
        raise ConfigError("; ".join(details).replace("Value error, ", "")) from None


def parse_config(content: dict[str, Any], *, name: str = "configuration") -> AuditConfig:
    """Check a configuration given as nested dicts; `name` stands in front of errors.

    Examples
    --------
    >>> parse_config({"cohort": {"path": "a.h5ad", "label": "type", "scale": "log2", "pateint": "id"}})
    Traceback (most recent call last):
    genoaudit.errors.ConfigError: configuration: unknown key 'cohort.pateint'; did you mean 'patient'?
    """
    return checked(AuditConfig, content, name=name)


def located(cohort: CohortConfig, folder: Path) -> CohortConfig:
    """Return the same with its paths taken relative to a folder."""
    labels = cohort.labels
    if labels is not None:
        labels = labels.model_copy(update={"path": folder / labels.path})
    return cohort.model_copy(update={"path": folder / cohort.path, "labels": labels})


def located_earlier(earlier: EarlierSection, folder: Path) -> EarlierSection:
    """Return the same with its paths taken relative to a folder."""
    recipe = None if earlier.recipe is None else located_recipe(earlier.recipe, folder)
    return located_target(earlier, folder).model_copy(update={"recipe": recipe})


def located_recipe(recipe: RecipeT, folder: Path) -> RecipeT:
    """Return the same with its file of gene sets, if it names one, taken relative to a folder."""
    sets = recipe.parameters.get("gene_sets")
    return recipe.model_copy(update={"gene_sets": str(folder / sets)}) if isinstance(sets, str) else recipe
