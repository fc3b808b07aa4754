"""The intervals of one patient's numbers over models cover what they should."""

import numpy as np
import pytest
from scipy import stats

from genoaudit.metrics.patients import patient_table

pytestmark = pytest.mark.statistical


@pytest.mark.parametrize("models", [400, 1024])
@pytest.mark.parametrize(("shift", "spread"), [(0.0, 1.0), (1.0, 1.0), (2.5, 0.7), (1.0, 1.6)])
def test_a_patient_s_intervals_cover_over_repeated_audits(models, shift, spread):
    """3,000 patients with the same law are 3,000 audits of one; nominal 95 %, at least 93 % wanted."""
    rng = np.random.default_rng(0)
    patients = 3000
    members = np.zeros((models, patients), dtype=bool)
    for pair in range(models // 2):
        half = rng.random(patients) < 0.5
        members[2 * pair], members[2 * pair + 1] = half, ~half
    statistic = np.where(members, shift + spread * rng.normal(size=members.shape), rng.normal(size=members.shape))
    table = patient_table(statistic, statistic, members)
    truth = {
        "d_prime": shift / np.sqrt((1 + spread**2) / 2),
        "auc": stats.norm.cdf(shift / np.sqrt(1 + spread**2)),
        "tpr_at_fpr_0.05": stats.norm.sf((stats.norm.isf(0.05) - shift) / spread),
    }
    for name, value in truth.items():
        covered = table[f"{name}_low"].le(value) & table[f"{name}_high"].ge(value)
        assert covered.mean() > 0.93, name
    assert table["tpr_at_fpr_0.05_resolvable"].all()
    for fpr in ("0.01", "0.001"):
        estimate = table[f"tpr_at_fpr_{fpr}_model_based"].mean()
        assert estimate == pytest.approx(stats.norm.sf((stats.norm.isf(float(fpr)) - shift) / spread), abs=0.02)


def test_a_rate_of_one_patient_is_hidden_or_marked_when_models_are_few():
    rng = np.random.default_rng(1)
    for models, shown, resolvable in ((32, False, False), (64, True, False), (400, True, True)):
        members = np.tile(np.array([[True], [False]]), (models // 2, 5))
        table = patient_table(rng.normal(size=members.shape), rng.normal(size=members.shape), members)
        assert table["tpr_at_fpr_0.05"].notna().all() == shown
        assert table["tpr_at_fpr_0.05_resolvable"].all() == resolvable
