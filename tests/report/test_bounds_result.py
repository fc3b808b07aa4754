import json

import pytest
from pydantic import ValidationError

from genoaudit.bounds import bounds
from genoaudit.calibrate import Target, calibrate
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.report.bounds_result import BoundsReport


def test_documents_are_strict_canonical_json():
    report = bounds(Mechanism(1.0, 0.0, 0.08, 100, patients=400), 1 / 4000, genes=50, samples_per_patient=2)
    content = json.loads(report.to_json(), parse_constant=pytest.fail)
    assert list(content) == sorted(content)
    assert content["epsilon"] is None
    assert content["mechanism"]["unit"] == "sample"
    assert BoundsReport.model_validate(content).to_json() == report.to_json()
    with pytest.raises(ValidationError):
        BoundsReport.model_validate(content | {"unknown": 1})


def test_a_calibration_holds_its_bounds():
    report = calibrate(Target(advantage=0.3), sample_rate=0.1, steps=50)
    content = json.loads(report.to_json())
    assert content["target"] == "advantage"
    assert content["bounds"]["mechanism"]["noise_multiplier"] == content["noise_multiplier"]
