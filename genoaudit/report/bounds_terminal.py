"""What a private mechanism guarantees, in the terminal: patients first, single samples beside them."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from genoaudit.privacy.accounting import VACUOUS
from genoaudit.report.bounds_result import (
    BoundsReport,
    CalibrationReport,
    Claim,
    FromScratch,
    Guarantees,
    Reconstruction,
    Risks,
)
from genoaudit.report.promise_wording import claim_text
from genoaudit.report.terminal import plain_table, print_warnings, stdout_console

SEVERAL_SAMPLES = (
    "Samples are drawn and clipped one by one, so a patient with several is protected less than one sample. By PLD, "
    "epsilon counts how many of his samples a step draws; by group privacy, it follows from the samples' epsilon "
    "alone. Replace-one takes one patient out and puts another in, one after the other."
)
_METHODS = {
    "pld": "PLD",
    "rdp_improved": "RDP",
    "rdp_classic": "RDP, classic",
    "prv": "PRV (Opacus)",
    "group_privacy": "group privacy",
}
_NOT_COMPUTED = "-"

Levels = Mapping[str, Guarantees]
"""By unit: the patient, and one sample where samples are what is drawn."""


def print_bounds(report: BoundsReport) -> None:
    """Print the claim, how else it can be computed, and every risk that follows."""
    console = stdout_console()
    levels: dict[str, Guarantees] = {"patient": report}
    if report.sample is not None:
        levels["sample"] = report.sample
    console.print(_heading(report), style="bold")
    console.print(f"{_mechanism(report)}. Neighbouring relation of the claim: add/remove one patient.")
    if report.sample is not None:
        console.print(SEVERAL_SAMPLES)
    for unit, found in levels.items():
        if found.vacuous:
            whose = f" of a {unit}" if len(levels) > 1 else ""
            console.print(f"Above 1,000 epsilon excludes no attack; every TPR{whose} is taken as 1 and not computed.")
    _print_claims(console, levels)
    _print_risks(console, levels)
    _print_ppv(console, levels)
    for unit, found in levels.items():
        _print_reconstruction(console, found.reconstruction, whom=unit, vacuous=found.vacuous)
    if report.from_scratch is not None:
        _print_from_scratch(console, report.from_scratch)
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
    vacuous = ", vacuous" if report.vacuous else ""
    found = f"epsilon {_epsilon(report.epsilon)} at delta {report.delta:.3g} per patient"
    if report.sample is None:
        return f"{found}{vacuous}"
    samples = f"with up to {report.mechanism.samples_per_patient} samples"
    return f"{found} {samples}{vacuous}; {_epsilon(report.sample.epsilon)} per sample"


def _mechanism(report: BoundsReport) -> str:
    done = report.mechanism
    patients = "" if done.patients is None else f", {done.patients:,} patients"
    released = f", after {len(done.releases)} releases" if done.releases else ""
    return (
        f"DP-SGD with noise multiplier {done.noise_multiplier:.4g}, sampling rate {done.sampling_rate:.4g}, "
        f"{done.steps:,} {'step' if done.steps == 1 else 'steps'}{patients}{released}"
    )


def _print_claims(console: Console, levels: Levels) -> None:
    console.print()
    several = len(levels) > 1
    table = plain_table("epsilon by", *(levels if several else ("at most",)), "computed with")
    claims = {unit: {claim.method: claim for claim in found.claims} for unit, found in levels.items()}
    for method in dict.fromkeys(method for found in claims.values() for method in found):
        found = [of_unit.get(method) for of_unit in claims.values()]
        known = [claim for claim in found if claim is not None]
        name = _METHODS[method] + (", the claim" if known[0].claimed else "")
        sizes = (_NOT_COMPUTED if claim is None else _epsilon(claim.epsilon) for claim in found)
        table.add_row(*map(Text, (name, *sizes, _how(known[-1]))))
    console.print(table)


def _how(claim: Claim) -> str:
    if claim.method == "pld":
        return "" if claim.discretisation is None else f"losses rounded up to multiples of {claim.discretisation:.2g}"
    if claim.method == "prv":
        return "an upper end, 0.01 above its estimate"
    if claim.method == "group_privacy":
        return "epsilon of a sample at a smaller delta"
    best = "" if claim.best_order is None else f", best 1 + {claim.best_order - 1:.3g}"
    largest, smallest = claim.largest_order or 0.0, claim.smallest_order or 0.0
    return f"orders 1 + {smallest - 1:.2g} to {largest:g}{best}"


def _print_risks(console: Console, levels: Levels) -> None:
    """Put patients and samples side by side under each relation."""
    console.print()
    columns = [
        (unit, found.vacuous, risks)
        for number in range(len(next(iter(levels.values())).risks))
        for unit, found in levels.items()
        for risks in (found.risks[number],)
    ]
    several = len(levels) > 1
    titles = (f"{unit},\n{risks.neighbouring}" if several else risks.neighbouring for unit, _, risks in columns)
    title = "no membership\nattack exceeds" if several else "no membership attack exceeds"
    table = plain_table(title, *titles, "guessing")
    sizes = (_size(risks.epsilon, vacuous=vacuous) for _, vacuous, risks in columns)
    found = [risks for *_, risks in columns]
    table.add_row("epsilon at delta", *sizes, "0")
    table.add_row("advantage, TPR - FPR", *(f"{risks.advantage:.3f}" for risks in found), "0")
    table.add_row("AUC", *(f"{risks.auc:.3f}" for risks in found), "0.5")
    for number, rate in enumerate(found[0].tpr_at_fpr):
        rates = (_percent(risks.tpr_at_fpr[number].tpr) for risks in found)
        table.add_row(f"TPR at {100 * rate.fpr:g} % FPR", *rates, f"{100 * rate.fpr:g} %")
    console.print(table)


def _print_ppv(console: Console, levels: Levels) -> None:
    risks = {unit: found.under("add/remove") for unit, found in levels.items()}
    first = next(iter(risks.values()))
    priors = tuple(dict.fromkeys(found.prior for found in first.ppv))
    console.print()
    table = plain_table("right accusations (add/remove)", *(f"prior {100 * prior:g} %" for prior in priors))
    for fpr in dict.fromkeys(found.fpr for found in first.ppv):
        for unit, of_unit in risks.items():
            whose = f", {unit}" if len(risks) > 1 else ""
            table.add_row(f"at {100 * fpr:g} % FPR{whose}, at most", *_accusations(of_unit, fpr))
    console.print(table)


def _accusations(risks: Risks, fpr: float) -> list[str]:
    return [_percent(found.ppv) for found in risks.ppv if found.fpr == fpr]


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


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _epsilon(value: float | None) -> str:
    if value is None:
        return "infinite"
    return claim_text(value) if value <= VACUOUS else f"{value:.3g}"


def _size(epsilon: float | None, *, vacuous: bool) -> str:
    """Say an epsilon of a relation: where the curve is known, none means that floats cannot tell it."""
    return "unknown" if epsilon is None and not vacuous else _epsilon(epsilon)
