import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.metrics import patients as module
from genoaudit.metrics.intervals import newcombe_auc
from genoaudit.metrics.patients import patient_table
from genoaudit.metrics.roc import auc


def test_every_column_equals_a_loop_over_patients(half_split, rng, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 40)  # several blocks of patients
    members, _ = half_split(11, 14, rng)
    statistic = np.round(rng.normal(size=members.shape), 1) + 20  # with ties
    scores = rng.normal(size=members.shape)
    table = patient_table(statistic, scores, members)
    for i, row in table.iterrows():
        inside, outside = statistic[members[:, i], i], statistic[~members[:, i], i]
        pooled_sd = np.sqrt((inside.var(ddof=1) + outside.var(ddof=1)) / 2)
        assert row["d_prime"] == pytest.approx((inside.mean() - outside.mean()) / pooled_sd)
        assert row["auc"] == pytest.approx(auc(inside, outside))
        assert (row["auc_low"], row["auc_high"]) == newcombe_auc(row["auc"], inside.size, outside.size)
        assert row["score_in"] == pytest.approx(scores[members[:, i], i].mean())
        assert row["score_out"] == pytest.approx(scores[~members[:, i], i].mean())
        assert row["score"] == pytest.approx(row["score_in"] - row["score_out"])
        assert (row["n_in"], row["n_out"]) == (inside.size, outside.size)
    assert table["d_prime"].to_numpy()[np.argsort(table["rank"])].tolist() == sorted(table["d_prime"], reverse=True)
    assert sorted(table["rank"]) == list(range(1, 15))


def test_equal_patients_rank_in_the_order_of_the_rows(half_split, rng):
    members, _ = half_split(6, 1, rng)
    members = np.repeat(members, 5, axis=1)
    statistic = np.repeat(rng.normal(size=(6, 1)), 5, axis=1)
    assert patient_table(statistic, statistic, members)["rank"].tolist() == [1, 2, 3, 4, 5]


def test_constant_statistics_have_no_effect_and_stay_finite(half_split, rng):
    members, _ = half_split(6, 8, rng)
    constant = patient_table(np.full((6, 8), 0.1), np.zeros((6, 8)), members)
    assert (constant["d_prime"] == 0).all()
    assert (constant["auc"] == 0.5).all()
    separate = patient_table(np.where(members, 2.0, 1.0), np.zeros((6, 8)), members)
    assert np.isfinite(separate[["d_prime", "auc", "score"]].to_numpy()).all()
    assert (separate["d_prime"] > 1e5).all()
    assert (separate["auc"] == 1).all()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shape", r"must all be \[models, patients\]"),
        ("statistic", r"1 of 24 values of the statistic are not finite \(first: model 1, patient number 2\)"),
        ("scores", "1 of 24 values of the scores"),
        ("members", r"1 of 4 patients.*patient number 3"),
    ],
)
def test_unusable_input_is_refused(name, message, half_split, rng):
    members, _ = half_split(6, 4, rng)
    statistic, scores = rng.normal(size=(2, 6, 4))
    if name == "shape":
        scores = scores[:, :3]
    elif name == "members":
        members[:, 3] = [True, False, False, False, False, False]
    else:
        {"statistic": statistic, "scores": scores}[name][1, 2] = np.nan
    with pytest.raises(ConfigError, match=message):
        patient_table(statistic, scores, members)
