"""Recipes by name: what is trained, as a scikit-learn Pipeline.

A recipe carries its preprocessing with it, so every model refits it on its own members.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import numpy as np

from genoaudit import randomness
from genoaudit.contracts import Recipe, Scale
from genoaudit.errors import ConfigError

_KINDS = ("mlp", "logistic", "xgboost", "import")
_SCALER_KEYS = ("scaling", "gain")


def build_recipe(kind: str, parameters: Mapping[str, Any], *, scale: Scale, target: str | None = None) -> Recipe:
    """Build an unfitted recipe and check everything about it that can be checked before training.

    The kinds ``"mlp"``, ``"logistic"`` and ``"xgboost"`` are Pipelines of `LogTransform`, `ExpressionScaler` and

    - `genoaudit.models.mlp.MLPClassifier`;
    - `sklearn.linear_model.LogisticRegression` (multinomial, L2) with ``max_iter=1000`` instead of 100, which do not
      suffice for thousands of genes;
    - `xgboost.XGBClassifier` with defaults for few patients and many genes, where XGBoost's own spend nearly all their
      time on histograms with more bins than a node has patients:

      =========================  ===========================================================================
      ``max_bin=16``             instead of 256. A histogram is genes x bins for every node of a tree; with
                                 16 it stays in the processor's cache. The largest saving by far.
      ``max_depth=3``            instead of 6. Hundreds of patients fill few leaves; it bounds the first trees.
      ``colsample_bytree=0.2``   instead of 1. Each tree looks for splits among a fifth of the genes. It makes
                                 trees differ, as many genes tell the same; it saves next to no time.
      ``n_estimators=50``        instead of 100. Once every patient is told apart no split is worth making
                                 (``min_child_weight``), and later rounds cost time and change next to nothing.
      ``n_jobs=1``               Models are trained in parallel, which uses cores better than threads within
                                 one.
      =========================  ===========================================================================

      A parameter that is given replaces its default and leaves the others as they are.

    ``"import"`` is the user's own: a function that returns an unfitted scikit-learn classifier or Pipeline, taken as it
    is. It sees expression on the declared scale and brings its own preprocessing.

    Parameters
    ----------
    kind
        ``"mlp"``, ``"logistic"``, ``"xgboost"`` or ``"import"``.
    parameters
        ``genes = 2000`` keeps the 2,000 genes that vary most among the members; ``scaling`` and ``gain`` go to the
        scaler (``gain = false`` switches the gain off), the others to the classifier; for ``"import"`` all are
        keywords of the function.
    scale
        Declared scale of the expression values.
    target
        ``"module:function"``, for ``"import"`` only.

    Raises
    ------
    ConfigError
        An unknown kind, key or scale, a value of the wrong type or outside its range, or a target that cannot be used.

    Examples
    --------
    >>> recipe = build_recipe("mlp", {"hidden": [64], "scaling": "sample"}, scale="log2")
    >>> [type(step).__name__ for _, step in recipe.steps]
    ['LogTransform', 'ExpressionScaler', 'MLPClassifier']
    """
    if kind not in _KINDS:
        raise ConfigError(f"Unknown recipe kind {kind!r}. {_nearest(kind, _KINDS, what='kind')}")
    if "random_state" in parameters:
        raise ConfigError(
            "Recipe key 'random_state' would be overwritten: every model has its own, drawn from the audit's seed."
        )
    if kind == "import":
        return _imported_recipe(target, parameters)
    if target is not None:
        raise ConfigError(f"Recipe kind {kind!r} takes no target (got {target!r}). Use kind = 'import' with a target.")

    from sklearn.pipeline import Pipeline

    from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
    from genoaudit.data.selection import VariableGenes

    classifier = {"mlp": _mlp, "logistic": _logistic, "xgboost": _xgboost}[kind]()
    _reject_unknown_keys(
        f"recipe kind {kind!r}", parameters, ("genes", *_SCALER_KEYS, *classifier.get_params(deep=False))
    )
    scaler_parameters = {key: value for key, value in parameters.items() if key in _SCALER_KEYS}
    if scaler_parameters.get("gain") is False:  # TOML has no null
        scaler_parameters["gain"] = None
    scaler = ExpressionScaler().set_params(**scaler_parameters)
    apart = ("genes", *_SCALER_KEYS)
    classifier.set_params(**{key: value for key, value in parameters.items() if key not in apart})
    selector = [("genes", VariableGenes(parameters["genes"]))] if "genes" in parameters else []
    steps = [("log", LogTransform(scale)), *selector, ("scaler", scaler), ("classifier", classifier)]
    _check_values([step for _, step in steps])
    if kind == "xgboost":
        _check_xgboost_values(classifier)
    return cast(Recipe, Pipeline(steps))


def set_random_state(recipe: Recipe, seed: int, *path: str | int) -> Recipe:
    """Return an unfitted copy with every ``random_state``, however deep, drawn from the seed tree.

    The value of a parameter is `genoaudit.randomness.random_state` at `path` followed by the parameter's full name, for
    instance ``classifier__random_state``. It replaces whatever the recipe held.

    Examples
    --------
    >>> recipe = build_recipe("mlp", {}, scale="log2")
    >>> seeded = set_random_state(recipe, 0, "shadow", 17)
    >>> seeded.get_params()["classifier__random_state"]
    41647759
    >>> recipe.get_params()["classifier__random_state"] is None
    True
    """
    from sklearn.base import clone

    copy = clone(recipe)
    names = [name for name in copy.get_params() if name.rpartition("__")[2] == "random_state"]
    copy.set_params(**{name: randomness.random_state(seed, *path, name) for name in names})
    return cast(Recipe, copy)


def _mlp() -> Any:
    from genoaudit.models.mlp import MLPClassifier

    return MLPClassifier()


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def _xgboost() -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(max_bin=16, max_depth=3, colsample_bytree=0.2, n_estimators=50, n_jobs=1)


def _nearest(given: str, valid: Iterable[str], *, what: str) -> str:
    ranked = difflib.get_close_matches(given, sorted(valid), n=1, cutoff=0.0)
    listed = ", ".join(sorted(valid))
    nearest = f"The nearest valid {what} is {ranked[0]!r}. " if ranked else ""
    return f"{nearest}Valid: {listed or 'none'}."


def _reject_unknown_keys(owner: str, parameters: Mapping[str, Any], valid: Iterable[str]) -> None:
    known = set(valid)
    unknown = [key for key in parameters if key not in known]
    if unknown:
        problems = [f"Unknown key {key!r} for {owner}. {_nearest(key, known, what='key')}" for key in unknown]
        raise ConfigError("\n".join(problems))


def _check_values(estimators: Iterable[Any]) -> None:
    """Let every estimator apply, before any data are read, the checks of parameters that it makes in `fit`."""
    problems = []
    for estimator in estimators:
        if not hasattr(estimator, "_parameter_constraints"):  # XGBoost declares none
            continue
        try:
            estimator._validate_params()
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))


def _check_xgboost_values(classifier: Any) -> None:
    """Have XGBoost parse its parameters; without this it says what is wrong only when the first model trains."""
    import xgboost

    rounds = classifier.n_estimators
    if rounds is not None and (isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1):
        raise ConfigError(
            f"The 'n_estimators' parameter of XGBClassifier must be an int of at least 1, got {rounds!r}."
        )
    given = {key: value for key, value in classifier.get_xgb_params().items() if value is not None}
    given.pop("interaction_constraints", None)  # named by gene: they cannot be parsed without the cohort
    if str(given.get("objective")).startswith("multi:"):
        given["num_class"] = 2
    two_by_two = xgboost.DMatrix(np.zeros((2, 2)), label=[0, 1])
    try:
        xgboost.Booster(given, cache=[two_by_two]).save_config()
    except xgboost.core.XGBoostError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"XGBClassifier does not take these parameters: {reason}") from None


def _imported_recipe(target: str | None, parameters: Mapping[str, Any]) -> Recipe:
    if target is None:
        raise ConfigError(
            "Recipe kind 'import' needs target = 'module:function', a function that returns a classifier."
        )
    function = _import_function(target)
    signature = inspect.signature(function)
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values()):
        _reject_unknown_keys(f"recipe target {target!r}", parameters, signature.parameters)
    try:
        signature.bind(**parameters)
    except TypeError as error:
        raise ConfigError(f"Recipe target {target!r} cannot be called with the recipe's other keys: {error}.") from None
    try:
        recipe = function(**parameters)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"Recipe target {target!r} raised {type(error).__name__}: {error}. It is called with the recipe's other "
            f"keys ({', '.join(sorted(parameters)) or 'none'}) and must return an unfitted classifier."
        ) from error
    _check_is_classifier(recipe, target)
    return cast(Recipe, recipe)


def _import_function(target: str) -> Callable[..., Any]:
    module_name, separator, function_name = target.partition(":")
    if not (separator and module_name and function_name):
        raise ConfigError(f"Recipe target must look like 'module:function', got {target!r}.")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"Recipe target {target!r}: importing {module_name!r} raised {type(error).__name__}: {error}. If it is "
            "missing, install it or put the folder that holds it on PYTHONPATH."
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        callables = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise ConfigError(
            f"Recipe target {target!r}: {module_name!r} has no function {function_name!r}. "
            f"{_nearest(function_name, callables, what='name')}"
        )
    return cast(Callable[..., Any], function)


def _check_is_classifier(recipe: Any, target: str) -> None:
    if isinstance(recipe, type):
        raise ConfigError(f"Recipe target {target!r} returned the class {recipe.__name__}; return {recipe.__name__}().")
    missing = [name for name in ("fit", "predict_proba", "get_params", "set_params") if not hasattr(recipe, name)]
    if not missing:
        return
    advice = (
        "Return a scikit-learn classifier or Pipeline; inherit ClassifierMixin and BaseEstimator for your own class"
    )
    if missing == ["predict_proba"]:
        advice = "An attack reads probabilities: switch them on, or wrap the model in CalibratedClassifierCV"
    raise ConfigError(
        f"Recipe target {target!r} returned a {type(recipe).__name__} without {', '.join(missing)}. {advice}."
    )
