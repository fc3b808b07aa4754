"""The patients behind the sample report, and its summary."""

import numpy as np
import pandas as pd
from sample_report import CLASSES, build_report

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.release_sections import (
    Criterion,
    FullSizeRisk,
    GivenModel,
    JointReleases,
    NotTested,
    RiskAtShare,
    Verdict,
    WorstGroup,
)
from genoaudit.report.sections import Guarantee, Theory, TradeOff
from genoaudit.report.shareable import summarise_for_sharing


def build_patients(seed=0):
    """The table of patients of a recipe audit: 400 patients of six classes, two of them rare at a site."""
    rng = np.random.default_rng(seed)
    classes = np.repeat(list(CLASSES), list(CLASSES.values()))
    site = np.where(rng.random(400) < 0.6, "north", "south").astype(object)
    site[np.flatnonzero(classes == "KIRC")[:6]] = "island"
    table = pd.DataFrame(
        {
            "patient_id": [f"TCGA-{number:05d}-X" for number in rng.permutation(90_000)[:400]],
            "pseudonym": [f"P{number:03d}" for number in rng.permutation(400) + 1],
            "class": classes,
            "samples": rng.integers(1, 3, 400),
            "auc": np.clip(rng.normal(0.74, 0.12, 400), 0.3, 1.0),
            "flagged": rng.random(400) < 0.3,
            "group: class": classes,
            "group: sex": np.where(rng.random(400) < 0.57, "female", "male"),
            "group: site": site,
        }
    )
    return table.sample(frac=1, random_state=seed, ignore_index=True)


def build_members(patients=400, models=64, seed=0):
    """Half splits in complementary pairs; [models, patients]."""
    halves = np.argsort(np.random.default_rng(seed).random((models // 2, patients)), axis=1) < patients // 2
    return np.vstack([halves, ~halves])


def build_summary(report=None, **changes):
    """Summary of a report, by default of the sample report with some parts changed."""
    return summarise_for_sharing(report or build_report(**changes), build_patients(), build_members())


def build_full_report():
    """A report that has every part, whether or not an audit would have them together."""
    report = build_report()
    attack = report.attacks[1]
    rate = attack.tpr_at_fpr[0]
    guarantee = Guarantee(
        epsilon=7.9912,
        delta=0.00025,
        accountant="pld",
        noise_multiplier=1.234567,
        neighbouring="replace-one",
        unit="patient",
        vacuous=False,
        end_to_end=False,
        gaps=("The 397 patients are counted exactly.",),
    )
    fpr = tuple(np.geomspace(1e-4, 1, 81))
    curves = tuple(
        TradeOff(neighbouring=relation, fpr=fpr, tpr=tuple(np.sqrt(fpr))) for relation in ("replace-one", "add/remove")
    )
    return report.model_copy(
        update={
            "guarantee": guarantee,
            "theory": Theory(curves=curves, comparisons=(), alarm=False, level=0.05),
            "verdict": build_verdict(),
            "worst_group": WorstGroup(
                variable="site", value="island", models_per_half=32, auc=Estimate(0.8134, 0.7456, 0.8712)
            ),
            "full_size": FullSizeRisk(
                attack="lira",
                points=tuple(
                    RiskAtShare(share=share, members=int(397 * share), models=64, auc=attack.auc, tpr_at_fpr=rate)
                    for share in (0.5, 0.9)
                ),
                auc=Estimate(0.7213, 0.6512, 0.7934),
                tpr=Estimate(0.3123, 0.2234, 0.4012),
                trend="in the logarithm of 397 members",
                guarantee=guarantee,
            ),
            "joint": JointReleases(
                attack="lira",
                earlier=("st-marys-2023.skops",),
                judged=383,
                left_out=14,
                new_alone=attack.auc,
                earlier_alone=(attack.auc,),
                together=Estimate(0.8234, 0.7934, 0.8512),
                together_tpr=rate,
                guarantee=guarantee,
            ),
            "target": GivenModel(
                kind="sklearn",
                source="st-marys-2025.skops",
                sha256="ab" * 32,
                members=203,
                non_members=197,
                members_by="the file st-marys-members.txt, 203 patients",
                non_members_from="397 patients of St Mary's",
                manifest="none",
                seeded=None,
            ),
            "not_tested": (
                NotTested(what="Attacks on gradients", why="203 patients are too few."),
                NotTested(what="The release st-marys-2025.skops with more queries", why="It was not there."),
                NotTested(what="The 14 patients who left", why="They left."),
            ),
        }
    )


def build_verdict():
    def criterion(key, subject, value, outcome="pass", threshold=0.6):
        near = None if value is None else (value - 0.0234, value + 0.0234)
        return Criterion(
            key=key,
            subject=subject,
            threshold=threshold,
            value=value,
            at_least=near and near[0],
            at_most=near and near[1],
            outcome=outcome,
            p_value=0.0123,
            reason=f"{subject}: {value}, 397 patients.",
        )

    return Verdict(
        decision="hold",
        policy="standard",
        policy_sha256="cd" * 32,
        criteria=(
            criterion("attacks.auc", "LiRA, online", 0.7712, "fail"),
            criterion("worst_patient.auc", "P0007", 0.9512, "fail", 0.9),
            criterion("worst_group.auc", "site: island", 0.8134, "fail"),
            criterion("utility.balanced_accuracy", "on unseen patients", 0.9012, threshold=0.8),
            criterion("bounds.audited_epsilon", "the most exposed patient", 1.2399, "silent", 8.0),
            criterion("evidence.non_members", "the audit", 197.0, threshold=100.0),
        ),
        reasons=("LiRA: 0.7712 in 397 patients, site island most.",),
    )


def unresolved(n_out=197):
    """A rate that so few non-members cannot resolve."""
    return RateAtFpr(0.01, 0.0051, 0.0873, 0.0312, 0.1534, resolvable=False, n_out=n_out)
