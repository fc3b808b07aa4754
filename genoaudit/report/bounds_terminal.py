"""What a private mechanism guarantees, in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from genoaudit.privacy.accounting import VACUOUS
from genoaudit.report.bounds_result import (
    BoundsReport,
    CalibrationReport,
    Claim,
    FromScratch,
    PatientStatement,
    Reconstruction,
    Risks,
)
from genoaudit.report.terminal import plain_table, print_warnings, stdout_console
from genoaudit.report.wording import claim_text

_METHODS = {
    "pld": "PLD",
    "rdp_improved": "RDP",
    "rdp_classic": "RDP, classic",
    "prv": "PRV (Opacus)",
}


def print_bounds(report: BoundsReport) -> None:
    """Print the claim, how else it can be computed, and every risk that follows."""
    console = stdout_console()
    console.print(_heading(report), style="bold")
    console.print(f"{_mechanism(report)}. Neighbouring relation of the claim: add/remove one {report.unit}.")
    if report.vacuous:
        console.print("Above 1,000 epsilon excludes no attack; every TPR below is taken as 1 without computing it.")
    _print_claims(console, report.claims)
    _print_risks(console, report.risks)
    _print_ppv(console, report.under("add/remove"))
    whom = "patient" if report.patient is None else "sample"
    _print_reconstruction(console, report.reconstruction, whom=whom, vacuous=report.vacuous)
    if report.from_scratch is not None:
        _print_from_scratch(console, report.from_scratch)
    if report.patient is not None:
        _print_patient(console, report.patient, report.delta)
    print_warnings(console, report.warnings)


def print_calibration(report: CalibrationReport) -> None:
    """Print the noise that meets the target, then what it guarantees."""
    console = stdout_console()
    console.print(f"Noise multiplier {report.noise_multiplier:.5g}: {report.wish}.", style="bold")
    if not report.guaranteed:
        console.print("This rests on an assumption about the adversary; what is guaranteed follows.", style="yellow")
    console.print()
    print_bounds(report.bounds)


def _heading(report: BoundsReport) -> str:
    size = _epsilon(report.epsilon)
    return f"epsilon {size} at delta {report.delta:.3g} per {report.unit}{', vacuous' if report.vacuous else ''}"


def _mechanism(report: BoundsReport) -> str:
    done = report.mechanism
    patients = "" if done.patients is None else f", {done.patients:,} patients"
    released = f", after {len(done.releases)} releases" if done.releases else ""
    return (
        f"DP-SGD with noise multiplier {done.noise_multiplier:.4g}, sampling rate {done.sampling_rate:.4g}, "
        f"{done.steps:,} {'step' if done.steps == 1 else 'steps'}{patients}{released}"
    )


def _print_claims(console: Console, claims: tuple[Claim, ...]) -> None:
    console.print()
    table = plain_table("epsilon by", "at most", "computed with")
    for claim in claims:
        name = _METHODS[claim.method] + (", the claim" if claim.claimed else "")
        table.add_row(*map(Text, (name, _epsilon(claim.epsilon), _how(claim))))
    console.print(table)


def _how(claim: Claim) -> str:
    if claim.method == "pld":
        return f"losses rounded up to multiples of {claim.discretisation:.2g}"
    if claim.method == "prv":
        return "an upper end, 0.01 above its estimate"
    best = "" if claim.best_order is None else f", best 1 + {claim.best_order - 1:.3g}"
    largest, smallest = claim.largest_order or 0.0, claim.smallest_order or 0.0
    return f"{claim.orders} orders, 1 + {smallest - 1:.2g} to {largest:g}{best}"


def _print_risks(console: Console, risks: tuple[Risks, ...]) -> None:
    console.print()
    table = plain_table("no membership attack exceeds", *(risk.neighbouring for risk in risks), "guessing")
    table.add_row("epsilon at this delta", *(_epsilon(risk.epsilon) for risk in risks), "0")
    table.add_row("advantage (TPR - FPR)", *(f"{risk.advantage:.3f}" for risk in risks), "0")
    table.add_row("AUC", *(f"{risk.auc:.3f}" for risk in risks), "0.5")
    for number, rate in enumerate(risks[0].tpr_at_fpr):
        found = (_percent(risk.tpr_at_fpr[number].tpr) for risk in risks)
        table.add_row(f"TPR at {100 * rate.fpr:g} % FPR", *found, f"{100 * rate.fpr:g} %")
    console.print(table)


def _print_ppv(console: Console, risks: Risks) -> None:
    priors = tuple(dict.fromkeys(found.prior for found in risks.ppv))
    console.print()
    table = plain_table("share of right accusations", *(f"prior {100 * prior:g} %" for prior in priors))
    for fpr in dict.fromkeys(found.fpr for found in risks.ppv):
        cells = (_percent(found.ppv) for found in risks.ppv if found.fpr == fpr)
        table.add_row(f"at {100 * fpr:g} % FPR, at most", *cells)
    console.print(table)


def _print_reconstruction(console: Console, found: Reconstruction, *, whom: str, vacuous: bool) -> None:
    console.print()
    if found.gamma is None or found.advantage is None:
        console.print(f"Picking a {whom} out of {found.candidates:,} candidates: no number. {found.refused}")
        return
    console.print(
        f"Picking a {whom} out of {found.candidates:,} candidates succeeds with a chance of {_percent(found.gamma)} "
        f"at most (add/remove); guessing, with {_percent(found.kappa)}. The model is to blame for "
        f"{_percent(found.advantage)} at most."
    )
    if vacuous:
        return
    if found.edgeworth is None:
        console.print(f"  No cross-check by an Edgeworth expansion: {found.edgeworth_refused}")
    else:
        console.print(f"  Cross-check by an Edgeworth expansion, which is no bound: {_percent(found.edgeworth)}.")
    if found.relaxed is not None:
        console.print(f"  Under an assumption, not guaranteed: {_percent(found.relaxed)}. {found.assumption}")


def _print_from_scratch(console: Console, found: FromScratch) -> None:
    console.print()
    console.print(
        f"Reading {found.genes:,} genes out of one noisy gradient from scratch: median correlation with the profile "
        f"{found.median_correlation:.3f}, median MSE {found.median_mse:.3g} times its mean square; half of the "
        f"correlation is left at a noise multiplier of {found.noise_for_half:.3g}."
    )
    console.print(f"  Under an assumption, not guaranteed. {found.assumption}")


def _print_patient(console: Console, found: PatientStatement, delta: float) -> None:
    console.print()
    console.print(
        f"A patient with up to {found.samples_per_patient} samples: epsilon {_epsilon(found.epsilon)} at delta "
        f"{delta:.3g} (by group privacy alone {_epsilon(found.group_epsilon)}), advantage {found.advantage:.3f}, AUC "
        f"{found.auc:.3f}, "
        + ", ".join(f"TPR {_percent(rate.tpr)} at {100 * rate.fpr:g} % FPR" for rate in found.tpr_at_fpr)
        + "."
    )
    console.print(f"  {found.note}")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _epsilon(value: float | None) -> str:
    if value is None:
        return "infinite"
    return claim_text(value) if value <= VACUOUS else f"{value:.3g}"
