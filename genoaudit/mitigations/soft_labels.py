"""Less certain labels: a model that is never told to be sure leaves less of a gap to those it has not seen."""

from __future__ import annotations

from typing import Any

from genoaudit.contracts import Mitigation, Recipe
from genoaudit.mitigations.steps import at_least, lacks, refuse
from genoaudit.models.settings import amount


def _apply_label_smoothing(recipe: Recipe, setting: Any, _genes: tuple[str, ...]) -> Recipe:
    refuse("label_smoothing", LABEL_SMOOTHING.why_not(recipe))
    return at_least(recipe, "label_smoothing", amount("label_smoothing", setting, below=1.0))


def _apply_mixup(recipe: Recipe, setting: Any, _genes: tuple[str, ...]) -> Recipe:
    refuse("mixup", MIXUP.why_not(recipe))
    return at_least(recipe, "mixup", amount("mixup", setting))


LABEL_SMOOTHING = Mitigation(
    name="label_smoothing",
    title="Label smoothing",
    protects="Attacks that read high confidence as membership: members are trained towards less than certainty, so "
    "that confidence no longer runs away.",
    costs="Probabilities are no longer calibrated; accuracy hardly changes. No extra time.",
    failures="Members are pulled to one and the same confidence, which makes them easier to recognise for attacks with "
    "reference models: it has been found to raise the risk (Kaya and Dumitras, ICML 2021). Nothing is guaranteed.",
    reference="Szegedy, Vanhoucke, Ioffe, Shlens, Wojna. Rethinking the Inception architecture for computer vision. "
    "CVPR 2016. doi:10.1109/CVPR.2016.308",
    setting="Share of each label spread over all classes, below 1; 0, or less than a recipe has, leaves it as it is.",
    defaults=(0.1, 0.3),
    apply=_apply_label_smoothing,
    why_not=lacks("label_smoothing"),
)

MIXUP = Mitigation(
    name="mixup",
    title="Mixup of samples",
    protects="Membership attacks that live on overfitting: the model is trained on blends of two samples, never on a "
    "patient's own profile with the patient's own label.",
    costs="Blends of expression profiles are no patients: rare classes are blended away first. No extra time.",
    failures="Blends with a share near 1 are all but the sample itself, and every patient takes part in many of them: "
    "attacks with reference models still find those who stand out. Nothing is guaranteed.",
    reference="Zhang, Cisse, Dauphin, Lopez-Paz. mixup: Beyond empirical risk minimization. ICLR 2018. "
    "doi:10.48550/arXiv.1710.09412",
    setting="Parameter of the Beta distribution of the shares: 0.4 mostly blends a little, 1 evenly; 0, or less than a "
    "recipe has, leaves it as it is.",
    defaults=(0.4,),
    apply=_apply_mixup,
    why_not=lacks("mixup"),
)
