"""The story of training for release, top to bottom.

Say who the members are, settle what is guaranteed and where random numbers come from, find out whether the model can be
stored at all, train it once, see how well it does on everybody else, and write it down.
"""

from __future__ import annotations

import math
import secrets
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genoaudit.artefacts.manifest import LeftOut, Privacy
from genoaudit.artefacts.model_folder import StoredModel, Training, check_model_out, write_model
from genoaudit.artefacts.trial import Trial, try_out
from genoaudit.config import AuditConfig
from genoaudit.configured import load_cohort, recipe_for
from genoaudit.contracts import IntArray, Progress, Recipe
from genoaudit.data.membership import Membership
from genoaudit.errors import ConfigError
from genoaudit.metrics.unseen import unseen_utility
from genoaudit.metrics.utility import utility
from genoaudit.models.claims import PrivacyClaim, privacy_claim, private_settings, settle_privacy
from genoaudit.models.descriptions import describe_recipe, describe_unseeded
from genoaudit.models.fitting import fit_recipe
from genoaudit.models.recipes import check_is_recipe
from genoaudit.models.seeds import for_release
from genoaudit.release.members import members_from
from genoaudit.training.guarded import guarded, single_threaded
from genoaudit.training.outputs import outputs_of
from genoaudit.training.plan import Work, make_plan

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """What will be trained, on whom, and what may be claimed of it.

    Parameters
    ----------
    recipe
        Unfitted, with its privacy settled and its random numbers decided.
    cohort
        The pool.
    membership
        Who of it is trained on.
    seed
        Source of all random numbers; None if they come from the operating system and are lost.
    claim
        What is guaranteed; None without DP.
    trial
        What storing the model would tell.
    seconds
        Estimate of the training; None for a recipe whose cost is not known.
    notes
        What the owner should know, in plain language.
    """

    recipe: Recipe
    cohort: Cohort
    membership: Membership
    seed: int | None
    claim: PrivacyClaim | None
    trial: Trial
    seconds: float | None
    notes: tuple[str, ...]

    @property
    def members(self) -> int:
        """Number of patients to train on."""
        return int(self.membership.members.sum())

    @property
    def left_out(self) -> int:
        """Number of patients that are not trained on."""
        return self.cohort.n_patients - self.members

    @property
    def rows(self) -> IntArray:
        """Samples of the members."""
        return np.flatnonzero(self.membership.members[self.cohort.patients])

    @property
    def epsilon(self) -> float | None:
        """What is guaranteed; None without DP, or where no finite epsilon holds."""
        return None if self.claim is None else _finite(self.claim.guarantee.epsilon)

    @property
    def seeded(self) -> bool | None:
        """With DP, whether the noise can be drawn again; None without."""
        return None if self.claim is None else self.claim.seeded

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the recipe's steps, and of what is around it last."""
        return tuple(_steps(self.recipe))


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model that was trained for release and written.

    Parameters
    ----------
    folder
        Where it is.
    stored
        What reading it gives.
    plan
        What was to be done.
    left_out
        How well it does on the patients it was not trained on; None if there are none.
    notes
        What the owner should know, in plain language.
    """

    folder: Path
    stored: StoredModel
    plan: TrainingPlan
    left_out: LeftOut | None
    notes: tuple[str, ...]


def run_train(config: AuditConfig, out: str | Path, *, progress: Progress | None = None) -> TrainedModel:
    """Train what a configuration asks for and write it; what ``genoaudit train`` runs.

    Raises
    ------
    ConfigError, DataError, ArtefactError
        Before anything is trained.
    TrainingError
        If the recipe cannot be trained.
    """
    folder = check_model_out(Path(out))
    return _train(plan_training(config), folder, progress)


def train_model(
    recipe: Recipe,
    cohort: Cohort,
    membership: Membership,
    out: str | Path,
    *,
    seed: int | None = None,
    progress: Progress | None = None,
) -> TrainedModel:
    """Train one model for release and write it to a folder, whole or not at all.

    Parameters
    ----------
    recipe
        Any unfitted scikit-learn classifier or Pipeline. A private one declares `dp.patients`: the number of patients
        is public under its guarantee, and so must be chosen rather than counted.
    cohort
        The pool of patients.
    membership
        Who of them is trained on (`genoaudit.data.membership`); every class needs members.
    out
        MODEL; see `genoaudit.artefacts.model_folder`.
    seed
        Source of all random numbers. None: with DP they come from the operating system and nobody can draw them again;
        without DP a seed is drawn, and stands in the confidential part alone. A seeded model with DP is reproducible,
        and not releasable.
    progress
        Told how far each stage is.

    Raises
    ------
    ConfigError
        If there is something else at `out`, a class has no members, or a private recipe does not say how many patients
        there are.
    ArtefactError
        If no safe file can hold the model, or one would hold the profiles of members.
    TrainingError
        If the recipe cannot be trained.

    Examples
    --------
    >>> import tempfile
    >>> from genoaudit import build_recipe, read_model, simulate_cohort
    >>> from genoaudit.data.membership import draw_members
    >>> cohort = simulate_cohort(patients=60, genes=50, classes=2)
    >>> recipe = build_recipe("softmax", {}, scale=cohort.scale)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = f"{folder}/model"
    ...     trained = train_model(recipe, cohort, draw_members(cohort, share=0.5, seed=0), out)
    ...     probabilities = read_model(out).recipe.predict_proba(cohort.X)
    >>> trained.left_out.patients, probabilities.shape
    (30, (72, 2))
    """
    folder = check_model_out(Path(out))
    return _train(_planned(recipe, cohort, membership, seed), folder, progress)


def plan_training(config: AuditConfig) -> TrainingPlan:
    """Check all that can be checked before training, and say what would be trained; what ``--dry-run`` prints.

    Raises
    ------
    ConfigError, DataError, ArtefactError
        As for `train_model`.
    """
    if config.train is None:
        msg = "there is no [train] table; say whom to train on: members = 'all', or { share = 0.8, seed = 0 }."
        raise ConfigError(msg)
    if config.recipe is None:
        msg = "there is no [recipe] table; say what to train."
        raise ConfigError(msg)
    cohort = load_cohort(config.cohort)
    recipe = recipe_for(config.recipe, cohort)
    return _planned(recipe, cohort, members_from(config.train.members, cohort), config.train.seed)


def _planned(recipe: Recipe, cohort: Cohort, membership: Membership, seed: int | None) -> TrainingPlan:
    check_is_recipe(recipe)
    rows = np.flatnonzero(membership.members[cohort.patients])
    _refuse_empty_classes(cohort, rows)
    private = private_settings(recipe)
    if private is not None and private.patients is None:
        members = int(membership.members.sum())
        msg = (
            "dp.patients is missing. The guarantee of a model that is given away takes the number of patients as "
            "public: it scales the steps and sets delta, and stands in the manifest. Declare it, best as a round "
            f"number near the true one, such as dp.patients = {_round(members)}."
        )
        raise ConfigError(msg)
    if private is not None and private.patients is not None:
        recipe = settle_privacy(recipe, patients=private.patients)
    elif seed is None:
        seed = secrets.randbelow(2**63)
    recipe = for_release(recipe, seed)
    claim = None if private is None else privacy_claim(recipe, patients=private.patients or 1)
    describe_recipe(recipe)  # refuses what no later run could know again
    with single_threaded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a few samples; those of the training are told
        trial = try_out(recipe, cohort, rows)
    # Twice the samples: a plan is for models that train on half of them.
    work = Work(2 * len(rows), cohort.n_genes, len(cohort.classes), models=1)
    seconds = make_plan(recipe, work, threads=1, engine="processes").seconds
    plan = TrainingPlan(recipe, cohort, membership, seed, claim, trial, seconds, notes=())
    return replace(plan, notes=tuple(_notes(plan, private_asked=private is not None)))


def _steps(recipe: Any) -> Iterator[str]:
    if hasattr(recipe, "steps"):
        for _, step in recipe.steps:
            yield from _steps(step)
    elif recipe not in (None, "passthrough"):
        yield from _steps(getattr(recipe, "estimator", None))
        yield type(recipe).__name__


def _refuse_empty_classes(cohort: Cohort, rows: IntArray) -> None:
    samples = np.bincount(cohort.y[rows], minlength=len(cohort.classes))
    if samples.all():
        return
    empty = [name for name, number in zip(cohort.classes, samples, strict=True) if not number]
    msg = (
        f"{len(empty)} of {len(cohort.classes)} classes have no members (first: {empty[0]!r}); the model could not "
        "know them. Choose other members, or leave these classes out of the cohort."
    )
    raise ConfigError(msg)


def _notes(plan: TrainingPlan, *, private_asked: bool) -> list[str]:
    notes = []
    if plan.membership.everybody:
        notes.append("Nobody was left out, so how well the model does on others cannot be measured on this cohort.")
    if plan.claim is None and private_asked:
        notes.append("The recipe asks a class that is not this package's for DP: nothing is known of it, nor claimed.")
    if plan.claim is not None:
        if plan.claim.seeded:
            notes.append(
                "Reproducible, not releasable: the noise comes from a seed, and whoever has it can take the noise off. "
                "Leave out train.seed for a model that is given away."
            )
        declared = plan.claim.mechanism.patients
        if not 0.5 <= declared / plan.members <= 2:
            notes.append(
                f"dp.patients = {declared} is far from the {plan.members} there are. The guarantee holds; steps are "
                "scaled by it, and delta should stay well below one in the true number."
            )
    if any(value for name, value in plan.recipe.get_params().items() if name.rpartition("__")[2].startswith("class_w")):
        notes.append(
            "Weights of the classes stand in the release. Counted off the patients, they tell how many have each."
        )
    if plan.trial.counts:
        notes.append(f"Says how many samples it was trained on: {', '.join(plan.trial.counts)}.")
    if plan.trial.trusted:
        notes.append(f"To read the model, these types must be named as trusted: {', '.join(plan.trial.trusted)}.")
    return notes


def _train(plan: TrainingPlan, folder: Path, progress: Progress | None) -> TrainedModel:
    tell = progress or (lambda stage, done, total: None)
    cohort, rows = plan.cohort, plan.rows
    tell("Training the model", 0, 1)
    with guarded() as told:
        fitted = fit_recipe(plan.recipe, cohort.X[rows], cohort.y[rows], patients=cohort.patients[rows])
        left_out = _left_out(fitted, plan)
    tell("Training the model", 1, 1)
    notes = (*cohort.notes, *plan.notes, *(f"Training said: {text}" for text in told))
    training = Training(
        cohort=cohort,
        members=plan.membership.members,
        members_by=plan.membership.given_by,
        described=describe_unseeded(plan.recipe),
        steps=plan.steps,
        privacy=None if plan.claim is None else _privacy(plan.claim),
        seed=plan.seed,
        left_out=left_out,
        notes=notes,
    )
    tell("Writing and reading back", 0, 1)
    with single_threaded():
        stored = write_model(fitted, folder, training)
    tell("Writing and reading back", 1, 1)
    return TrainedModel(folder, stored, plan, left_out, notes)


def _left_out(fitted: Recipe, plan: TrainingPlan) -> LeftOut | None:
    """Measure how well the model does on the patients that it has not seen."""
    cohort = plan.cohort
    outside = np.flatnonzero(~plan.membership.members[cohort.patients])
    if not len(outside):
        return None
    y, patients = cohort.y[outside], np.unique(cohort.patients[outside], return_inverse=True)[1]
    proba = outputs_of(fitted, cohort.X[outside], y, classes=len(cohort.classes)).proba
    found = utility(proba[np.newaxis], y, np.zeros((1, len(y)), dtype=np.bool_))["non_members"]
    unseen = unseen_utility(
        proba[np.newaxis], y, patients, np.zeros((1, plan.left_out), dtype=np.bool_), np.array([-1])
    )
    accuracy = unseen.accuracy
    return LeftOut(
        patients=plan.left_out,
        samples=len(y),
        accuracy=accuracy.value,
        accuracy_low=accuracy.low,
        accuracy_high=accuracy.high,
        **{name: found[name].value for name in ("balanced_accuracy", "macro_f1", "auroc")},
    )


def _privacy(claim: PrivacyClaim) -> Privacy:
    found = claim.guarantee
    return Privacy(
        mechanisms=(claim.mechanism,),
        delta=found.delta,
        epsilon=_finite(found.epsilon),
        accountant=found.accountant,
        neighbouring=found.neighbouring,
        unit=found.unit,
        vacuous=found.vacuous,
        end_to_end=claim.end_to_end,
        gaps=claim.gaps,
        assumptions=claim.assumptions,
        randomness="reproducible, not releasable" if claim.seeded else "not recorded",
    )


def _finite(epsilon: float) -> float | None:
    return epsilon if math.isfinite(epsilon) else None


def _round(number: int) -> int:
    """Round to one significant digit, for a number that may be told."""
    return int(float(f"{number:.1g}"))
