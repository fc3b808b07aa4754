"""What training promises and what speaks against it, in words: a promise never grows stronger on paper, nor a bound."""

from __future__ import annotations

from genoaudit.phrases import count
from genoaudit.privacy.accounting import VACUOUS, rounded_up
from genoaudit.report.result import AuditReport
from genoaudit.report.sections import EpsilonBound, Guarantee, Theory
from genoaudit.report.wording import DELTA, EPSILON, NBSP, epsilon_text, percent

BOUND_HOLDS_FOR = {
    "many_run": "any mechanism",
    "one_run": "any mechanism",
    "one_run_fdp": "lower bound if the mechanism is GDP",
    "gdp_fit": "lower bound if the mechanism is GDP",
}
RELATIONS = {
    "replace-one": "replace-one: one patient exchanged for another",
    "add/remove": "add/remove: one patient added or taken out",
}


def claim_text(epsilon: float | None) -> str:
    """Say an epsilon that is claimed with two decimals, rounded up: a promise must not grow stronger on paper.

    Examples
    --------
    >>> claim_text(7.9912), claim_text(0.0), claim_text(3e9), claim_text(None)
    ('8.00', '0', 'above 1,000', 'none')
    """
    if epsilon is None:
        return "none"
    if epsilon > VACUOUS:
        return f"above {VACUOUS:,.0f}"
    return "0" if epsilon == 0 else f"{rounded_up(epsilon):.2f}"


def bound_claim(bound: EpsilonBound) -> str:
    """Say what a bound claims: that a smaller epsilon is refuted, or nothing."""
    if bound.epsilon == 0:
        return "nothing refuted"
    if bound.kind in {"gdp_fit", "one_run_fdp"}:
        return "smaller \N{GREEK SMALL LETTER EPSILON} refuted if the mechanism is GDP"
    return "smaller \N{GREEK SMALL LETTER EPSILON} refuted"


def guarantee_sentence(guarantee: Guarantee) -> str:
    """Say what training promises, and that a large epsilon promises nothing."""
    if guarantee.epsilon is None:
        return f"Training has the form of DP-SGD without noise: no finite {EPSILON} holds, and nothing is promised."
    found = f"{claim_text(guarantee.epsilon)} at {DELTA}{NBSP}={NBSP}{guarantee.delta:.2g}"
    if guarantee.vacuous:
        return f"Training is by DP-SGD with {EPSILON} {found}, which excludes no attack: nothing is promised."
    covered = (
        "" if guarantee.end_to_end else " The promise is about training alone and does not cover all of the recipe."
    )
    by = "DP-SGD"
    if guarantee.assumed:
        by = "this recipe, DP-SGD,"
        covered += " Nothing shows that the given model was trained by it; if it was not, nothing is promised."
    return (
        f"Training by {by} promises {EPSILON}{NBSP}={NBSP}{found} to each patient with all samples "
        f"({guarantee.neighbouring}, {guarantee.accountant.upper()}).{covered}"
    )


def alarm_sentence(theory: Theory, *, end_to_end: bool, single: bool = False) -> str:
    """Say whether more was found than the mechanism can give away, and that silence confirms nothing.

    Of one given model (`single`) there is no lower bound, and so no alarm.
    """
    compared = [found for found in theory.comparisons if found.claimed is not None]
    if not theory.comparisons and single:
        return (
            f"One given model gives no lower bound of {EPSILON} that holds for any mechanism: that takes many models, "
            "or patients drawn by coins of their own. So nothing here could refute the promise, and nothing confirms "
            "it; audit the recipe to test it."
        )
    if not theory.comparisons:
        return "There are too few models for a lower bound that could speak against the promise."
    if not compared:
        return "Nothing is claimed that a lower bound could refute, so there is no alarm to ring."
    exceeding = [found for found in compared if found.exceeded]
    if not exceeding:
        none = "The one valid lower bound does not exceed"
        if len(compared) > 1:
            none = f"None of {len(compared)} valid lower bounds exceeds"
        return f"{none} what the mechanism claims, so there is no alarm. That refutes nothing, and confirms nothing."
    worst = max(exceeding, key=lambda found: found.epsilon - (found.claimed or 0.0))
    cause = "training is not what is accounted for: look at clipping, noise, sampling rate and the number of steps"
    if not end_to_end:
        cause = "training is not what is accounted for, or what the promise does not cover gave patients away"
    return (
        f"ALARM: {len(exceeding)} of {count(len(compared), 'valid lower bound')} "
        f"{'exceeds' if len(exceeding) == 1 else 'exceed'} what the mechanism claims. {EPSILON} is at least "
        f"{epsilon_text(worst.epsilon)} where {claim_text(worst.claimed)} is claimed ({worst.neighbouring}, "
        f"{DELTA}{NBSP}={NBSP}{worst.delta:.2g}; {worst.on}). Unless this is one of the {percent(theory.level)} of "
        f"audits at most in which a correct training rings by chance, {cause}."
    )


def samples_sentence(report: AuditReport) -> str:
    """Say what the promise to a patient means for a single sample."""
    several = sum(number for samples, number in report.cohort.samples_per_patient.items() if samples > 1)
    if not several:
        return "Every patient has one sample, so what is said of patients is said of samples."
    return (
        f"{count(several, 'patient')} of {report.cohort.patients:,} {'has' if several == 1 else 'have'} several "
        "samples, hidden all together. To take away one sample of such a patient is to exchange the patient for the "
        "same one with fewer samples, which the limit of replace-one covers; nothing stronger is claimed of samples."
    )
