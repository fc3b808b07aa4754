"""A measured share of successes beside the largest that a mechanism allows: below it, above by chance, or refuted.

The share is of patients in a few trainings, and patients of one training share its noise. Their successes vary together
a little: over 60 trainings of a softmax regression on 602 patients the number of 20 that were named had 1.4 to 1.5
times the variance of independent trials. Limits are therefore those of as many fewer trials (Korn, Graubard. Confidence
intervals for proportions with small expected number of positive counts estimated from survey data. Survey Methodology
24:193-201, 1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scipy import special

from genoaudit.errors import ConfigError

PATIENTS_PER_TRIAL = 1.5
"""Patients of one training that count as one independent trial."""

SIGNIFICANCE = 0.05
"""How often any interval of those looked at together misses its expectation, at most."""

Reading = Literal["below", "by_chance", "exceeded"]


@dataclass(frozen=True)
class BoundedShare:
    """A share with its 95 % interval, the bound on its expectation, and what the one says of the other.

    Parameters
    ----------
    rate, low, high
        Share of successes and its interval, which holds for all shares looked at together.
    bound
        Largest expectation that is allowed.
    reading
        ``"below"``: the share is not above the bound by as much as half a patient; ``"by_chance"``: it is, and the
        interval holds the bound; ``"exceeded"``: the whole interval lies above the bound, which is refuted.
    """

    rate: float
    low: float
    high: float
    bound: float
    reading: Reading


def judge_share(successes: int, patients: int, bound: float, *, looked_at: int = 1) -> BoundedShare:
    """Compare a measured share of successes with a bound.

    Parameters
    ----------
    successes, patients
        Counts, over all trainings.
    bound
        In [0, 1].
    looked_at
        Number of shares that are compared with a bound below 1 together; the intervals are so much wider (Bonferroni).

    Raises
    ------
    ConfigError
        If a number is impossible.

    Examples
    --------
    >>> judge_share(3, 100, 0.024).reading, judge_share(12, 100, 0.024).reading
    ('by_chance', 'exceeded')
    """
    if not (0 <= successes <= patients and patients >= 1 and 0 <= bound <= 1 and looked_at >= 1):
        raise ConfigError(
            f"expected successes among at least one patient and a bound in [0, 1], found {successes} of {patients} and "
            f"{bound}, looked at {looked_at}."
        )
    tail = SIGNIFICANCE / 2 / looked_at
    low, high = _lower(successes, patients, tail), 1 - _lower(patients - successes, patients, tail)
    reading: Reading = "below"
    if successes - bound * patients >= 0.5:
        reading = "exceeded" if low > bound else "by_chance"
    return BoundedShare(successes / patients, low, high, bound, reading)


def _lower(successes: int, patients: int, tail: float) -> float:
    """Exact lower limit of Clopper and Pearson, for fractions of a trial; that of failures is the upper one."""
    k, n = successes / PATIENTS_PER_TRIAL, patients / PATIENTS_PER_TRIAL
    return 0.0 if successes == 0 else float(special.betaincinv(k, n - k + 1, tail))
