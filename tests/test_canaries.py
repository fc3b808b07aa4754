"""The story of a canary audit, with real models and with models that are made up."""

import re

import numpy as np
import pytest

from genoaudit import canaries as story
from genoaudit import simulate_cohort
from genoaudit.canaries import audit_canaries
from genoaudit.config import AuditSection, CanarySection, RunOptions
from genoaudit.contracts import Signals
from genoaudit.data.canaries import CANARIES
from genoaudit.errors import ConfigError, DataError
from genoaudit.models.recipes import build_recipe
from genoaudit.privacy.many_run import many_run_bound
from genoaudit.privacy.one_run import epsilon_one_run, epsilon_one_run_fdp

COHORT = simulate_cohort(patients=60, genes=200, classes=3, seed=1)
MLP = build_recipe("mlp", {"epochs": 30}, scale=COHORT.scale)  # long enough to know a wrong label by heart
SETTINGS = AuditSection(seed=3)


@pytest.fixture
def options(tmp_path):
    return RunOptions(threads=1, cache=tmp_path)


def invented(monkeypatch, outputs):
    """Replace training: `outputs` takes cohort and design and gives logits [models, samples]. Return what it saw."""
    seen = {}

    def gather(store, cohort, design):
        logit = outputs(cohort, design)
        seen.update(cohort=cohort, design=design, logit=logit)
        proba = np.full((*logit.shape, 3), 1 / 3, dtype=np.float32)
        return Signals(logit=logit[:, None], proba=proba, y=cohort.y), ()

    monkeypatch.setattr(story, "train_shadows", lambda *_, **__: None)
    monkeypatch.setattr(story, "gather", gather)
    return seen


def leaking(cohort, design):
    """Raise the logit of members far above that of non-members, and of natural patients beyond all."""
    noise = np.random.default_rng(0).normal(size=(design.models, cohort.n_samples))
    held = design.members[:, cohort.patients]
    natural = ~np.isin(cohort.patients, design.audited)
    return noise + 10 * held + 1000 * natural


def silent(cohort, design):
    return np.random.default_rng(0).normal(size=(design.models, cohort.n_samples))


def test_swapped_labels_are_found_and_numbers_repeat(options):
    section = CanarySection(kinds=("label_swapped", "high_leverage"), count=12, models=32, guesses=12)
    told = []
    found = audit_canaries(MLP, COHORT, section, SETTINGS, options, progress=lambda *step: told.append(step))
    assert (found.attack, found.models) == ("bavaria_t", 32)
    assert [(kind.kind, kind.title, kind.canaries) for kind in found.kinds] == [
        ("label_swapped", "Label swapped", 12),
        ("high_leverage", "High-leverage outlier", 12),
        ("all", "All canaries", 24),
    ]
    assert found.kinds[0].auc.value > 0.9
    assert found.kinds[2].auc.low > 0.7
    assert found.kinds[2].tpr_at_fpr.tpr > 0.5
    one, gaussian, swapped, _ = found.bounds
    assert 0 < one.epsilon < gaussian.epsilon
    assert swapped.epsilon > 0
    assert told[-1] == ("Training models with canaries", 32, 32)
    again = audit_canaries(MLP, COHORT, section, SETTINGS, options)
    assert again == found
    other = audit_canaries(MLP, COHORT, section, AuditSection(seed=4), options)
    assert other.kinds[2].auc != found.kinds[2].auc


def test_a_recipe_that_learns_nothing_is_not_accused(options):
    idle = build_recipe("mlp", {"epochs": 1, "learning_rate": 1e-9}, scale=COHORT.scale)
    found = audit_canaries(idle, COHORT, CanarySection(count=5, models=32), SETTINGS, options)
    assert [bound.epsilon for bound in found.bounds] == [0] * 7
    assert found.kinds[-1].auc.low < 0.5 < found.kinds[-1].auc.high


def test_bounds_say_what_they_rest_on(options, monkeypatch):
    seen = invented(monkeypatch, leaking)
    section = CanarySection(kinds=("sample_swap", "label_swapped"), count=30, models=40, guesses=24)
    found = audit_canaries(MLP, COHORT, section, SETTINGS, options)
    one, gaussian, *many = found.bounds
    delta = 1 / (10 * COHORT.n_patients)
    assert {bound.neighbouring for bound in found.bounds} == {"add/remove"}
    assert {bound.delta for bound in found.bounds} == {delta}
    assert (one.kind, gaussian.kind, *(bound.kind for bound in many)) == (
        "one_run", "one_run_fdp", "many_run", "many_run",
    )  # fmt: skip
    assert one.epsilon == pytest.approx(epsilon_one_run(24, 24, 60, delta=delta))
    assert gaussian.epsilon == pytest.approx(epsilon_one_run_fdp(24, 24, 60, delta=delta))
    assert (one.trials, one.threshold) == (60, "24 guesses, fixed beforehand")
    assert "all canaries, in one model" in one.on
    for bound, kind in zip(many, section.kinds, strict=True):
        code = seen["cohort"].patient_ids.index(f"canary-{kind}-0001")
        held = seen["design"].members[:, code]
        raw = seen["logit"][:, seen["cohort"].patients == code][:, 0]
        expected = many_run_bound(
            raw[held], raw[~held], delta=delta, neighbouring="add/remove", choose="bonferroni", looked_at=2
        )
        assert bound.epsilon == pytest.approx(expected.epsilon)
        assert bound.epsilon > 0
        assert (bound.trials, bound.on) == (40, f"one canary fixed beforehand: {CANARIES[kind].title.lower()}")


def test_delta_and_guesses_can_be_declared_and_have_sensible_defaults(options, monkeypatch):
    invented(monkeypatch, leaking)
    section = CanarySection(kinds=("label_swapped",), count=20, models=32)
    declared = audit_canaries(MLP, COHORT, section, AuditSection(delta=1e-6), options).bounds[0]
    assert (declared.delta, declared.threshold) == (1e-6, "4 guesses, fixed beforehand")
    few = audit_canaries(MLP, COHORT, section.model_copy(update={"count": 2}), SETTINGS, options).bounds[0]
    assert few.threshold == "1 guesses, fixed beforehand"


@pytest.mark.parametrize(("models", "attack"), [(32, "bavaria_t"), (64, "lira")])
def test_enough_models_bring_lira(models, attack, options, monkeypatch):
    invented(monkeypatch, leaking)
    section = CanarySection(kinds=("label_swapped",), count=20, models=models)
    found = audit_canaries(MLP, COHORT, section, SETTINGS, options)
    assert found.attack == attack
    assert found.kinds[0].auc.value == 1
    assert found.kinds[0].tpr_at_fpr.tpr == 1


def test_natural_patients_have_no_say(options, monkeypatch):
    section = CanarySection(kinds=("label_swapped",), count=20, models=32)
    invented(monkeypatch, leaking)
    expected = audit_canaries(MLP, COHORT, section, SETTINGS, options)

    def louder(cohort, design):
        natural = ~np.isin(cohort.patients, design.audited)
        return leaking(cohort, design) * np.where(natural, -7, 1)

    invented(monkeypatch, louder)
    assert audit_canaries(MLP, COHORT, section, SETTINGS, options) == expected


@pytest.mark.parametrize("models", [32, 64])
def test_scores_of_the_one_run_do_not_know_its_coins(models, options, monkeypatch):
    scores = []

    def keep(values, included, **options):
        scores.append((values, included))
        return real(values, included, **options)

    real = story.one_run_bound
    monkeypatch.setattr(story, "one_run_bound", keep)
    section = CanarySection(kinds=("label_swapped",), count=20, models=models)
    coins = story.make_design

    def flipped(*arguments, **keywords):
        design = coins(*arguments, **keywords)
        design.members[0, design.audited] ^= True
        return design

    for draw in (coins, flipped):
        monkeypatch.setattr(story, "make_design", draw)
        invented(monkeypatch, silent)
        audit_canaries(MLP, COHORT, section, SETTINGS, options)
    (first, coins_first), _, (second, coins_second), _ = scores
    assert (coins_first != coins_second).all()
    assert np.array_equal(first, second)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_targets_with_one_side_only_are_passed_over(count, options, monkeypatch):
    invented(monkeypatch, leaking)
    section = CanarySection(kinds=("label_swapped", "sample_swap"), count=count, models=32)
    found = audit_canaries(MLP, COHORT, section, SETTINGS, options)
    for row in found.kinds[:2]:
        assert row.tpr_at_fpr.tpr is None
        if count == 1:  # always on one side
            assert (row.auc.value, row.auc.low, row.auc.high) == (None, None, None)
        else:
            assert row.auc.value == 1
            assert row.auc.low < 1
    assert found.kinds[2].auc.value == 1


def test_rates_need_ten_non_members_and_take_the_targets_that_have_them(options, monkeypatch):
    invented(monkeypatch, leaking)
    section = CanarySection(kinds=("label_swapped",), count=16, models=32)
    (row, everything) = audit_canaries(MLP, COHORT, section, SETTINGS, options).kinds
    assert row.tpr_at_fpr == everything.tpr_at_fpr
    assert (row.tpr_at_fpr.tpr, row.tpr_at_fpr.n_out, row.tpr_at_fpr.resolvable) == (1, 10, False)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"kinds": ("label_swaped",)}, "'label_swaped' is not known. There are label_swapped, rare"),
        ({"kinds": ()}, "kinds must name canaries"),
        ({"count": 2, "guesses": 11}, "guesses = 11, but there are 10 canaries (5 kinds of 2)"),
    ],
    ids=["unknown kind", "no kind", "too many guesses"],
)
def test_impossible_canaries_are_refused_before_training(section, message, options, monkeypatch):
    monkeypatch.setattr(story, "train_shadows", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(ConfigError, match=re.escape(message)):
        audit_canaries(MLP, COHORT, CanarySection(**section), SETTINGS, options)


def test_a_class_of_one_patient_is_refused_before_training(options, monkeypatch):
    monkeypatch.setattr(story, "train_shadows", lambda *_, **__: pytest.fail("trained"))
    own = COHORT.patients == COHORT.patients[np.flatnonzero(COHORT.y == 2)[0]]
    small = COHORT.subset(np.flatnonzero((COHORT.y != 2) | own))
    with pytest.raises(DataError, match="has 1 patient; canaries need two in every class"):
        audit_canaries(MLP, small, CanarySection(), SETTINGS, options)
