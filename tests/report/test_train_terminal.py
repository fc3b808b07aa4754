from pathlib import Path

import pytest

from genoaudit.artefacts.manifest import LeftOut
from genoaudit.models.claims import privacy_claim
from genoaudit.models.recipes import build_recipe
from genoaudit.models.seeds import for_release
from genoaudit.report.train_terminal import print_trained, print_training_plan

LEFT_OUT = LeftOut(
    patients=24,
    samples=30,
    accuracy=0.8,
    accuracy_low=0.612,
    accuracy_high=0.92,
    balanced_accuracy=0.8,
    macro_f1=0.8,
    auroc=None,
)


def claim(*, seed=None, **parameters):
    dp = {"epsilon": 4, "steps": 20, "patients": 40, "hyperparameters": "public"}
    return privacy_claim(for_release(build_recipe("mlp", {"dp": dp, **parameters}, scale="log2"), seed), patients=40)


def shown(capsys, **facts):
    given = {"members": 36, "members_by": "a share", "claim": None, "left_out": LEFT_OUT, "notes": ()}
    print_trained(**{**given, "folder": Path("MODEL"), **facts})
    return capsys.readouterr().out


def test_it_says_on_whom_how_well_and_what_may_leave(capsys):
    text = shown(capsys, notes=("mind this",))
    assert "Trained on 36 patients (a share)." in text
    assert "nothing is guaranteed" in text
    assert "Accuracy 0.800 [0.612, 0.920] on the 24 patients left out." in text
    assert "Note: mind this" in text
    assert "MODEL/release  may leave the house, once an audit says so" in text
    assert "MODEL/confidential  names the members and must not" in text


def test_a_guarantee_is_said_with_its_gaps(capsys):
    text = shown(capsys, claim=claim(), left_out=None)
    assert "promises epsilon = 4.00 at delta = 0.0025" in text
    assert "Not covered: ExpressionScaler learns" in text
    assert "Reproducible" not in text
    assert "Accuracy" not in text


def test_a_seeded_model_with_dp_is_reproducible_not_releasable(capsys):
    assert "Reproducible, not releasable." in shown(capsys, claim=claim(seed=3, scaling="sample"))


@pytest.mark.parametrize(("seconds", "says"), [(None, "cannot be estimated"), (200.0, "About 3 minutes of training")])
def test_a_plan_says_what_would_be_trained(capsys, seconds, says):
    print_training_plan(
        members=36, left_out=24, members_by="a share", steps=("A", "B"), claim=None, seconds=seconds, notes=("n",)
    )
    text = capsys.readouterr().out
    assert "A > B, trained on 36 patients (a share); 24 are left out." in text
    assert says in text
    assert "Note: n" in text
