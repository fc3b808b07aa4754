from judged import outcomes, quiet, reasons, verdict

from genoaudit.report.result import Utility


def test_floors_on_utility():
    for floor, outcome in ((0.9, "pass"), (0.93, "open"), (0.96, "fail")):
        found = verdict(quiet(), utility={"accuracy": floor})
        assert outcomes(found, "utility.accuracy") == [outcome]
    found = verdict(quiet(), utility={"balanced_accuracy": 0.85})
    assert reasons(found, "utility.balanced_accuracy")[0] == (
        "On patients not seen: balanced accuracy 90 %, at least 88 % (95 %), asked for 85 %."
    )
    unknown = Utility(**{side: getattr(quiet().utility, side) for side in ("members", "non_members")})
    assert outcomes(verdict(quiet(utility=unknown), utility={"accuracy": 0.1}), "utility.accuracy") == ["open"]
