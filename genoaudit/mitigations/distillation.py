"""Distillation: the model that is given out learns from models that each leave some patients out."""

from __future__ import annotations

from typing import Any, cast

from genoaudit.contracts import Mitigation, Recipe
from genoaudit.mitigations.steps import classifier_of, copied, refuse
from genoaudit.models.settings import count


def _apply(recipe: Recipe, setting: Any, _genes: tuple[str, ...]) -> Recipe:
    from genoaudit.models.distillation import DistilledClassifier

    models = count("distillation", setting, least=2)
    refuse("distillation", _why_not(recipe))
    return cast(Recipe, DistilledClassifier(copied(recipe), models=models))


def _why_not(recipe: Recipe) -> str | None:
    from genoaudit.models.distillation import cannot_learn_soft_labels

    if classifier_of(recipe).get_params(deep=False).get("dp") is not None:
        return "the classifier is trained with DP-SGD, whose guarantee would have to cover every sub-model"
    return cannot_learn_soft_labels(recipe)


DISTILLATION = Mitigation(
    name="distillation",
    title="Split-AI and self-distillation (SELENA)",
    protects="Attacks on a member's own outputs: the model learns for each patient what sub-models without him would "
    "say, which is what they say of any stranger.",
    costs="As many further trainings as there are sub-models, each on about three fifths of the patients, and some "
    "accuracy, most in small classes.",
    failures="A patient's label still trains the sub-models that teach about others: patients with few like them, "
    "above all with wrong labels, stay exposed. On CIFAR-10 at 0.1 % FPR attacks found 7 % of all samples, but 53 % of "
    "samples planted to be exposed (Aerni, Zhang, Tramer, CCS 2024). Nothing is guaranteed.",
    reference="Tang, Mahloujifar, Song, Shejwalkar, Nasr, Houmansadr, Mittal. Mitigating membership inference attacks "
    "by self-distillation through a novel ensemble architecture. USENIX Security 2022. doi:10.48550/arXiv.2110.08324",
    setting="Number of sub-models, at least 2; each patient is left out of two fifths of them. No value leaves a "
    "recipe as it is.",
    defaults=(5,),
    apply=_apply,
    why_not=_why_not,
)
