"""What a private mechanism guarantees, from the mechanism alone: the story of ``genoaudit bounds``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from genoaudit.errors import ConfigError
from genoaudit.privacy.accounting import VACUOUS, guarantee
from genoaudit.privacy.accounting import Guarantee as Promise
from genoaudit.privacy.curve import RiskCurve, epsilon_at, replacement_losses, risk_curve
from genoaudit.privacy.group_privacy import check_size, group_epsilon, patient_losses, replaced_patient
from genoaudit.privacy.lower_bounds import Neighbouring, check_delta
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.pld import discretisation
from genoaudit.privacy.rdp import ORDERS, rdp_epsilon
from genoaudit.report.bounds_result import (
    BoundsReport,
    Claim,
    Curve,
    FromScratch,
    Guarantees,
    MechanismSummary,
    Ppv,
    Reconstruction,
    Risks,
    TprAtFpr,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PRIORS = (0.01, 0.1, 0.5)
"""Shares of members among those attacked."""

FPRS = (0.001, 0.01, 0.1)
"""FPRs at which the largest TPR is told."""

RELAXED = (
    "The adversary does not know the direction of the patient's gradient (generalised likelihood ratio test). "
    "Who does, succeeds more often. Not part of what epsilon guarantees."
)
FROM_SCRATCH = (
    "The adversary knows nothing beforehand, sees the noisy gradient of one step, and in it nothing but this patient, "
    "whose clipped gradient holds nothing but his profile. Fewer genes suffice to tell which of a few patients it is."
)
_RELATIONS: tuple[Neighbouring, ...] = ("add/remove", "replace-one")
_GRID = tuple(float(f"{fpr:.6g}") for fpr in np.geomspace(1e-4, 1.0, 121))
_UNRELIABLE = 1e-4  # kappa below which the expansion and tails of loss distributions are not to be trusted
_EDGEWORTH_KAPPA = f"kappa is below {_UNRELIABLE:g}, where the expansion errs without limit."


def bounds(
    mechanism: Mechanism,
    delta: float,
    *,
    candidates: int | None = None,
    priors: Sequence[float] = PRIORS,
    genes: int | None = None,
    samples_per_patient: int = 1,
    prv: bool = False,
) -> BoundsReport:
    """Say what a mechanism guarantees: epsilon in several ways, and every risk that follows from its trade-off curve.

    Parameters
    ----------
    mechanism
        What is trained and released. With one patient, the number of patients counts as not said.
    delta
        In (0, 1).
    candidates
        Patients among whom the adversary looks for the right one; default: as many as there are, or 100.
    priors
        Shares of members among those attacked, in (0, 1).
    genes
        Genes of a profile; None: say nothing of reconstruction from scratch.
    samples_per_patient
        Above 1, samples are drawn and clipped one by one: what holds for a patient with so many comes first, and what
        holds for one sample stands beside it.
    prv
        Compute epsilon by the accountant of Opacus too, which takes seconds.

    Raises
    ------
    ConfigError
        If an argument is impossible.

    Examples
    --------
    >>> mechanism = Mechanism(clip=1.0, noise_multiplier=1.1, sampling_rate=0.08, steps=500, patients=800)
    >>> report = bounds(mechanism, 1 / 800)
    >>> round(report.epsilon, 2), round(report.under("add/remove").advantage, 2)
    (7.7, 0.65)
    """
    check_delta(delta, positive=True)
    candidates = candidates if candidates is not None else mechanism.patients if mechanism.patients > 1 else 100
    _check_tables(candidates, priors, genes)
    check_size(samples_per_patient)
    promise = guarantee([mechanism], delta)
    drawn = _of_what_is_drawn(mechanism, promise, candidates, priors, prv=prv)
    by_sample = samples_per_patient > 1
    patient = _of_patient(mechanism, promise, samples_per_patient, candidates, priors) if by_sample else drawn
    return BoundsReport(
        **dict(patient),
        genoaudit_version=version("genoaudit"),
        mechanism=_summary(mechanism, samples_per_patient),
        delta=delta,
        sample=drawn if by_sample else None,
        from_scratch=None if genes is None else _from_scratch(mechanism.noise_multiplier, genes),
        warnings=_warnings(mechanism, delta),
    )


def _of_what_is_drawn(
    mechanism: Mechanism, promise: Promise, candidates: int, priors: Sequence[float], *, prv: bool
) -> Guarantees:
    """Say what holds for the unit that is drawn and clipped: the patient, or one sample."""
    curves = {relation: _curve(mechanism, promise, relation) for relation in _RELATIONS}
    return Guarantees(
        epsilon=_finite(promise.epsilon),
        vacuous=promise.vacuous,
        claims=_claims(mechanism, promise, prv=prv),
        risks=tuple(_risks(curve, _epsilon(mechanism, promise, name), priors) for name, curve in curves.items()),
        reconstruction=_reconstruction(mechanism, curves["add/remove"], candidates, vacuous=promise.vacuous),
    )


def _of_patient(
    mechanism: Mechanism, promise: Promise, samples: int, candidates: int, priors: Sequence[float]
) -> Guarantees:
    """Say what holds for a patient whose samples are drawn and clipped one by one."""
    epsilon, replaced = math.inf, math.inf
    claims: tuple[Claim, ...] = ()
    curves = {relation: RiskCurve.excluding_nothing(relation) for relation in _RELATIONS}
    if not promise.vacuous:
        total = patient_losses([mechanism], samples)
        epsilon = epsilon_at(total, promise.delta)
        if epsilon <= VACUOUS:
            curves = {"add/remove": RiskCurve.of_losses(total, "add/remove"), "replace-one": replaced_patient(total)}
            replaced = curves["replace-one"].epsilon(promise.delta)
        by_group = group_epsilon([mechanism], promise.delta, samples)
        claims = (
            _claim("pld", epsilon, claimed=True, discretisation=samples * discretisation([mechanism])),
            _claim("group_privacy", by_group, claimed=False),
        )
    vacuous, found = epsilon > VACUOUS, {"add/remove": epsilon, "replace-one": replaced}
    return Guarantees(
        epsilon=_finite(epsilon),
        vacuous=vacuous,
        claims=claims,
        risks=tuple(_risks(curve, _finite(found[name]), priors) for name, curve in curves.items()),
        reconstruction=_reconstruction(mechanism, curves["add/remove"], candidates, vacuous=vacuous, samples=samples),
    )


def _check_tables(candidates: int, priors: Sequence[float], genes: int | None) -> None:
    if candidates < 2:
        raise ConfigError(f"--candidates must be at least 2, found {candidates}.")
    wrong = [prior for prior in priors if not 0 < prior < 1]
    if wrong or not priors:
        raise ConfigError(f"--prior must lie strictly between 0 and 1, found {wrong[0] if wrong else 'none'}.")
    if genes is not None and genes < 3:
        raise ConfigError(f"--genes must be at least 3, found {genes}.")


def _curve(mechanism: Mechanism, promise: Promise, neighbouring: Neighbouring) -> RiskCurve:
    if promise.vacuous:
        return RiskCurve.excluding_nothing(neighbouring)
    return risk_curve([mechanism], neighbouring=neighbouring, delta=promise.delta)


def _epsilon(mechanism: Mechanism, promise: Promise, neighbouring: Neighbouring) -> float | None:
    if neighbouring == "add/remove":
        return _finite(promise.epsilon)
    return None if promise.vacuous else _finite(epsilon_at(replacement_losses([mechanism]), promise.delta))


def _risks(curve: RiskCurve, epsilon: float | None, priors: Sequence[float]) -> Risks:
    return Risks(
        neighbouring=curve.neighbouring,
        epsilon=epsilon,
        advantage=curve.advantage,
        auc=curve.auc,
        tpr_at_fpr=_rates(curve),
        ppv=tuple(Ppv(prior=prior, fpr=fpr, ppv=curve.ppv(prior, fpr)) for prior in priors for fpr in FPRS),
        curve=Curve(fpr=_GRID, tpr=tuple(curve.tpr_at(_GRID).tolist())),
    )


def _rates(curve: RiskCurve) -> tuple[TprAtFpr, ...]:
    return tuple(TprAtFpr(fpr=fpr, tpr=float(curve.tpr_at(fpr))) for fpr in FPRS)


def _claims(mechanism: Mechanism, promise: Promise, *, prv: bool) -> tuple[Claim, ...]:
    """Epsilon in every way; where it is vacuous, by RDP alone."""
    by_pld = promise.accountant == "pld"
    claims = []
    if by_pld:
        claims.append(_claim("pld", promise.epsilon, claimed=True, discretisation=promise.discretisation))
    for method, conversion in (("rdp_improved", "improved"), ("rdp_classic", "classic")):
        epsilon, order = rdp_epsilon([mechanism], promise.delta, conversion=conversion)  # type: ignore[arg-type]
        found = {"orders": len(ORDERS), "smallest_order": ORDERS[0], "largest_order": ORDERS[-1]}
        claims.append(
            _claim(method, epsilon, claimed=not by_pld and conversion == "improved", best_order=_finite(order), **found)
        )
    if prv:
        claims.append(_claim("prv", _prv_epsilon(mechanism, promise.delta) if by_pld else math.inf, claimed=False))
    return tuple(claims)


def _claim(method: str, epsilon: float, *, claimed: bool, **how: float | None) -> Claim:
    details = dict.fromkeys(("discretisation", "orders", "smallest_order", "largest_order", "best_order")) | how
    return Claim.model_validate({"method": method, "epsilon": _finite(epsilon), "claimed": claimed, **details})


def _prv_epsilon(mechanism: Mechanism, delta: float) -> float:
    import warnings

    from opacus.accountants import PRVAccountant

    accountant = PRVAccountant()
    accountant.history = [(mechanism.noise_multiplier, mechanism.sampling_rate, mechanism.steps)]
    accountant.history += [(noise, 1.0, 1) for noise in mechanism.releases]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Optimal order", category=UserWarning)  # where its search begins
        return float(accountant.get_epsilon(delta=delta))


def _reconstruction(
    mechanism: Mechanism, curve: RiskCurve, candidates: int, *, vacuous: bool, samples: int = 1
) -> Reconstruction:
    kappa = 1 / candidates
    if vacuous:
        return Reconstruction(
            candidates=candidates,
            kappa=kappa,
            gamma=1.0,
            advantage=1 - kappa,
            refused=None,
            edgeworth=None,
            edgeworth_refused="Epsilon is vacuous.",
            relaxed=None,
            assumption=RELAXED,
        )
    from genoaudit.privacy.reconstruction_bound import (
        reconstruction_bound,
        reconstruction_bound_edgeworth,
        relaxed_bound,
    )

    gamma, refused = _or_reason(lambda: _gamma(mechanism, curve, kappa, reconstruction_bound, samples=samples))
    expanded: float | None = None
    relaxed: float | None = None
    no_expansion: str | None = "It is known for one sample alone."
    if samples == 1:
        expanded, no_expansion = _or_reason(lambda: _cross_check(mechanism, kappa, reconstruction_bound_edgeworth))
        relaxed, _ = _or_reason(lambda: _without_releases(mechanism, kappa, relaxed_bound))
    return Reconstruction(
        candidates=candidates,
        kappa=kappa,
        gamma=gamma,
        advantage=None if gamma is None else gamma - kappa,
        refused=refused,
        edgeworth=expanded,
        edgeworth_refused=no_expansion,
        relaxed=relaxed,
        assumption=RELAXED,
    )


def _gamma(mechanism: Mechanism, curve: RiskCurve, kappa: float, bound: Callable[..., float], *, samples: int) -> float:
    if samples == 1 and not mechanism.releases:
        return _without_releases(mechanism, kappa, bound)  # knows what is lost in its tails, and refuses
    if kappa < _UNRELIABLE:
        msg = f"kappa = {kappa:g} is below {_UNRELIABLE:g}, too small to be read from a composed curve."
        raise ConfigError(msg)
    return float(curve.tpr_at(kappa))


def _cross_check(mechanism: Mechanism, kappa: float, bound: Callable[..., float]) -> float:
    if kappa < _UNRELIABLE:
        raise ConfigError(_EDGEWORTH_KAPPA)
    return _without_releases(mechanism, kappa, bound)


def _without_releases(mechanism: Mechanism, kappa: float, bound: Callable[..., float]) -> float:
    if mechanism.releases:
        raise ConfigError("It is known for the training alone, not with releases beforehand.")
    return bound(
        kappa,
        noise_multiplier=mechanism.noise_multiplier,
        sampling_rate=mechanism.sampling_rate,
        steps=mechanism.steps,
    )


def _or_reason(compute: Callable[[], float]) -> tuple[float | None, str | None]:
    try:
        return compute(), None
    except ConfigError as error:
        return None, str(error)


def _from_scratch(noise: float, genes: int) -> FromScratch:
    from scipy import special

    from genoaudit.reconstruction.law import mse_quantile, noise_for_correlation

    # The correlation is a function of a non-central t variable with genes - 2 degrees of freedom; its median is that of
    # the chi-square variable in its denominator, to 1e-3 from 100 genes.
    spread = noise**2 * 2 * float(special.gammaincinv((genes - 2) / 2, 0.5))
    error = 0.0 if noise == 0 else mse_quantile(0.5, noise_multiplier=noise, norm=math.sqrt(genes), genes=genes)
    return FromScratch(
        genes=genes,
        median_correlation=1 / math.sqrt(1 + spread),
        median_mse=float(error),
        noise_for_half=noise_for_correlation(0.5, profile=np.linspace(-1.0, 1.0, genes)),
        assumption=FROM_SCRATCH,
    )


def _summary(mechanism: Mechanism, samples: int) -> MechanismSummary:
    return MechanismSummary(
        unit="patient" if samples == 1 else "sample",
        samples_per_patient=samples,
        noise_multiplier=mechanism.noise_multiplier,
        sampling_rate=mechanism.sampling_rate,
        steps=mechanism.steps,
        patients=mechanism.patients if mechanism.patients > 1 else None,
        releases=mechanism.releases,
    )


def _warnings(mechanism: Mechanism, delta: float) -> tuple[str, ...]:
    if mechanism.patients > 1 and delta >= 1 / mechanism.patients:
        too_large = f"delta = {delta:g} is not below 1 / {mechanism.patients}: publishing one patient whole is allowed."
        return (f"{too_large} Usual is 1 / {10 * mechanism.patients} or less.",)
    return ()


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
