"""Plausible reports of the hard cases of a release, made from closed forms: nothing here is trained."""

from sample_report import build_release_report, build_report, estimate, rate

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.release_sections import FullSizeRisk, GivenModel, JointReleases, NotTested, RiskAtShare
from genoaudit.report.sections import CheckFinding, Guarantee, Measured

PROMISE = Guarantee(
    epsilon=11.3,
    delta=0.0002,
    accountant="pld",
    noise_multiplier=1.4,
    neighbouring="add/remove",
    unit="patient",
    vacuous=False,
    end_to_end=True,
    gaps=(),
)


def given_model(**changes):
    content = {
        "kind": "sklearn",
        "source": "model.skops",
        "sha256": "ab" * 32,
        "members": 400,
        "non_members": 0,
        "members_by": "all patients of the cohort",
        "non_members_from": None,
        "manifest": "none",
        "seeded": None,
    }
    return GivenModel(**{**content, **changes})


def full_size(**changes):
    points = tuple(
        RiskAtShare(share=share, members=members, models=models, auc=estimate(auc), tpr_at_fpr=rate(1.0, 0.1, 400))
        for share, members, models, auc in ((0.5, 200, 64, 0.771), (0.9, 360, 320, 0.748))
    )
    content = {
        "attack": "lira",
        "points": points,
        "auc": Estimate(0.7449, 0.718, 0.7705),
        "tpr": Estimate(0.3871, 0.33, 0.45),
        "trend": "the probit of the rate, linear in one over the square root of the number of members",
        "guarantee": None,
    }
    return FullSizeRisk(**{**content, **changes})


def build_full_size_report(**changes):
    """A model trained on everybody: the audit of its recipe, drawn on to all patients."""
    untested = NotTested(what="This very model", why="Nobody was left out.")
    return build_report(target=given_model(), full_size=full_size(**changes), not_tested=(untested,))


def joint(**changes):
    content = {
        "attack": "Joint LiRA",
        "earlier": ("2023 <b>release</b>",),
        "judged": 380,
        "left_out": 20,
        "new_alone": estimate(0.77),
        "earlier_alone": (estimate(0.74),),
        "together": estimate(0.823),
        "together_tpr": rate(1.3, 0.1, 190),
        "guarantee": None,
    }
    return JointReleases(**{**content, **changes})


def control(value=0.52, *, chance=0.58, status="passed"):
    return CheckFinding(
        code="GA005",
        title="Model-blind baseline",
        status=status,
        summary="AUC of classifiers that never saw the model.",
        advice="",
        measured=(
            Measured(what="expression", value=value, chance=chance),
            Measured(what="covariates", value=0.51, chance=0.57),
        ),
    )


def build_joint_report(*, base=None, **changes):
    """One given model beside an earlier release, with what its reference models say of the recipe."""
    recipe = build_report()
    report = base or build_release_report()
    return report.model_copy(
        update={
            "joint": joint(**changes),
            "checks": (control(),),
            "target": given_model(members=200, non_members=200, non_members_from="the <i>same</i> hospital, 2022"),
            "exposure": recipe.exposure,
            "bounds": recipe.bounds,
            "canaries": recipe.canaries,
        }
    )
