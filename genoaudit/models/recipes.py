"""Recipes by name: what is trained, as a scikit-learn Pipeline.

A recipe carries its preprocessing with it, so every model refits it on its own members.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from genoaudit import randomness
from genoaudit.contracts import Recipe, Scale
from genoaudit.errors import ConfigError
from genoaudit.phrases import count, shortened

_PRIVATE_KINDS = ("mlp", "softmax", "cnn", "deeptype", "deepcc")
_KINDS = (*_PRIVATE_KINDS, "logistic", "xgboost", "import")
_KEYS_SHOWN = 10
_LONGEST_KEY = 80
_SCALER_KEYS = ("genes", "scaling", "gain")


def build_recipe(
    kind: str,
    parameters: Mapping[str, Any],
    *,
    scale: Scale,
    target: str | None = None,
    genes: Sequence[str] | None = None,
) -> Recipe:
    """Build an unfitted recipe and check everything about it that can be checked before training.

    All kinds but ``"import"`` are Pipelines of `LogTransform`, `ExpressionScaler` and

    - ``"mlp"``: `genoaudit.models.mlp.MLPClassifier`; ``"softmax"``: the same without hidden layers;
    - ``"cnn"``: `genoaudit.models.cnn.CNNClassifier`;
    - ``"deeptype"``: `genoaudit.models.deeptype.DeepTypeClassifier`;
    - ``"deepcc"``: `genoaudit.models.deepcc.DeepCCClassifier`. With ``gene_sets = "sets.gmt"``, and `FunctionalSpectra`
      in the scaler's place, it sees functional spectra as published; then ``min_genes`` and ``centring`` are keys too;
    - ``"logistic"``: `sklearn.linear_model.LogisticRegression` (multinomial, L2) with ``max_iter=1000`` instead of 100,
      which do not suffice for thousands of genes;
    - ``"xgboost"``: `xgboost.XGBClassifier` with defaults for few patients and many genes, where XGBoost's own spend
      nearly all their time on histograms with more bins than a node has patients:

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
        One of those above.
    parameters
        ``genes = 2000`` keeps the 2,000 genes that vary most among the members; ``scaling`` and ``gain`` go to the
        scaler (``gain = false`` switches the gain off); ``scaling = "private"`` makes it a `PrivateScaler`, with
        ``moments_noise`` as its noise multiplier and ``genes`` chosen by private variances. A table ``dp`` becomes a
        `DPSGD`. The others go to the classifier; for ``"import"`` all are keywords of the function.
    scale
        Declared scale of the expression values.
    target
        ``"module:function"``, for ``"import"`` only.
    genes
        Names of the cohort's genes, for gene sets only.

    Raises
    ------
    ConfigError
        An unknown kind, key or scale, a value of the wrong type or outside its range, or a target that cannot be used.
    DataError
        A file of gene sets that cannot be used.

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

    from genoaudit.data.preprocessing import LogTransform

    classifier = _classifier(kind)
    own_keys = set(classifier.get_params(deep=False))
    if "dp" in parameters and "dp" not in own_keys:
        raise ConfigError(f"Recipe kind {kind!r} cannot be trained with dp; these can: {', '.join(_PRIVATE_KINDS)}.")
    if kind == "softmax" and "hidden" in parameters:
        raise ConfigError("Recipe kind 'softmax' has no hidden layers. Leave 'hidden' out, or use kind = 'mlp'.")
    preparation = _preparation(kind, parameters)
    offered = ("gene_sets",) if kind == "deepcc" else ()
    _reject_unknown_keys(
        f"recipe kind {kind!r}{preparation.variant}", parameters, (*preparation.keys, *offered, *own_keys)
    )
    given = {key: value for key, value in parameters.items() if key in own_keys}
    if "dp" in given:
        given["dp"] = _parse_dp(given["dp"])
    classifier.set_params(**given)
    prepared = {key: value for key, value in parameters.items() if key in preparation.keys}
    steps = [("log", LogTransform(scale)), *preparation.steps(prepared, genes), ("classifier", classifier)]
    _check_values([step for _, step in steps])
    if kind == "xgboost":
        _check_xgboost_values(classifier)
    return cast(Recipe, Pipeline(steps))


def check_is_recipe(recipe: Any) -> None:
    """Raise a `ConfigError` unless this is an estimator that can be trained and asked for probabilities."""
    if isinstance(recipe, type) or not all(hasattr(recipe, name) for name in ("fit", "predict_proba", "get_params")):
        raise ConfigError(
            "recipe must be an unfitted scikit-learn classifier with predict_proba, or a Pipeline that ends in one."
        )


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


def _classifier(kind: str) -> Any:
    if kind == "logistic":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)
    if kind == "xgboost":
        from xgboost import XGBClassifier

        return XGBClassifier(max_bin=16, max_depth=3, colsample_bytree=0.2, n_estimators=50, n_jobs=1)
    if kind == "cnn":
        from genoaudit.models.cnn import CNNClassifier

        return CNNClassifier()
    if kind == "deeptype":
        from genoaudit.models.deeptype import DeepTypeClassifier

        return DeepTypeClassifier()
    if kind == "deepcc":
        from genoaudit.models.deepcc import DeepCCClassifier

        return DeepCCClassifier()
    from genoaudit.models.mlp import MLPClassifier

    return MLPClassifier() if kind == "mlp" else MLPClassifier(())


def _parse_dp(given: Any) -> Any:
    from genoaudit.privacy.dpsgd import DPSGD

    if isinstance(given, Mapping):
        return DPSGD.parse(given)
    if given is None or isinstance(given, DPSGD):
        return given
    raise ConfigError(f"Recipe key 'dp' must be a table such as {{epsilon = 8}}, found {given!r}.")


@dataclass(frozen=True)
class _Preparation:
    """What comes between the log step and the classifier: which keys say so, and the steps made of them."""

    keys: tuple[str, ...]
    steps: Callable[[dict[str, Any], Sequence[str] | None], list[tuple[str, Any]]]
    variant: str = ""


def _preparation(kind: str, parameters: Mapping[str, Any]) -> _Preparation:
    if kind == "deepcc" and "gene_sets" in parameters:
        return _Preparation(("gene_sets", "min_genes", "centring"), _spectra, " with gene_sets")
    if parameters.get("scaling") == "private":
        return _Preparation((*_SCALER_KEYS, "moments_noise"), _private_scaler, " with scaling 'private'")
    return _Preparation(_SCALER_KEYS, _scaler)


def _scaler(given: dict[str, Any], _genes: Sequence[str] | None) -> list[tuple[str, Any]]:
    from genoaudit.data.preprocessing import ExpressionScaler
    from genoaudit.data.selection import VariableGenes

    selector = [("genes", VariableGenes(given.pop("genes")))] if "genes" in given else []
    return [*selector, ("scaler", ExpressionScaler().set_params(**_with_gain(given)))]


def _private_scaler(given: dict[str, Any], _genes: Sequence[str] | None) -> list[tuple[str, Any]]:
    from genoaudit.data.private_moments import PrivateScaler

    if "moments_noise" not in given:
        raise ConfigError(
            "scaling = 'private' needs moments_noise, the noise multiplier at which the genes' means and variances are "
            "released; 'sample' scaling releases nothing."
        )
    noise = given.pop("moments_noise")
    del given["scaling"]
    return [("scaler", PrivateScaler(noise, **_with_gain(given)))]


def _with_gain(given: dict[str, Any]) -> dict[str, Any]:
    return {**given, "gain": None} if given.get("gain") is False else given  # TOML has no null


def _spectra(given: dict[str, Any], genes: Sequence[str] | None) -> list[tuple[str, Any]]:
    from genoaudit.data.gene_sets import columns_of_sets, read_gmt
    from genoaudit.data.spectra import FunctionalSpectra

    if genes is None:
        raise ConfigError("Recipe key 'gene_sets' needs the names of the cohort's genes, and none were given.")
    path, fewest = given.pop("gene_sets"), given.pop("min_genes", 10)
    if not isinstance(path, str | Path):
        raise ConfigError(f"Recipe key 'gene_sets' must be the path of a GMT file, found {path!r}.")
    if isinstance(fewest, bool) or not isinstance(fewest, int) or fewest < 1:
        raise ConfigError(f"Recipe key 'min_genes' must be a whole number of at least 1, found {fewest!r}.")
    sets = columns_of_sets(read_gmt(Path(path)), genes, min_genes=fewest)
    return [("spectra", FunctionalSpectra(sets, **given))]


def _nearest(given: str, valid: Iterable[str], *, what: str) -> str:
    ranked = difflib.get_close_matches(given, sorted(valid), n=1, cutoff=0.0)
    listed = ", ".join(sorted(valid))
    nearest = f"The nearest valid {what} is {ranked[0]!r}. " if ranked else ""
    return f"{nearest}Valid: {listed or 'none'}."


def _reject_unknown_keys(owner: str, parameters: Mapping[str, Any], valid: Iterable[str]) -> None:
    known = set(valid)
    unknown = [key for key in parameters if key not in known]
    if unknown:
        problems = [
            f"Unknown key {shortened(repr(key), _LONGEST_KEY)} for {owner}. "
            f"{_nearest(key[:_LONGEST_KEY], known, what='key')}"
            for key in unknown[:_KEYS_SHOWN]
        ]
        more = len(unknown) - len(problems)
        raise ConfigError("\n".join([*problems, *([f"And {count(more, 'more unknown key')}."] if more else [])]))


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
    function = import_function(target, whose="Recipe target")
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


def import_function(target: str, *, whose: str) -> Callable[..., Any]:
    """Import a function of the user's by ``"module:function"``; `whose` stands in front of errors.

    Raises
    ------
    ConfigError
        If there is no such module or function, or importing it fails.
    """
    module_name, separator, function_name = target.partition(":")
    if not (separator and module_name and function_name):
        raise ConfigError(f"{whose} must look like 'module:function', got {target!r}.")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"{whose} {target!r}: importing {module_name!r} raised {type(error).__name__}: {error}. If it is "
            "missing, install it or put the folder that holds it on PYTHONPATH."
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        callables = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise ConfigError(
            f"{whose} {target!r}: {module_name!r} has no function {function_name!r}. "
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
