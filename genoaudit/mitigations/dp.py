"""DP-SGD: clipped gradients and noise bound what any attack can learn of any patient."""

from __future__ import annotations

from typing import Any

from genoaudit.contracts import Mitigation, Recipe
from genoaudit.mitigations.steps import classifier_of, refuse, with_parameters
from genoaudit.models.settings import positive


def _apply(recipe: Recipe, setting: Any, _genes: tuple[str, ...]) -> Recipe:
    from genoaudit.privacy.dpsgd import DPSGD

    refuse("dp", _why_not(recipe))
    epsilon = positive("dp", setting)
    own = classifier_of(recipe).get_params(deep=False)["dp"] or DPSGD(epsilon=epsilon)
    return with_parameters(recipe, {"dp": own.aimed(epsilon=epsilon)})


def _why_not(recipe: Recipe) -> str | None:
    if "dp" not in classifier_of(recipe).get_params(deep=False):
        return f"{type(classifier_of(recipe)).__name__} cannot be trained with DP-SGD"
    return None


DP = Mitigation(
    name="dp",
    title="DP-SGD per patient",
    protects="Every attack, also those not yet known: whether a patient with all his samples took part changes what "
    "the model could be by no more than epsilon and delta allow.",
    costs="Accuracy, the more the smaller epsilon and the fewer the patients; hyper-parameters must be tuned anew, and "
    "elsewhere. Training is slower.",
    failures="The bound covers the training alone: what was learnt from the patients before it, such as selected "
    "genes or tuned settings, is not covered. It says little above an epsilon of about 10; what protects there is "
    "measured, not proven.",
    reference="Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar, Zhang. Deep learning with differential privacy. CCS "
    "2016. doi:10.1145/2976749.2978318",
    setting="Target epsilon at the delta of the recipe, from 0.1 to 1e12. No value leaves a recipe as it is: also with "
    "the largest, gradients are clipped and patients drawn by coins.",
    defaults=(1.0, 8.0, 32.0, 1e3, 1e6, 1e9, 1e12),
    apply=_apply,
    why_not=_why_not,
)
