"""What an adversary reconstructs under the mechanism of one cell of a sweep.

What is attacked is the recipe's network as it is without layer norm, momentum, weight decay and dropout, trained step
by step with the cell's sampling, clipping and noise: the form in which every step can be watched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from genoaudit.cells.batches import from_imprints, from_traps
from genoaudit.cells.prey import Judge, Prey, choose_prey
from genoaudit.cells.updates import from_later_layers, from_updates, from_whole_patients, noise_for_half
from genoaudit.contracts import BoolArray, FloatArray, IntArray, Recipe
from genoaudit.metrics.estimates import Estimate
from genoaudit.models.claims import privacy_claim
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.reconstruction_bound import reconstruction_bound
from genoaudit.reconstruction.identification import identified_members, in_few_dimensions, on_genes
from genoaudit.reconstruction.informed import recover_last_sample
from genoaudit.reconstruction.inversion import class_profile, nearness
from genoaudit.reconstruction.network import Network
from genoaudit.reconstruction.success import guessing_share, success_rate
from genoaudit.reconstruction.training_log import logged_training
from genoaudit.report.reconstruct_result import CellReconstruction, Identification, Inversion, Recovery, Threshold
from genoaudit.training.guarded import single_threaded

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

_ETA = 0.01  # not shown for cells of a sweep
_PENALTY = 1.0  # of a class profile's distance from the mean


@dataclass(frozen=True)
class Attacked:
    """What every attack on one training found."""

    recoveries: tuple[Recovery, ...]
    threshold: Threshold
    half_noise: float | None
    identification: Identification
    inversion: Inversion


def attack_mechanism(
    prey: Prey,
    *,
    hidden: Sequence[int],
    mechanism: Mechanism,
    learning_rate: float,
    candidates: int,
    eta: float,
    vacuous: bool,
) -> Attacked:
    """Make every attack on a training with a mechanism; noise 0 stands for none.

    Parameters
    ----------
    prey
        Whom and what.
    hidden
        Widths of the hidden layers.
    mechanism, learning_rate
        The training.
    candidates
        Of an identification; fewer where there are not so many patients who are no members.
    eta
        Largest error, 1 - Pearson, of a success.
    vacuous
        Whether the mechanism promises nothing, so that no bound holds but 1.
    """
    with single_threaded():  # the same numbers for any number of threads
        judge = Judge(prey, eta)
        start = Network.fresh((prey.X.shape[1], *hidden, int(prey.y.max()) + 1), prey.stream("network"))
        trained, named, informed = _trained(judge, start, mechanism, learning_rate, candidates, vacuous=vacuous)
        found = [
            judge.recovery("class_mean", "none", prey.guesses),
            *from_updates(judge, start, "fresh", mechanism),
            *from_updates(judge, trained, "trained", mechanism),
            from_whole_patients(judge, start, mechanism),
            from_imprints(judge, mechanism),
            from_traps(judge, mechanism),
            *([from_later_layers(judge, start, mechanism)] if hidden else []),
            *informed,
        ]
        return Attacked(
            recoveries=tuple(found),
            threshold=_threshold(prey, mechanism, eta),
            half_noise=noise_for_half(prey, start, mechanism),
            identification=named,
            inversion=_inverted(prey, trained),
        )


def _trained(
    judge: Judge, start: Network, mechanism: Mechanism, learning_rate: float, candidates: int, *, vacuous: bool
) -> tuple[Network, Identification, list[Recovery]]:
    """Train under the eyes of the adversary, name members from the log, and recover the last sample of an optimum."""
    prey = judge.prey
    count = int(prey.members.sum())
    rivals = prey.stream("candidates").permutation(np.flatnonzero(~prey.members))[: candidates - 1]
    place = np.full(prey.members.size, -1)
    place[np.append(np.flatnonzero(prey.members), rivals)] = np.arange(count + rivals.size)
    rows = np.flatnonzero(place[prey.patients] >= 0)
    owners, classes = place[prey.patients[rows]], prey.y[rows]
    few, turned, basis = in_few_dimensions(prey.X[rows], start)
    inside = owners < count
    log = logged_training(
        turned,
        few[inside],
        classes[inside],
        mechanism=mechanism,
        learning_rate=learning_rate,
        generator=prey.stream("training"),
        patients=owners[inside],
    )
    hits = identified_members(log, few, classes, patients=owners, targets=place[prey.targets], mechanism=mechanism)
    named = _identification(hits, rivals.size + 1, mechanism, vacuous=vacuous)
    convex = len(start.weights) == 1 and mechanism.noise_multiplier == 0
    informed = [_last_samples(judge, few[inside], rows[inside], basis)] if convex else []
    return on_genes(log.networks[-1], basis=basis, start=start), named, informed


def _threshold(prey: Prey, mechanism: Mechanism, eta: float) -> Threshold:
    """Bound success within `eta` for an adversary who knows all but which patient of the cohort the update is of."""
    kappa, noise = guessing_share(prey.X[prey.row_of], eta), mechanism.noise_multiplier
    if noise == 0 or kappa == 1:
        return Threshold(kappa=kappa, bound=1.0)
    return Threshold(kappa=kappa, bound=reconstruction_bound(kappa, noise_multiplier=noise, sampling_rate=1.0, steps=1))


def reconstruct_cell(
    recipe: Recipe, cohort: Cohort, *, members: BoolArray, seed: int, patients: int = 40
) -> CellReconstruction | None:
    """Read profiles off the gradients of single samples, at a fresh network under a recipe's noise.

    Parameters
    ----------
    recipe
        Settled by `genoaudit.models.claims.settle_privacy`.
    cohort
        The patients.
    members
        Who is in the training, [patients].
    seed
        Root of the seed tree.
    patients
        Most members to attack.

    Returns
    -------
    None for a recipe without a first linear layer that is known here.
    """
    hidden = hidden_layers(recipe)
    if hidden is None:
        return None
    prey = choose_prey(recipe, cohort, members=members, seed=seed, patients=patients)
    start = Network.fresh((prey.X.shape[1], *hidden, len(cohort.classes)), prey.stream("network"))
    count = int(members.sum())
    claim = privacy_claim(recipe, patients=count)
    mechanism = Mechanism(1.0, 0.0, 1.0, 1, count) if claim is None else claim.mechanism
    judge = Judge(prey, _ETA)
    control = judge.recovery("class_mean", "none", prey.guesses)
    (found,) = from_updates(judge, start, "fresh", mechanism, ways=("bias",))
    return CellReconstruction(
        patients=found.patients,
        pearson=found.pearson,
        control=control.pearson,
        expected=found.expected_pearson or 0.0,
        hit_rate=found.nearest_patient,
    )


def hidden_layers(recipe: Recipe) -> tuple[int, ...] | None:
    """Return the widths of a recipe's hidden layers; None if its network is not one that is known here."""
    from sklearn.pipeline import Pipeline

    from genoaudit.models.mlp import MLPClassifier

    last = recipe[-1] if isinstance(recipe, Pipeline) else None
    return tuple(last.hidden) if type(last) is MLPClassifier else None


def _last_samples(judge: Judge, few: FloatArray, rows: IntArray, basis: FloatArray) -> Recovery:
    """Recover each target's sample from a logistic regression at its optimum and all other samples of the members."""
    from sklearn.linear_model import LogisticRegression

    prey, y = judge.prey, judge.prey.y[rows]
    codes = np.unique(y, return_inverse=True)[1]
    model = LogisticRegression(C=1.0, tol=1e-9, max_iter=20_000).fit(few, codes)
    found = []
    for row in prey.rows:
        known = rows != row
        last = recover_last_sample(model.coef_, model.intercept_, few[known], codes[known], C=1.0, tolerance=None)
        found.append(basis @ last.profile)
    return judge.recovery("informed", "trained", np.stack(found))


def _identification(hits: BoolArray, candidates: int, mechanism: Mechanism, *, vacuous: bool) -> Identification:
    rate = success_rate(np.where(hits, 0.0, 1.0), 0.5)
    bound = 1.0 if vacuous else _bound(candidates, mechanism)
    return Identification(
        candidates=candidates,
        patients=hits.size,
        named=int(hits.sum()),
        rate=Estimate(rate.rate, rate.low, rate.high),
        guessing=1 / candidates,
        bound=bound,
    )


@lru_cache(maxsize=256)
def _bound(candidates: int, mechanism: Mechanism) -> float:
    return reconstruction_bound(
        1 / candidates,
        noise_multiplier=mechanism.noise_multiplier,
        sampling_rate=mechanism.sampling_rate,
        steps=mechanism.steps,
    )


def _inverted(prey: Prey, network: Network) -> Inversion:
    """Climb to the profile of every class and compare members with others, one sample of each patient."""
    own, outside = (prey.row_of[np.flatnonzero(side)] for side in (prey.members, ~prey.members))
    near = []
    for code in np.unique(prey.y):
        inside, others = own[prey.y[own] == code], outside[prey.y[outside] == code]
        if inside.size and others.size:
            profile = class_profile(network, int(code), penalty=_PENALTY, mean=prey.X[outside].mean(axis=0), steps=100)
            near.append(nearness(profile, prey.X[inside], prey.X[others]))
    return Inversion(
        classes=len(near),
        auc=float(np.mean([one.auc for one in near])),
        pearson=float(np.mean([one.nearest_member for one in near])),
    )
