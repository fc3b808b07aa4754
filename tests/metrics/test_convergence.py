import numpy as np
import pytest

from genoaudit.contracts import Design
from genoaudit.errors import ConfigError
from genoaudit.metrics.convergence import ConvergenceRow, convergence, doubling_sizes, first_models, stop
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.leakage import mean_over_targets


def row(models, width, auc=0.7):
    return ConvergenceRow(models, Estimate(auc, auc - width / 2, auc + width / 2), ())


@pytest.fixture
def design(half_split, rng):
    members, partner = half_split(8, 80, rng)
    return Design(members=members, partner=partner, seed=0)


def test_sizes_double_up_to_all_models():
    assert doubling_sizes(256) == (32, 64, 128, 256)
    assert doubling_sizes(65) == (32, 64, 65)
    assert doubling_sizes(32) == (32,)
    assert doubling_sizes(20, first=8) == (8, 16, 20)
    with pytest.raises(ConfigError, match="at least 2 models"):
        doubling_sizes(1)


def test_first_models_keep_their_partners_unless_cut_off(design):
    part = first_models(design, 5)
    assert part.members.tolist() == design.members[:5].tolist()
    assert part.partner.tolist() == [1, 0, 3, 2, -1]
    with pytest.raises(ConfigError, match="8 models, asked for the first 9"):
        first_models(design, 9)


def test_every_row_is_the_headline_of_an_attack_run_anew_on_fewer_models(design, rng):
    noise = rng.normal(size=design.members.shape)

    def score(part):
        return part.members * np.sqrt(part.models) + noise[: part.models]

    rows = convergence(score, design, (4, 8), fprs=(0.1,))
    assert [found.models for found in rows] == [4, 8]
    for found in rows:
        part = first_models(design, found.models)
        expected = mean_over_targets(score(part), part.members, part.partner, fprs=(0.1,))
        assert (found.auc, found.tpr_at_fpr) == (expected.auc, expected.tpr_at_fpr)


def test_sizes_must_rise(design):
    with pytest.raises(ConfigError, match="must rise, found 8, 4"):
        convergence(lambda part: part.members * 1.0, design, (8, 4))
    with pytest.raises(ConfigError, match="must rise"):
        stop([row(32, 0.1), row(32, 0.1)])


def test_stops_when_narrow_enough():
    assert stop([row(32, 0.1), row(64, 0.05)]) is None
    assert "0.029 wide" in stop([row(32, 0.1), row(64, 0.029)])
    assert "0.029 wide" in stop([row(32, 0.029)])
    assert stop([row(32, 0.029)], width=0.02) is None


def test_stops_when_doubling_the_models_narrows_the_interval_no_further():
    assert stop([row(32, 0.2)]) is None
    assert stop([row(32, 0.2), row(64, 0.179)]) is None
    assert "less than 10 %" in stop([row(32, 0.2), row(64, 0.181)])
    assert "less than 10 %" in stop([row(32, 0.2), row(64, 0.25)])
    assert stop([row(32, 0.2), row(64, 0.19)], gain=0.01) is None


def test_a_step_of_less_than_a_doubling_is_asked_for_less():
    # Half a doubling that saves 6 % saves 11.6 % at the same pace for a whole one.
    models = 128 * np.sqrt(2)
    assert stop([row(128, 0.2), row(round(models), 0.2 * 0.94)]) is None
    assert stop([row(128, 0.2), row(256, 0.2 * 0.94)]) is not None


@pytest.mark.parametrize("widths", [(0.2, 0.12), (0.2, 0.19), (0.05, 0.02)])
def test_the_rule_never_looks_at_the_values(widths, rng):
    reasons = set()
    for auc in [(0.5, 0.5), (0.5, 0.9), (0.9, 0.5), *rng.uniform(0.2, 0.8, size=(20, 2))]:
        reasons.add(stop([row(models, width, at) for models, width, at in zip((32, 64), widths, auc, strict=True)]))
    assert len(reasons) == 1


def test_the_rule_ignores_the_rates(design):
    rows = convergence(lambda part: part.members * 1.0, design, (4, 8), fprs=(0.1,))
    assert stop(rows) == stop([ConvergenceRow(found.models, found.auc, ()) for found in rows])


def test_widths_fall_with_models_where_models_differ_and_stay_where_patients_do(half_split, rng):
    members, partner = half_split(64, 150, rng)
    design = Design(members=members, partner=partner, seed=0)
    noise = rng.normal(size=members.shape)
    leaky_models = members * (1 + rng.normal(size=(64, 1))) + noise
    leaky_patients = members * (1 + 2 * rng.normal(size=150)) + noise * 0.5
    verdicts = []
    for scores in (leaky_models, leaky_patients):
        rows = convergence(
            lambda part, scores=scores: scores[: part.models],
            design,
            (16, 32, 64),
            fprs=(),
        )
        verdicts.append(stop(rows, width=0.001))
    assert verdicts[0] is None
    assert "more patients" in verdicts[1]


def test_nothing_known_stops_nothing():
    assert stop([]) is None
    assert stop([ConvergenceRow(32, Estimate(None, None, None), ()), row(64, 0.2)]) is None
    with pytest.raises(ConfigError, match="gain between 0 and 1"):
        stop([row(32, 0.2)], gain=1.5)
