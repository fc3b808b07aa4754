"""Tables of patients without an audit behind them, of any size."""

import numpy as np
import pandas as pd


def _named(table, classes, seed, names):
    """Put identifier, pseudonym, class and samples in front, most exposed first, as an audit does."""
    generator = np.random.default_rng(seed)
    number = len(table)
    code = generator.choice(len(classes), size=number, p=_shares(len(classes)))
    code[: len(classes)] = np.arange(len(classes))
    width = len(str(number))
    table.insert(0, "patient_id", [f"ID-{place:06d}" for place in range(number)] if names is None else names)
    table.insert(1, "pseudonym", [f"P{place + 1:0{width}d}" for place in generator.permutation(number)])
    table.insert(2, "class", np.array(classes, dtype=object)[code])
    table.insert(3, "samples", generator.integers(1, 4, number))
    return table.sort_values("rank", kind="stable", ignore_index=True)


def _shares(number):
    shares = 1 / np.arange(1, number + 1)
    return shares / shares.sum()


def build_patients(number=400, classes=("BRCA", "COAD", "LUAD", "PRAD"), *, seed=0, names=None):
    """Return the table of a recipe audit."""
    generator = np.random.default_rng(seed)
    d_prime = generator.gamma(2.0, 0.6, number)
    auc = np.clip(0.5 + 0.2 * d_prime + generator.normal(0, 0.03, number), 0, 1)
    rank = (-d_prime).argsort(kind="stable").argsort(kind="stable") + 1
    table = pd.DataFrame(
        {
            "d_prime": d_prime,
            "d_prime_low": d_prime - 0.5,
            "d_prime_high": d_prime + 0.5,
            "auc": auc,
            "auc_low": np.maximum(0, auc - 0.1),
            "auc_high": np.minimum(1, auc + 0.1),
            "score": 10 * d_prime,
            "rank": rank,
            "rank_low": np.maximum(1, rank - 0.1 * number),
            "rank_high": np.minimum(number, rank + 0.1 * number),
            "flagged": auc > 0.7,
        }
    )
    return _named(table, classes, seed, names)


def build_release_patients(number=200, classes=("BRCA", "COAD", "LUAD"), *, seed=0):
    """Return the table of the audit of one given model: members score higher."""
    generator = np.random.default_rng(seed)
    members = generator.permutation(number) < number // 2
    scores = generator.normal(size=number) + 1.5 * members
    below = np.searchsorted(np.sort(scores[~members]), scores) / (~members).sum()
    rank = (-scores).argsort().argsort() + 1
    table = pd.DataFrame({"member": members, "score": scores, "non_members_below": below, "rank": rank})
    return _named(table, classes, seed, None)
