"""Patients under a reconstruction attack: as the recipe's network gets them, and how what is recovered is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genoaudit.contracts import BoolArray, FloatArray, IntArray, Recipe
from genoaudit.metrics.estimates import Estimate
from genoaudit.models.fitting import fit_recipe
from genoaudit.models.recipes import set_random_state
from genoaudit.randomness import generator
from genoaudit.reconstruction.success import (
    agreement,
    nearest_classes,
    nearest_patients,
    sex_calls,
    success_rate,
)
from genoaudit.report.reconstruct_result import Recovery, RecoveryAttack

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


@dataclass(frozen=True, eq=False)
class Prey:
    """A cohort as a recipe's network gets it, and whom the attacks are after.

    Parameters
    ----------
    X
        Preprocessed by the recipe's own steps, fitted on the members; [samples, genes].
    y, patients
        Class and patient codes, [samples].
    members
        Whether a patient was in the training, [patients].
    targets, rows
        Members under attack, and the one sample of each that an update holds; [targets].
    row_of
        Such a sample of every patient, [patients].
    guesses
        Mean of each target's class over the other patients, [targets, genes].
    tolerance
        How far a gene is off in a technical replicate, root mean square over the targets; [genes].
    genes
        Their names; None where the recipe chooses among them.
    seed
        Root of the seed tree.
    """

    X: FloatArray
    y: IntArray
    patients: IntArray
    members: BoolArray
    targets: IntArray
    rows: IntArray
    row_of: IntArray
    guesses: FloatArray
    tolerance: FloatArray
    genes: tuple[str, ...] | None
    seed: int

    def stream(self, *path: str | int) -> np.random.Generator:
        """Return the generator of a draw."""
        return generator(self.seed, "reconstruct", *path)


def choose_prey(recipe: Recipe, cohort: Cohort, *, members: BoolArray, seed: int, patients: int) -> Prey:
    """Preprocess a cohort as a recipe does and draw members to attack, at most `patients` of them."""
    from sklearn.base import clone

    from genoaudit.data.queries import technical_replicate

    rng = generator(seed, "reconstruct", "patients")
    inside = members[cohort.patients]
    raw = np.asarray(cohort.X)
    steps: Any = set_random_state(clone(recipe)[:-1], seed, "reconstruct", "preprocessing")
    fit_recipe(steps, raw[inside], cohort.y[inside], patients=cohort.patients[inside])
    targets = np.sort(rng.permutation(np.flatnonzero(members))[:patients])
    shuffled = rng.permutation(cohort.n_samples)
    row_of = shuffled[np.unique(cohort.patients[shuffled], return_index=True)[1]]
    rows = row_of[targets]
    again = np.stack([technical_replicate(raw[row], cohort.scale, rng) for row in rows])
    X = np.asarray(steps.transform(raw), dtype=np.float64)
    off = np.asarray(steps.transform(again), dtype=np.float64) - X[rows]
    return Prey(
        X=X,
        y=cohort.y,
        patients=cohort.patients,
        members=members,
        targets=targets,
        rows=rows,
        row_of=row_of,
        guesses=_class_means(X, cohort.y, cohort.patients, rows),
        tolerance=np.sqrt((off**2).mean(axis=0)),
        genes=tuple(cohort.genes) if X.shape[1] == cohort.n_genes else None,
        seed=seed,
    )


def _class_means(X: FloatArray, y: IntArray, patients: IntArray, rows: IntArray) -> FloatArray:
    """Guess each row as the mean of its class over all other patients."""
    others = ((y == y[row]) & (patients != patients[row]) for row in rows)
    return np.stack([X[mask].mean(axis=0) for mask in others])


@dataclass(frozen=True)
class Unreadable:
    """Shares of updates whose first layer has no gradient even without noise, and of those from a sample fitted fully.

    Of a sample that the network fits to the last digit no layer has a gradient; else the units of the first are silent.
    """

    vanished: float
    learnt: float


@dataclass(frozen=True, eq=False)
class Judge:
    """What recovered profiles are compared with."""

    prey: Prey
    eta: float

    def recovery(
        self,
        attack: RecoveryAttack,
        network: Literal["none", "fresh", "trained", "chosen"],
        found: FloatArray,
        *,
        rows: IntArray | None = None,
        expected: tuple[float, float] | None = None,
        unreadable: Unreadable | None = None,
    ) -> Recovery:
        """Measure recovered profiles [targets, genes] in every term; `rows` are the true ones where not the prey's."""
        prey = self.prey
        rows = prey.rows if rows is None else rows
        truth = prey.X[rows]
        same = agreement(found, truth, tolerance=prey.tolerance)
        rate = success_rate(1 - same.pearson, self.eta)
        mean, success = expected or (None, None)
        return Recovery(
            attack=attack,
            network=network,
            patients=len(found),
            pearson=float(same.pearson.mean()),
            spearman=float(same.spearman.mean()),
            mse=float(same.mse.mean()),
            within_noise=float(same.within_noise.mean()),
            nearest_patient=float((nearest_patients(found, prey.X, prey.patients) == prey.patients[rows]).mean()),
            class_right=float((nearest_classes(found, prey.X, prey.y) == prey.y[rows]).mean()),
            sex_right=self._sex(found, truth),
            success=Estimate(rate.rate, rate.low, rate.high),
            expected_pearson=mean,
            expected_success=success,
            vanished=None if unreadable is None else unreadable.vanished,
            learnt=None if unreadable is None else unreadable.learnt,
        )

    def _sex(self, found: FloatArray, truth: FloatArray) -> float | None:
        if self.prey.genes is None:
            return None
        calls = [sex_calls(profiles, self.prey.X, self.prey.genes) for profiles in (found, truth)]
        return None if calls[0] is None or calls[1] is None else float((calls[0] == calls[1]).mean())
