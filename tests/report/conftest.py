"""A plausible audit report, made from closed forms: nothing here is trained."""

import numpy as np
import pytest
from scipy.stats import norm

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.result import (
    AttackResult,
    AuditReport,
    ClassSize,
    CohortSummary,
    DesignSummary,
    ExposedPatient,
    Exposure,
    GroupLeakage,
    NotRun,
    PooledLeakage,
    RecipeSummary,
    RocBand,
    SideUtility,
    Utility,
)

BUDGETS = (0.1, 0.01, 0.001)
CLASSES = {"BRCA": 120, "COAD": 90, "KIRC": 75, "LUAD": 60, "PRAD": 40, "THCA": 15}


def estimate(value, half_width=0.02):
    return Estimate(value=value, low=max(0.0, value - half_width), high=min(1.0, value + half_width))


def binormal_tpr(separation, fpr):
    """TPR of a threshold on two unit normals that lie `separation` apart."""
    return norm.cdf(separation + norm.ppf(fpr))


def rate(separation, fpr, n_out):
    if fpr * n_out < 1:
        return RateAtFpr(fpr, None, None, None, None, resolvable=False, n_out=n_out)
    tpr = float(binormal_tpr(separation, fpr))
    half_width = 1.96 * np.sqrt(tpr * (1 - tpr) / n_out)
    low, high = max(0.0, tpr - half_width), min(1.0, tpr + half_width)
    achieved = np.floor(fpr * n_out) / n_out
    return RateAtFpr(fpr, achieved, tpr, low, high, resolvable=fpr * n_out >= 10, n_out=n_out)


def leakage(separation, n_out, half_width=0.02):
    advantage = float(2 * norm.cdf(separation / 2) - 1)
    return {
        "auc": estimate(float(norm.cdf(separation / np.sqrt(2))), half_width),
        "balanced_accuracy": estimate((1 + advantage) / 2, half_width),
        "advantage": estimate(advantage, half_width),
        "tpr_at_fpr": tuple(rate(separation, fpr, n_out) for fpr in BUDGETS),
    }


def roc(separation, n_out):
    fpr = np.geomspace(1 / n_out, 1.0, 61)
    tpr = binormal_tpr(separation, fpr)
    return RocBand(
        fpr=tuple(fpr), tpr=tuple(tpr), low=tuple(tpr * 0.85), high=tuple(np.minimum(1.0, tpr * 1.15 + 0.002))
    )


def attack(name, title, separation, n_out=200, half_width=0.02):
    return AttackResult(
        name=name,
        title=title,
        threat_model="Sees the class probabilities of one model; knows the recipe; has data of other patients.",
        reference="Carlini et al., Membership inference attacks from first principles, IEEE S&P 2022",
        caveat="Needs reference models trained with and without the patient.",
        pooled=PooledLeakage(roc=roc(separation, 2 * n_out), **leakage(separation, 2 * n_out, half_width)),
        **leakage(separation, n_out, half_width),
    )


def side(accuracy):
    return SideUtility(
        accuracy=estimate(accuracy),
        balanced_accuracy=estimate(accuracy - 0.03),
        macro_f1=estimate(accuracy - 0.02),
        auroc=estimate(min(0.998, accuracy + 0.05), 0.002),
    )


def group(variable, value, patients, separation):
    if patients < 20:
        nothing = Estimate(None, None, None)
        empty = RateAtFpr(0.1, None, None, None, None, resolvable=False, n_out=patients // 2)
        return GroupLeakage(
            variable=variable, value=value, patients=patients, auc=nothing, tpr_at_fpr=empty, suppressed=True
        )
    return GroupLeakage(
        variable=variable,
        value=value,
        patients=patients,
        auc=estimate(float(norm.cdf(separation / np.sqrt(2))), 0.3 / np.sqrt(patients)),
        tpr_at_fpr=rate(separation, 0.1, patients // 2),
        suppressed=False,
    )


def exposed(rank):
    auc = 0.99 - 0.012 * (rank - 1)
    return ExposedPatient(
        rank=rank,
        pseudonym=f"P{7 * rank:04d}",
        class_name=list(CLASSES)[-1 - rank % 3],
        samples=1 + rank % 2,
        score=4.5 - 0.2 * rank,
        d_prime=3.1 - 0.13 * rank,
        auc=Estimate(auc, auc - 0.06, min(1.0, auc + 0.03)),
    )


def build_report(separation=1.05, half_width=0.02, **changes):
    """Report of a cohort whose headline attack separates members by `separation` standard deviations."""
    content = {
        "genoaudit_version": "0.1.0",
        "headline": "lira",
        "cohort": CohortSummary(
            source="cohort.h5ad",
            sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            samples=480,
            patients=400,
            genes=5000,
            scale="log2",
            label="cancer_type",
            classes=tuple(ClassSize(name=name, patients=n, samples=n + n // 5) for name, n in CLASSES.items()),
            samples_per_patient={1: 320, 2: 80},
        ),
        "recipe": RecipeSummary(
            kind="mlp",
            steps=("Log2", "MemberScaler", "MLPClassifier"),
            parameters={"hidden": [128], "epochs": 20, "learning_rate": 0.01, "weight_decay": 0.001},
        ),
        "design": DesignSummary(
            kind="half_split", neighbouring="replace-one", models=64, pairs=32, members_per_model=(199, 201), seed=0
        ),
        "attacks": (
            attack("loss", "Loss threshold", separation / 5, half_width=half_width),
            attack("lira", "LiRA, online", separation, half_width=half_width),
            attack("lira_offline", "LiRA, offline", separation * 0.8, half_width=half_width),
        ),
        "not_run": (NotRun(name="lira_fixed", reason="needs at least 128 models, has 64"),),
        "utility": Utility(members=side(0.998), non_members=side(0.93)),
        "groups": (
            *(group("class", name, n, separation * 1.2) for name, n in CLASSES.items()),
            group("sex", "female", 230, separation),
            group("sex", "male", 170, separation),
        ),
        "exposure": Exposure(
            auc_quantiles={"5%": 0.52, "25%": 0.64, "50%": 0.74, "75%": 0.85, "95%": 0.95, "100%": 0.99},
            most_exposed=tuple(exposed(rank) for rank in range(1, 11)),
        ),
        "warnings": ("1 class has fewer than 20 patients; its numbers are not shown.",),
    }
    return AuditReport(**{**content, **changes})


@pytest.fixture
def report():
    return build_report()


@pytest.fixture
def make_report():
    return build_report


@pytest.fixture(scope="session")
def audit_result(tmp_path_factory):
    """A small audit as objects."""
    from genoaudit import AuditSection, RunOptions, audit_recipe, build_recipe, simulate_cohort

    cohort = simulate_cohort(patients=60, genes=40, classes=2, seed=1)
    recipe = build_recipe("logistic", {}, scale=cohort.scale)
    options = RunOptions(threads=1, cache=tmp_path_factory.mktemp("cache"))
    return audit_recipe(recipe, cohort, AuditSection(models=8), options, groups=["sex"])
