import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import sklearn
import skops.io
from bombs import pickle_bomb, zipped
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from genoaudit.artefacts.skops_file import read_skops
from genoaudit.errors import DataError

TREE = "sklearn.tree._tree.Tree"


class Ours(TransformerMixin, BaseEstimator):
    """A type of a module that nobody trusts."""

    def fit(self, X, y):
        return self

    def transform(self, X):
        return X


@pytest.fixture
def pipeline(frame, names):
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, names)


def test_a_pipeline_comes_back_with_its_answers_and_its_names(pipeline, frame):
    model, notes = read_skops(skops.io.dumps(pipeline), "model.skops")
    np.testing.assert_array_equal(model.predict_proba(frame), pipeline.predict_proba(frame))
    assert list(model.feature_names_in_) == list(frame.columns)
    assert notes == ()


def test_nothing_beyond_scikit_learn_is_made_unless_it_is_named(frame, names):
    content = skops.io.dumps(DecisionTreeClassifier(max_depth=2).fit(frame, names))
    with pytest.raises(DataError, match=rf"needs 1 type that is not trusted: '{TREE}'.*trusted = \[\"{TREE}\"\]"):
        read_skops(content, "tree.skops")
    model, _ = read_skops(content, "tree.skops", trusted=[TREE])
    assert model.predict_proba(frame).shape == (len(frame), 3)


def test_every_type_that_is_not_trusted_is_listed_whatever_else_is(frame, names):
    model = make_pipeline(Ours(), DecisionTreeClassifier()).fit(frame, names)
    with pytest.raises(DataError, match=r"needs 1 type that is not trusted: '.*Ours'"):
        read_skops(skops.io.dumps(model), "m.skops", trusted=[TREE])
    with pytest.raises(DataError, match="needs 2 types that are not trusted"):
        read_skops(skops.io.dumps(model), "m.skops")


def test_a_file_that_would_run_a_function_of_the_system_is_refused(tmp_path):
    marker = tmp_path / "ran"
    call = {
        "__class__": "system",
        "__module__": "os",
        "__loader__": "FunctionNode",
        "content": {"module_path": "os", "function": "system"},
    }
    schema = {
        "__class__": "FunctionTransformer",
        "__module__": "sklearn.preprocessing._function_transformer",
        "__loader__": "ObjectNode",
        "content": {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode"}
        | {"content": {"func": call}, "key_types": {"__class__": "list", "__module__": "builtins"}},
        "protocol": skops.io._protocol.PROTOCOL,
        "_skops_version": skops.__version__,
    }
    schema["content"]["key_types"] |= {"__loader__": "ListNode", "content": []}
    content = zipped([("schema.json", json.dumps(schema))])
    with pytest.raises(DataError, match=r"needs 1 type that is not trusted: '(os|posix)\.system'"):
        read_skops(content, "m.skops")
    assert not marker.exists()


def test_a_pickle_by_another_name_never_runs(tmp_path):
    bomb = pickle_bomb(tmp_path / "ran")
    for content in (bomb, zipped([("schema.json", bomb)]), zipped([("model.pkl", bomb)])):
        with pytest.raises(DataError):
            read_skops(content, "m.skops")
    assert not (tmp_path / "ran").exists()
    subprocess.run(  # the bomb is a real one
        [sys.executable, "-c", "import pickle, sys; pickle.loads(sys.stdin.buffer.read())"], input=bomb, check=True
    )
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("other.json", b"{}")], "not one that skops wrote"),
        ([("schema.json", b"{}"), ("folder/a.npy", b"")], "files in folders"),
        ([("schema.json", b"{")], r"cannot be read by skops \(JSONDecodeError"),
        ([("schema.json", b"[" * 100_000)], r"cannot be read by skops \(RecursionError"),
        ([("schema.json", b'{"protocol": 1e9}')], r"cannot be read by skops \(TypeError"),
        ([("schema.json", b"{}"), ("../evil.npy", b"")], "leads out of a folder"),
    ],
)
def test_a_damaged_file_ends_in_one_message(members, said):
    with pytest.raises(DataError, match=said):
        read_skops(zipped(members), "m.skops")


def test_every_truncation_is_refused(pipeline):
    content = skops.io.dumps(pipeline)
    for share in (0.1, 0.5, 0.9, 0.999):
        with pytest.raises(DataError, match="damaged zip archive"):
            read_skops(content[: int(share * len(content))], "m.skops")


def test_what_is_no_fitted_classifier_with_probabilities_is_refused(frame, names):
    for model, said in (
        ([1, 2], "holds a list, which is no scikit-learn estimator"),
        (LogisticRegression(), "LogisticRegression that is not fitted"),
        (RidgeClassifier().fit(frame, names), "gives no probabilities.*CalibratedClassifierCV"),
        (StandardScaler().fit(frame), "gives no probabilities"),
    ):
        with pytest.raises(DataError, match=said):
            read_skops(skops.io.dumps(model), "m.skops")


@pytest.mark.parametrize(("step", "attribute"), [(0, "mean_"), (1, "coef_")])
def test_parameters_that_are_not_finite_are_the_models_fault_not_the_cohorts(pipeline, step, attribute):
    getattr(pipeline[step], attribute)[..., 0] = np.nan
    with pytest.raises(DataError, match=rf"has parameters that are not finite \(\w+\.{attribute}\); the model itself"):
        read_skops(skops.io.dumps(pipeline), "m.skops")


def test_a_scaler_that_keeps_no_mean_or_scale_is_whole(frame, names):
    model = make_pipeline(StandardScaler(with_std=False), LogisticRegression()).fit(frame, names)
    found, _ = read_skops(skops.io.dumps(model), "m.skops")
    np.testing.assert_array_equal(found.predict_proba(frame), model.predict_proba(frame))


def test_another_version_of_scikit_learn_is_told(pipeline):
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    ours = json.dumps(json.dumps(sklearn.__version__)).encode()
    older = [(name, content.replace(ours, json.dumps(json.dumps("1.0.2")).encode())) for name, content in members]
    assert older != members
    _, notes = read_skops(zipped(older), "m.skops")
    assert any("version 1.0.2" in note for note in notes)
