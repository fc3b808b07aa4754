"""From signals to scores: who can run, who is shown, and combinations that nothing moves when nothing leaks."""

import numpy as np
import pytest

from genoaudit.attacks.catalogue import CATALOGUE
from genoaudit.attacks.folds import model_folds
from genoaudit.config import AuditSection
from genoaudit.contracts import Design, Signals
from genoaudit.metrics.roc import roc_statistics
from genoaudit.scoring import choose_headline, score_attacks


def world(models, patients, rng):
    """Patients on whom models disagree more or less, and a membership that no model knows."""
    members = np.empty((models, patients), dtype=bool)
    for first in range(0, models, 2):
        members[first] = rng.permutation(patients) < patients // 2
        members[first + 1] = ~members[first]
    logit = rng.normal(2, 2, patients) + rng.uniform(0.3, 2, patients) * rng.normal(size=(models, patients))
    p = 1 / (1 + np.exp(-logit))
    y = rng.integers(0, 2, patients)
    proba = np.where(y[:, None] == [0, 1], p[..., None], 1 - p[..., None]).astype(np.float32)
    return Design(members, np.arange(models) ^ 1, seed=0), Signals(logit[:, None], proba, y)


def test_the_headline_depends_on_models_and_attacks_alone():
    ran = ("loss", "lira", "lira_fixed", "bavaria_t", "stacked")
    assert choose_headline(ran, 64) == "lira"
    assert choose_headline(ran, 63) == "bavaria_t"
    assert choose_headline(("loss", "lira_fixed", "lira"), 16) == "lira_fixed"
    assert choose_headline(("gap", "label_noise", "label_augmentation"), 256) == "label_augmentation"
    assert choose_headline(("margin",), 8) == "margin"


def test_combinations_learn_from_scores_that_refer_to_their_own_fold_alone():
    rng = np.random.default_rng(1)
    design, signals = world(16, 60, rng)
    fold = model_folds(design.partner, seed=design.seed)
    one = score_attacks(AuditSection(attacks=("lira_fixed", "rmia", "stacked")), signals, design, np.arange(60))
    first = np.flatnonzero(fold == 0)
    alone = {
        name: CATALOGUE[name].score(signals.of(first), design.of(first), np.arange(60))
        for name in ("lira_fixed", "rmia")
    }
    assert all(np.abs(alone[name] - one.scores[name][first]).max() > 1e-3 for name in alone)
    assert [attack.name for attack in one.attacks] == ["lira_fixed", "rmia", "stacked"]


@pytest.mark.statistical
def test_stacked_attacks_stay_at_chance():
    """100 null audits: the mean AUC lies within 3 standard errors of 0.5, which a sound attack misses in 0.3 %."""
    names = ("loss", "lira", "lira_fixed", "bavaria_t", "rmia", "sablayrolles", "per_class", "base")
    found = []
    for seed in range(100):
        design, signals = world(16, 60, np.random.default_rng(seed))
        scored = score_attacks(AuditSection(attacks=(*names, "stacked")), signals, design, np.arange(60))
        once = np.ones((1, 60), dtype=np.intp)
        pairs = zip(scored.scores["stacked"], design.members, strict=True)
        found.append(np.mean([roc_statistics(scores, members, once).auc[0] for scores, members in pairs]))
    assert abs(np.mean(found) - 0.5) < 3 * np.std(found, ddof=1) / 10
