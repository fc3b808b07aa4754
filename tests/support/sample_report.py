"""A plausible audit report, made from closed forms: nothing here is trained."""

import numpy as np
from scipy.stats import norm

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.ppv import ppv_at_priors
from genoaudit.report.release_sections import GivenModel, NotTested, WorstGroup
from genoaudit.report.result import (
    Adversary,
    AttackResult,
    AuditReport,
    ClassSize,
    CohortSummary,
    DesignSummary,
    NotRun,
    PooledLeakage,
    RecipeSummary,
    RocBand,
    SideUtility,
    Utility,
)
from genoaudit.report.sections import (
    Calibration,
    CanaryAudit,
    CanaryKindLeakage,
    CheckFinding,
    Convergence,
    EpsilonBound,
    ExposedPatient,
    Exposure,
    Flagging,
    GroupGap,
    GroupLeakage,
    NullAttack,
    ReliabilityBin,
    SelfTest,
    ShadowThreshold,
    Stability,
    TopOverlap,
    UnionOfAttacks,
    WorstPatients,
)

BUDGETS = (0.1, 0.01, 0.001)
CLASSES = {"BRCA": 120, "COAD": 90, "KIRC": 75, "LUAD": 60, "PRAD": 40, "THCA": 15}


ONE_SIDED = 0.84
"""How far a one-sided 95 % limit lies from a number, in halves of its two-sided interval."""


def estimate(value, half_width=0.02):
    ends = [max(0.0, value - half_width), min(1.0, value + half_width)]
    return Estimate(value, *ends, *(value + ONE_SIDED * (end - value) for end in ends))


def binormal_tpr(separation, fpr):
    """TPR of a threshold on two unit normals that lie `separation` apart."""
    return norm.cdf(separation + norm.ppf(fpr))


def rate(separation, fpr, n_out):
    if fpr * n_out < 1:
        return RateAtFpr(fpr, None, None, None, None, resolvable=False, n_out=n_out)
    tpr = float(binormal_tpr(separation, fpr))
    half_width = 1.96 * np.sqrt(tpr * (1 - tpr) / n_out)
    number = estimate(tpr, half_width)
    achieved = np.floor(fpr * n_out) / n_out
    return RateAtFpr(
        fpr,
        achieved,
        tpr,
        number.low,
        number.high,
        resolvable=fpr * n_out >= 10,
        n_out=n_out,
        at_least=number.at_least,
        at_most=number.at_most,
    )


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


def shadow_threshold(separation, fpr, n_out):
    """A threshold that raises a little more false alarms than it was chosen for."""
    spent = 1.1 * fpr if fpr * n_out >= 1 else 0.0
    achieved = Estimate(spent, 0.6 * spent, 1.6 * spent or 3.7 / n_out)
    tpr = estimate(float(binormal_tpr(separation, fpr)), 0.04)
    return ShadowThreshold(fpr=fpr, tpr=tpr, achieved_fpr=achieved, ppv=ppv_at_priors(tpr, achieved))


def attack(name, title, separation, n_out=200, half_width=0.02, access="probabilities"):
    return AttackResult(
        name=name,
        title=title,
        access=access,
        threat_model=f"Sees {access} of one model; knows the recipe; has data of other patients.",
        reference="Carlini et al., Membership inference attacks from first principles, IEEE S&P 2022",
        caveat="Needs reference models trained with and without the patient.",
        pooled=PooledLeakage(roc=roc(separation, 2 * n_out), **leakage(separation, 2 * n_out, half_width)),
        at_shadow_thresholds=tuple(shadow_threshold(separation, fpr, n_out) for fpr in BUDGETS),
        **leakage(separation, n_out, half_width),
    )


def side(accuracy):
    return SideUtility(
        accuracy=estimate(accuracy),
        balanced_accuracy=estimate(accuracy - 0.03),
        macro_f1=estimate(accuracy - 0.02),
        auroc=estimate(min(0.998, accuracy + 0.05), 0.002),
    )


NOTHING = Estimate(None, None, None)


def group(variable, value, patients, separation, difference=0.0, p_holm=1.0):
    if patients < 20:
        empty = RateAtFpr(0.1, None, None, None, None, resolvable=False, n_out=patients // 2)
        numbers = {"auc": NOTHING, "tpr_at_fpr": empty, "difference": NOTHING, "p_holm": None, "suppressed": True}
    else:
        numbers = {
            "auc": estimate(float(norm.cdf(separation / np.sqrt(2))), 0.3 / np.sqrt(patients)),
            "tpr_at_fpr": rate(separation, 0.1, patients // 2),
            "difference": Estimate(difference, difference - 0.06, difference + 0.06),
            "p_holm": p_holm,
            "suppressed": False,
        }
    return GroupLeakage(variable=variable, value=value, patients=patients, **numbers)


def groups(separation):
    differences = dict(zip(CLASSES, (-0.08, 0.012, -0.03, 0.004, 0.09, 0.0), strict=True))
    classes = [group("class", name, n, separation * 1.2, differences[name]) for name, n in CLASSES.items()]
    worst_first = sorted(classes, key=lambda part: (part.suppressed, -(part.difference.value or 0)))
    worst_first[0] = worst_first[0].model_copy(update={"p_holm": 0.0004})
    return (*worst_first, group("sex", "female", 230, separation), group("sex", "male", 170, separation))


def over_models(fpr, tpr, models_out):
    """A patient's rate over models, as `patient_table` gives it."""
    if fpr * models_out < 1:
        return RateAtFpr(fpr, None, None, None, None, resolvable=False, n_out=models_out)
    return RateAtFpr(
        fpr, fpr, tpr, tpr - 0.1, min(1.0, tpr + 0.07), resolvable=fpr * models_out >= 10, n_out=models_out
    )


def exposed(rank):
    auc, d_prime = 0.99 - 0.012 * (rank - 1), 3.1 - 0.13 * rank
    return ExposedPatient(
        rank=rank,
        rank_low=max(1.0, rank - 2.4),
        rank_high=rank + 3.6 + rank,
        pseudonym=f"P{7 * rank:04d}",
        class_name=list(CLASSES)[-1 - rank % 3],
        samples=1 + rank % 2,
        score=4.5 - 0.2 * rank,
        d_prime=Estimate(d_prime, d_prime - 0.5, d_prime + 0.5),
        auc=Estimate(auc, auc - 0.06, min(1.0, auc + 0.03)),
        tpr_at_fpr=over_models(0.05, 0.88 - 0.02 * rank, 32 if rank != 2 else 10),
        flagged=rank < 9,
        flagged_again=1.0 if rank == 1 else 0.98 - 0.05 * rank,
    )


def exposure():
    bins = [(low / 10, low / 10 + 0.1) for low in range(10)]
    return Exposure(
        auc_quantiles={"5%": 0.52, "25%": 0.64, "50%": 0.74, "75%": 0.85, "95%": 0.95, "100%": 0.99},
        most_exposed=tuple(exposed(rank) for rank in range(1, 11)),
        flagging=Flagging(least_auc=0.6, level=0.05, flagged=123, patients=400),
        stability=Stability(
            models_per_half=32,
            spearman=Estimate(0.71, 0.66, 0.75),
            tops=(
                TopOverlap(k=10, jaccard=Estimate(0.43, 0.25, 0.67), by_chance=0.013),
                TopOverlap(k=40, jaccard=Estimate(0.56, 0.45, 0.7), by_chance=0.053),
            ),
        ),
        worst=tuple(
            WorstPatients(
                k=k,
                models_per_half=32,
                auc=Estimate(auc, auc - 0.06, min(1.0, auc + 0.04), auc - 0.05, auc + 0.033),
                d_prime=Estimate(d_prime, d_prime - 0.4, d_prime + 0.4),
                tpr_at_fpr=over_models(0.05, auc - 0.2, 32),
            )
            for k, auc, d_prime in ((1, 0.95, 2.41), (5, 0.93, 2.18), (20, 0.89, 1.87))
        ),
        calibration=Calibration(
            bins=tuple(
                ReliabilityBin(
                    low=low,
                    high=high,
                    predicted=(low + high) / 2,
                    observed=estimate((low + high) / 2 + 0.03 * np.sin(20 * low), 0.04),
                    cases=1000 + round(500 * low),
                )
                for low, high in bins
            ),
            brier=Estimate(0.187, 0.181, 0.194),
            calibration_error=0.021,
        ),
    )


def bound(kind, epsilon, on, neighbouring="add/remove", note="Few trials can only show a small epsilon."):
    return EpsilonBound(
        epsilon=epsilon,
        delta=0.00025,
        significance=0.05,
        kind=kind,
        neighbouring=neighbouring,
        on=on,
        trials=64 if kind == "many_run" else 100,
        threshold="chosen on 32 other models" if kind == "many_run" else "the 10 highest and lowest scores",
        note=note,
    )


def canaries(separation):
    kinds = (("label_swapped", "Label swapped", 2.0), ("rare_subtype", "Rare subtype", 1.3))
    return CanaryAudit(
        attack="lira",
        models=64,
        kinds=tuple(
            CanaryKindLeakage(
                kind=kind,
                title=title,
                canaries=50,
                auc=estimate(float(norm.cdf(factor * separation / np.sqrt(2))), 0.04),
                tpr_at_fpr=rate(factor * separation, 0.1, 25),
            )
            for kind, title, factor in kinds
        ),
        bounds=(
            bound("one_run", 0.734, "all canaries of one run"),
            bound("one_run_fdp", 2.3999, "all canaries of one run"),
        ),
    )


def self_test(*, passed=True):
    return SelfTest(
        attacks=(
            NullAttack(name="loss", auc=Estimate(0.503, 0.48, 0.526), passed=True),
            NullAttack(name="lira", auc=Estimate(0.496 if passed else 0.6, 0.47, 0.62), passed=passed),
        ),
        flagged=0,
        patients=400,
        epsilon=0.0,
        passed=passed,
    )


CHECKS = (
    CheckFinding(
        code="GA001",
        title="Duplicates",
        status="issue",
        summary="3 pairs of samples of different patients are nearly the same.",
        advice="Find out whether they are one patient.",
    ),
    CheckFinding(
        code="GA002", title="One patient on both sides", status="passed", summary="Nobody is on both.", advice=""
    ),
    CheckFinding(code="GA004", title="Batch", status="not_applicable", summary="No batch column was named.", advice=""),
    CheckFinding(
        code="GA008",
        title="Number of models",
        status="tip",
        summary="Only 64 models.",
        advice="Ask for 128 or more; finished models are kept.",
    ),
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
        "adversary": Adversary(access="parameters", decimals=None, queries=8),
        "attacks": (
            attack("loss", "Loss threshold", separation / 5, half_width=half_width),
            attack("lira", "LiRA, online", separation, half_width=half_width),
            attack("lira_offline", "LiRA, offline", separation * 0.8, half_width=half_width),
            attack("label_noise", "Label-only, noise", separation / 6, half_width=half_width, access="labels"),
            attack("grad_norm", "Gradient norm", separation / 4, half_width=half_width, access="parameters"),
        ),
        "not_run": (NotRun(name="lira_fixed", reason="needs at least 128 models, has 64"),),
        "union": UnionOfAttacks(
            fpr=0.1,
            attacks=5,
            tpr=0.583,
            achieved_fpr=0.281,
            only_here={"lira": 0.114, "loss": 0.032, "lira_offline": 0.021, "label_noise": 0.0, "grad_norm": 0.0},
        ),
        "utility": Utility(
            members=side(0.998),
            non_members=side(0.93),
            unseen_accuracy=estimate(0.93, 0.015),
            unseen_balanced_accuracy=estimate(0.9, 0.02),
        ),
        "groups": groups(separation),
        "group_gaps": (
            GroupGap(variable="sex", group="female", other="male", difference=Estimate(0.02, -0.03, 0.07), p_holm=0.41),
        ),
        "worst_group": WorstGroup(variable="class", value="PRAD", models_per_half=32, auc=estimate(0.86, 0.06)),
        "exposure": exposure(),
        "bounds": (
            bound("many_run", 1.2399, "one patient, fixed beforehand", neighbouring="replace-one"),
            bound("many_run", 0.0, "one patient, the first of the class THCA", neighbouring="replace-one"),
        ),
        "canaries": canaries(separation),
        "convergence": tuple(
            Convergence(models=n, auc=estimate(0.77 - 0.4 / n, 0.16 / np.sqrt(n)), tpr_at_fpr=rate(1.0, 0.1, 200))
            for n in (16, 32, 64)
        ),
        "stopped": "Stopped at 64 models: doubling them narrowed the interval by less than a tenth.",
        "self_test": self_test(),
        "checks": CHECKS,
        "warnings": ("1 class has fewer than 20 patients; its numbers are not shown.",),
    }
    return AuditReport(**{**content, **changes})


def build_minimal_report():
    """Every optional part absent or empty."""
    return build_report(
        **dict.fromkeys(("union", "canaries", "stopped", "self_test", "worst_group")),
        **dict.fromkeys(("not_run", "groups", "group_gaps", "bounds", "convergence", "checks", "warnings"), ()),
        attacks=tuple(part.model_copy(update={"at_shadow_thresholds": ()}) for part in build_report().attacks[:2]),
        exposure=Exposure(auc_quantiles={}, most_exposed=(), flagging=None, stability=None, worst=(), calibration=None),
        adversary=Adversary(access="probabilities", decimals=None, queries=0),
    )


def build_release_report():
    """One given model: no exposure of single patients, one target for every attack."""
    recipe = build_report()
    return build_report(
        audit="release",
        attacks=tuple(part.model_copy(update={"estimand": "single_target"}) for part in recipe.attacks),
        exposure=None,
        worst_group=None,
        bounds=(),
        canaries=None,
        convergence=(),
        stopped=None,
        self_test=None,
    )


def build_alone_report(**changes):
    """One given model whose recipe is not known, so that it was attacked by itself."""
    release = build_release_report()
    single = tuple(part.model_copy(update={"at_shadow_thresholds": ()}) for part in release.attacks)
    target = GivenModel(
        kind="torch",
        source="net.safetensors",
        sha256="c0ffee" * 10,
        members=200,
        non_members=200,
        members_by="file members.txt",
        non_members_from="patients of the same hospitals",
        manifest="none",
        seeded=None,
    )
    gap = NotTested(what="Attacks that compare a patient with other models", why="There is no [recipe].")
    parts = {"attacks": single, "recipe": None, "design": None, "target": target, "not_tested": (gap,)}
    return release.model_copy(update={**parts, **changes})


def build_report_of_thirty():
    """As many attacks as there are."""
    accesses = ("labels", "probabilities", "parameters")
    many = tuple(
        attack(f"attack_{i}", f"Attack number {i}, online, of its kind", 0.1 + i / 30, access=accesses[i % 3])
        for i in range(28)
    )
    return build_report(attacks=(*build_report().attacks[:2], *many))
