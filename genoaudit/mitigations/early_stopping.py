"""Early stopping: end training once patients held out from it no longer gain."""

from __future__ import annotations

from typing import Any

from genoaudit.contracts import Mitigation, Recipe
from genoaudit.mitigations.steps import at_least, lacks, refuse
from genoaudit.models.settings import amount


def _apply(recipe: Recipe, setting: Any, _genes: tuple[str, ...]) -> Recipe:
    refuse("early_stopping", EARLY_STOPPING.why_not(recipe))
    return at_least(recipe, "early_stopping", amount("early_stopping", setting, below=1.0))


EARLY_STOPPING = Mitigation(
    name="early_stopping",
    title="Early stopping on held-out patients",
    protects="Membership attacks that live on overfitting: later passes mostly learn what sets the members apart from "
    "everybody else.",
    costs="The patients held out do not train the model, which hurts where classes are small. Time is saved.",
    failures="A model that stops early still gives its members more than others, and patients that are learnt first "
    "because they stand out stay exposed. The patients held out are members too: they choose when to stop, which no "
    "DP guarantee covers.",
    reference="Song, Mittal. Systematic evaluation of privacy risks of machine learning models. USENIX Security 2021. "
    "doi:10.48550/arXiv.2003.10595",
    setting="Share of the patients held out, below 1; 0, or less than a recipe has, leaves it as it is.",
    defaults=(0.2,),
    apply=_apply,
    why_not=lacks("early_stopping"),
)
