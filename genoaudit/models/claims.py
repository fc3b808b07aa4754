"""What a private recipe may claim: a guarantee covers a training, and seldom all that is done with the patients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from genoaudit.models.seeds import seeded_parameters
from genoaudit.privacy.dpsgd import DPSGD

if TYPE_CHECKING:
    from genoaudit.contracts import Recipe
    from genoaudit.privacy.accounting import Guarantee
    from genoaudit.privacy.mechanism import Mechanism

_NOTHING_FITTED = ("LogTransform", "ListedGenes", "ChosenGenes")
_OUTPUTS_ONLY = ("DefendedOutputs",)


@dataclass(frozen=True)
class PrivacyClaim:
    """What is guaranteed for a recipe's training, and why that may not be the whole story.

    Parameters
    ----------
    guarantee
        Epsilon at delta of all mechanisms together, private releases of the preprocessing included.
    mechanisms
        All that was, or will be, trained on the same patients: one training, and those that it goes on from.
    gaps
        Why the guarantee does not cover the whole pipeline, each one sentence that names the alternative.
    assumptions
        What the guarantee takes as given whatever the recipe, each one sentence.
    seeded
        Whether any step's random numbers can be drawn again by whoever knows the seed: fine for a shadow model, which
        must be reproducible, but such a model is not releasable under the guarantee.
    assumed
        Whether a given model is only said to be trained by the recipe that is guaranteed this.
    """

    guarantee: Guarantee
    mechanisms: tuple[Mechanism, ...]
    gaps: tuple[str, ...]
    assumptions: tuple[str, ...]
    seeded: bool
    assumed: bool = False

    @property
    def mechanism(self) -> Mechanism:
        """The last training."""
        return self.mechanisms[-1]

    @property
    def end_to_end(self) -> bool:
        """Whether the guarantee covers all that the pipeline does with the patients."""
        return not self.gaps


def settle_privacy(recipe: Recipe, *, patients: int) -> Recipe:
    """Leave nothing of a recipe's mechanism open, so that all models of an audit share one.

    The noise of DP-SGD meets the target together with the releases of every `PrivateScaler` before it, which the
    classifier cannot know by itself: train no private recipe that is not settled.

    Parameters
    ----------
    recipe
        Unfitted. The private classifier may be its last step, or stand in the `estimator` of another estimator.
    patients
        Publicly known number of member patients, for a `DPSGD` or a `PrivateScaler` that declares none.

    Returns
    -------
    A copy with `DPSGD.settled` and every `PrivateScaler.patients_public` set; the same object if there is no DP-SGD.

    Examples
    --------
    >>> from genoaudit.data.private_moments import PrivateScaler
    >>> from genoaudit.models.recipes import build_recipe
    >>> recipe = build_recipe("mlp", {}, scale="log2")
    >>> settle_privacy(recipe, patients=100) is recipe
    True
    """
    from sklearn.base import clone

    found = _private_part(recipe)
    if found is None:
        return recipe
    settled = found.dp.settled(patients, releases=found.releases)
    public = {
        f"{path}patients_public": settled.patients for path, step in found.scalers if step.patients_public is None
    }
    return cast("Recipe", clone(recipe).set_params(**{f"{found.path}dp": settled}, **public))


def privacy_claim(recipe: Recipe, *, patients: int) -> PrivacyClaim | None:
    """Say what one training of a recipe guarantees, and what keeps the guarantee from covering all of it.

    It looks at the recipe, not at what became of it: a model that was trained further has its `mechanisms_`.

    Parameters
    ----------
    recipe
        Settled by `settle_privacy` or not; the claim is the same, and true of the settled recipe.
    patients
        Publicly known number of member patients, for a `DPSGD` that declares none.

    Returns
    -------
    None for a recipe without DP-SGD, or whose private training is not this package's and so not known.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> privacy_claim(make_pipeline("passthrough"), patients=100) is None
    True
    """
    from genoaudit.privacy.accounting import guarantee

    found = _private_part(recipe)
    if found is None or not _our_name(found.classifier):
        return None
    settled = found.dp.settled(patients, releases=found.releases)
    if settled.delta is None:
        raise AssertionError
    mechanism = settled.mechanism(patients, releases=found.releases)
    return PrivacyClaim(
        guarantee=guarantee([mechanism], settled.delta),
        mechanisms=(mechanism,),
        gaps=tuple(dict.fromkeys((*_gaps(found), *_gap_of_delta(settled.delta, mechanism.patients)))),
        assumptions=(
            f"The number of patients ({mechanism.patients}), the genes and the classes are public.",
            "Nothing was learnt from these patients before the recipe saw them, as batch correction would.",
        ),
        seeded=bool(seeded_parameters(recipe)),
    )


def private_settings(recipe: Recipe) -> DPSGD | None:
    """Return what a recipe asks of DP-SGD; None if it is trained without."""
    found = _private_part(recipe)
    return None if found is None else found.dp


@dataclass(frozen=True, eq=False)
class _PrivatePart:
    """A classifier with DP-SGD, what comes before it and what is around it; a path is a prefix of parameter names."""

    classifier: Any
    dp: DPSGD
    path: str
    steps: tuple[tuple[str, Any], ...]
    around: tuple[Any, ...]

    @property
    def scalers(self) -> tuple[tuple[str, Any], ...]:
        return tuple((path, step) for path, step in self.steps if _our_name(step) == "PrivateScaler")

    @property
    def releases(self) -> tuple[float, ...]:
        return tuple(float(step.noise_multiplier) for _, step in self.scalers)


def _private_part(recipe: Any) -> _PrivatePart | None:
    """Follow last steps and wrapped estimators to a classifier with DP-SGD."""
    from sklearn.pipeline import Pipeline

    path, steps, around = "", list[tuple[str, Any]](), list[Any]()
    while hasattr(recipe, "get_params"):
        parameters = recipe.get_params(deep=False)
        if isinstance(parameters.get("dp"), DPSGD):
            return _PrivatePart(recipe, parameters["dp"], path, tuple(steps), tuple(around))
        if isinstance(recipe, Pipeline):
            name, last = recipe.steps[-1]
            steps += [
                (f"{path}{before}__", step) for before, step in recipe.steps[:-1] if step not in (None, "passthrough")
            ]
            steps += [(path, last)] * isinstance(last, Pipeline)
        else:
            name, last = "estimator", parameters.get("estimator")
            around.append(recipe)
        path, recipe = f"{path}{name}__", last
    return None


def _our_name(estimator: Any) -> str:
    """Name of a class of this package; empty for any other, one that inherits from ours included."""
    kind = type(estimator)
    return kind.__name__ if kind.__module__.partition(".")[0] == "genoaudit" else ""


def _gaps(found: _PrivatePart) -> Iterator[str]:
    for _, step in found.steps:
        yield from _gap_of_step(step)
    if found.dp.hyperparameters == "undeclared":
        yield (
            "It is not declared how the hyper-parameters were chosen; fix them beforehand or on other patients, and "
            "declare dp.hyperparameters = 'public'."
        )
    if found.dp.hyperparameters == "searched":
        yield (
            "The hyper-parameters were chosen by looking at these patients; fix them beforehand or on other patients."
        )
    if getattr(found.classifier, "early_stopping", 0):
        yield (
            "Early stopping reads the loss of patients without noise; set early_stopping = 0 and fix dp.steps "
            "beforehand."
        )
    for wrapper in found.around:
        yield from _gap_of_wrapper(wrapper)


def _gap_of_delta(delta: float, patients: int) -> Iterator[str]:
    if delta * patients >= 1:
        yield (
            f"delta = {delta:g} is not below one in {patients} patients, so that giving one of them away whole would "
            "meet it; choose a tenth of that."
        )


def _gap_of_step(step: Any) -> Iterator[str]:
    name = _our_name(step)
    if name in {*_NOTHING_FITTED, "PrivateScaler"} or (name == "ExpressionScaler" and step.scaling != "members"):
        return
    if name == "FunctionalSpectra":
        if step.centring == "members":
            yield (
                "FunctionalSpectra centres genes at their means over the patients without noise; use centring = 'none'."
            )
    elif name == "ExpressionScaler":
        yield (
            "ExpressionScaler learns the genes' means and standard deviations from the patients without noise; use "
            "scaling = 'sample', which learns nothing, or PrivateScaler."
        )
    elif name == "VariableGenes":
        yield (
            "VariableGenes chooses genes by their variance among the patients without noise; use a public list of "
            "genes, or PrivateScaler with genes."
        )
    elif hasattr(step, "steps"):
        yield "A Pipeline inside a Pipeline is not told whose the samples are; put its steps into the outer one."
    else:
        yield (
            f"What {type(step).__name__} learns from the patients is not known; use steps that learn nothing "
            "(LogTransform, ExpressionScaler with scaling = 'sample', a public list of genes) or PrivateScaler."
        )


def _gap_of_wrapper(wrapper: Any) -> Iterator[str]:
    name = _our_name(wrapper)
    if name in _OUTPUTS_ONLY:
        return
    if name == "DistilledClassifier":
        yield (
            "DistilledClassifier trains several models and a student on the patients, and the guarantee is of one "
            "training; use the private classifier by itself."
        )
    else:
        yield (
            f"{type(wrapper).__name__} trains, chooses or calibrates on the patients around the private training; use "
            "the private classifier by itself."
        )
