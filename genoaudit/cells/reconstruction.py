"""What an adversary reconstructs under the mechanism of one cell of a sweep.

What is attacked is the recipe's network as it is without layer norm, momentum, weight decay and dropout, trained step
by step with the cell's sampling, clipping and noise: the form in which every step can be watched.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from genoaudit.cells.prey import Judge, Prey, choose_prey
from genoaudit.contracts import BoolArray, FloatArray, IntArray, Recipe
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate
from genoaudit.models.claims import privacy_claim
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.reconstruction_bound import reconstruction_bound
from genoaudit.reconstruction import law
from genoaudit.reconstruction.analytic import invert_first_layer
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.identification import identified_members, in_few_dimensions, on_genes
from genoaudit.reconstruction.imprint import imprint_network, imprinted_profiles
from genoaudit.reconstruction.informed import recover_last_sample
from genoaudit.reconstruction.inversion import class_profile, nearness
from genoaudit.reconstruction.network import Gradient, Network
from genoaudit.reconstruction.success import best_candidates, correlations, success_rate
from genoaudit.reconstruction.training_log import logged_training
from genoaudit.report.reconstruct_result import CellReconstruction, Identification, Inversion, Recovery

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

_BINS_PER_PATIENT = 4  # of an imprint: three patients of four are then alone in theirs
_ETA = 0.01  # not shown for cells of a sweep
_PENALTY = 1.0  # of a class profile's distance from the mean


def attack_mechanism(
    prey: Prey,
    *,
    hidden: Sequence[int],
    mechanism: Mechanism,
    learning_rate: float,
    candidates: int,
    eta: float,
    vacuous: bool,
) -> tuple[tuple[Recovery, ...], Identification, Inversion]:
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
    judge = Judge(prey, eta)
    start = Network.fresh((prey.X.shape[1], *hidden, int(prey.y.max()) + 1), prey.stream("network"))
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
    trained = on_genes(log.networks[-1], basis=basis, start=start)
    found = [
        judge.recovery("class_mean", "none", prey.guesses),
        *_from_updates(judge, start, "fresh", mechanism),
        *_from_updates(judge, trained, "trained", mechanism),
        _from_whole_patients(judge, start, mechanism),
        _from_batches(judge, mechanism),
    ]
    if not hidden and mechanism.noise_multiplier == 0:
        found.append(_last_samples(judge, few[inside], rows[inside], basis))
    hits = identified_members(log, few, classes, patients=owners, targets=place[prey.targets], mechanism=mechanism)
    named = _identification(hits, rivals.size + 1, mechanism, vacuous=vacuous)
    return tuple(found), named, _inverted(prey, trained)


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
    (found,) = _from_updates(judge, start, "fresh", mechanism, ways=("bias",))
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


def _update(
    network: Network, prey: Prey, rows: IntArray, mechanism: Mechanism, *path: str | int, noise: bool = True
) -> Gradient:
    """Return the noisy gradient of one patient's samples."""
    return released_gradient(
        network,
        prey.X[rows],
        prey.y[rows],
        clip=mechanism.clip,
        noise_multiplier=mechanism.noise_multiplier if noise else 0.0,
        generator=prey.stream("update", *path),
    )


def _inverted_update(gradient: Gradient, *, by: Literal["bias", "rank_one"]) -> FloatArray:
    """Return the profile, or nothing (zero throughout) where no unit was active."""
    try:
        return invert_first_layer(gradient, by=by)
    except ConfigError:
        return np.zeros(len(gradient.weights[0]))


def _from_updates(
    judge: Judge,
    network: Network,
    name: Literal["fresh", "trained"],
    mechanism: Mechanism,
    *,
    ways: Sequence[Literal["bias", "rank_one"]] = ("bias", "rank_one"),
) -> list[Recovery]:
    """Invert the first layer from the update of each target's one sample."""
    prey = judge.prey
    expected, found = [], {way: list[FloatArray]() for way in ways}
    for number, row in enumerate(prey.rows):
        only = np.array([row])
        clean = _update(network, prey, only, mechanism, noise=False)
        expected.append(_expected(clean, prey.X[row], mechanism, judge.eta))
        update = _update(network, prey, only, mechanism, name, number)
        for way in ways:
            found[way].append(_inverted_update(update, by=way))
    pearson, success = np.mean(expected, axis=0)
    told = {"bias": (float(pearson), float(success))}
    return [
        judge.recovery("analytic" if way == "bias" else way, name, np.stack(profiles), expected=told.get(way))
        for way, profiles in found.items()
    ]


def _expected(clean: Gradient, profile: FloatArray, mechanism: Mechanism, eta: float) -> tuple[float, float]:
    """Return mean correlation and chance of success, by the law of the best reconstruction from scratch."""
    heard = float(np.linalg.norm(clean.biases[0]))
    if mechanism.noise_multiplier == 0 or heard == 0:
        return float(heard > 0), float(heard > 0)
    # The noise in units of what is left of the errors after clipping, so that it holds where clipping does not bind.
    noise, norm = mechanism.noise_multiplier, mechanism.clip / heard
    pearson = law.expected_correlation(noise, profile=profile, norm=norm)
    return pearson, 1 - float(law.correlation_cdf(1 - eta, noise_multiplier=noise, profile=profile, norm=norm))


def _from_whole_patients(judge: Judge, network: Network, mechanism: Mechanism) -> Recovery:
    """Invert updates that hold all samples of a patient: of several, the one that is recovered best counts."""
    prey = judge.prey
    found, rows = [], []
    for number, target in enumerate(prey.targets):
        own = np.flatnonzero(prey.patients == target)
        profile = _inverted_update(_update(network, prey, own, mechanism, "whole", number), by="bias")
        found.append(profile)
        rows.append(own[correlations(profile[np.newaxis], prey.X[own])[0].argmax()])
    return judge.recovery("whole_patient", "fresh", np.stack(found), rows=np.array(rows))


def _from_batches(judge: Judge, mechanism: Mechanism) -> Recovery:
    """Invert batches at a network made for it; each target is once in a batch of the size expected, with others."""
    prey = judge.prey
    size = min(max(2, round(mechanism.expected_patients)), int(prey.members.sum()))
    public = prey.X[~prey.members[prey.patients]]
    centred = public - public.mean(axis=0)
    direction = np.linalg.eigh(centred @ centred.T)[1][:, -1] @ centred
    direction /= np.linalg.norm(direction)
    network = imprint_network(
        direction,
        bins=_BINS_PER_PATIENT * size,
        classes=int(prey.y.max()) + 1,
        mean=float((public @ direction).mean()),
        deviation=float((public @ direction).std()),
        generator=prey.stream("imprint"),
    )
    others = np.setdiff1d(np.flatnonzero(prey.members), prey.targets)
    found = []
    for first in range(0, prey.targets.size, size):
        rng = prey.stream("batch", first)
        here = prey.rows[first : first + size]
        batch = np.append(here, prey.row_of[rng.permutation(others)[: size - here.size]])
        update = released_gradient(
            network,
            prey.X[batch],
            prey.y[batch],
            patients=np.arange(batch.size),
            clip=mechanism.clip,
            noise_multiplier=mechanism.noise_multiplier,
            generator=rng,
        )
        profiles = imprinted_profiles(update)
        found.append(profiles[best_candidates(profiles, prey.X[here])])
    return judge.recovery("imprint", "chosen", np.concatenate(found))


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
