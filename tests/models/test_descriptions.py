import dataclasses
import json
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from xgboost import XGBClassifier

from genoaudit.errors import ConfigError
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.recipes import build_recipe
from genoaudit.privacy.dpsgd import DPSGD


def test_description_is_json_with_every_parameter_of_every_step():
    recipe = build_recipe("xgboost", {"max_depth": 3}, scale="log2")
    description = describe_recipe(recipe)
    assert json.loads(json.dumps(description, allow_nan=False)) == description
    assert description["class"] == "sklearn.pipeline:Pipeline"
    steps = dict(description["parameters"]["steps"])
    assert steps["log"] == {"class": "genoaudit.data.preprocessing:LogTransform", "parameters": {"scale": "log2"}}
    classifier = steps["classifier"]["parameters"]
    assert list(classifier) == sorted(XGBClassifier().get_params())
    assert (classifier["max_depth"], classifier["missing"]) == (3, {"float": "nan"})


def test_equal_recipes_have_equal_descriptions_and_any_change_shows():
    def text(**parameters):
        return json.dumps(describe_recipe(build_recipe("mlp", parameters, scale="log2")))

    assert text(hidden=(64,)) == text(hidden=[64]) == text(hidden=[np.int64(64)])
    changes = [{}, {"hidden": [64]}, {"hidden": [64, 64]}, {"dropout": 0.1}, {"gain": 9.0}, {"gain": False}]
    assert len({text(**change) for change in changes}) == len(changes)


def test_containers_arrays_functions_and_classes_are_described():
    def described(value):
        return describe_recipe(FunctionTransformer(kw_args=value))["parameters"]["kw_args"]

    assert described({2: 1.5, 1: None}) == described({1: None, 2: 1.5}) == {"mapping": [[1, None], [2, 1.5]]}
    weights = np.arange(6.0)
    assert described(weights) == described(np.arange(12.0)[:6])
    assert described(weights)["array"]["shape"] == [6]
    others = [weights + 1, weights.astype(np.float32), weights.reshape(2, 3)]
    assert all(described(other) != described(weights) for other in others)
    assert described(np.log2) == {"object": "numpy:log2"}
    assert described(np.float32) == {"object": "numpy:float32"}
    assert described(LogisticRegression(C=2.0))["parameters"]["C"] == 2.0


def test_every_field_of_a_privacy_budget_shows():
    shown = {
        json.dumps(describe_recipe(MLPClassifier(dp=dp)), allow_nan=False)
        for dp in (
            None,
            DPSGD(noise_multiplier=1.0),
            DPSGD(noise_multiplier=1.1),
            DPSGD(epsilon=1.0),
            DPSGD(epsilon=1e12),
            DPSGD(advantage=0.1),
            DPSGD(tpr=0.1),
            DPSGD(tpr=0.1, fpr=0.02),
            DPSGD(reconstruction=0.1),
            DPSGD(reconstruction=0.1, candidates=9),
            *(
                DPSGD(noise_multiplier=1.0, **{field: value})
                for field, value in {
                    "delta": 1e-6,
                    "clip": 0.5,
                    "sampling_rate": 0.2,
                    "steps": 201,
                    "patients": 300,
                    "hyperparameters": "public",
                }.items()
            ),
        )
    }
    assert len(shown) == 16
    described = describe_recipe(MLPClassifier(dp=DPSGD(epsilon=2.0)))["parameters"]["dp"]
    assert described["class"] == "genoaudit.privacy.dpsgd:DPSGD"
    assert set(described["fields"]) == {field.name for field in dataclasses.fields(DPSGD)}


def test_a_record_that_can_change_is_not_described():
    @dataclasses.dataclass
    class Loose:
        value: int = 1

    with pytest.raises(ConfigError, match="cannot be described"):
        describe_recipe(FunctionTransformer(kw_args={"a": Loose()}))


@pytest.mark.parametrize(
    "value",
    [lambda x: x, np.random.default_rng(0), object(), np.array([None]), {"deep": [lambda x: x]}],
    ids=["lambda", "generator", "object", "array of objects", "deep"],
)
def test_value_without_canonical_description_is_an_error_that_says_where(value):
    recipe = make_pipeline(FunctionTransformer(kw_args=value), LogisticRegression())
    with pytest.raises(ConfigError, match=r"recipe\.steps\[0\]\[1\]\.kw_args.* cannot be described.*Use a number"):
        describe_recipe(recipe)


def test_interactively_defined_function_is_an_error(monkeypatch):
    from types import ModuleType

    notebook = ModuleType("notebook")
    exec("def double(x): return 2 * x", vars(notebook))
    monkeypatch.setitem(sys.modules, "notebook", notebook)
    with pytest.raises(ConfigError, match=r"'double', which was defined interactively. Save it in a module"):
        describe_recipe(FunctionTransformer(notebook.double))


def test_edited_user_model_has_another_description(write_module):
    code = """
        from sklearn.linear_model import LogisticRegression
        class Model(LogisticRegression):
            temperature = {temperature}
        """
    digests = []
    for temperature in (1, 2, 1):
        write_module("edited_model", code.format(temperature=temperature))
        sys.modules.pop("edited_model", None)
        recipe = build_recipe("import", {}, scale="log2", target="edited_model:Model")
        digests.append(describe_recipe(recipe)["source_sha256"])
    assert digests[0] == digests[2] != digests[1]


def test_an_edited_module_that_the_user_s_module_imports_changes_the_description(write_module):
    from genoaudit.models.descriptions import _source_digest

    write_module("deep_knob", "STRENGTH = 1.0\n")
    write_module("middle_knob", "from deep_knob import STRENGTH\n")
    write_module("with_knob", "import numpy\nfrom middle_knob import STRENGTH\n")
    __import__("with_knob")
    before = _source_digest("with_knob")
    assert _source_digest("with_knob") == before
    write_module("deep_knob", "STRENGTH = 100.0\n")
    assert _source_digest("with_knob") != before
