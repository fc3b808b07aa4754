import json
import subprocess
import sys

import numpy as np
import pytest
import xgboost
from bombs import pickle_bomb

from genoaudit.artefacts import xgboost_file
from genoaudit.artefacts.xgboost_file import read_booster
from genoaudit.errors import DataError


@pytest.fixture(scope="module")
def classifier(frame, cohort):
    return xgboost.XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1).fit(frame, cohort.y)


@pytest.fixture
def as_written(monkeypatch):
    """Leave out the process that reads first: what it wrote is given."""
    monkeypatch.setattr(xgboost_file, "_written_again", lambda content, name: content)


def raw(classifier, form="json"):
    return bytes(classifier.get_booster().save_raw(form))


@pytest.mark.parametrize("form", ["json", "ubj"])
def test_a_classifier_comes_back_with_its_answers_and_its_names(classifier, frame, cohort, form):
    found = read_booster(raw(classifier, form), f"model.{form}")
    assert np.exp(found.predict_log_proba(cohort.X)) == pytest.approx(classifier.predict_proba(frame), abs=1e-6)
    assert found.feature_names_in_ == tuple(frame.columns)
    assert (found.n_features_in_, found.classes_.tolist()) == (12, [0, 1, 2])


@pytest.mark.parametrize("booster", ["dart", "gblinear"])
def test_other_boosters_of_classes_are_read(frame, cohort, booster, as_written):
    model = xgboost.XGBClassifier(n_estimators=2, booster=booster, n_jobs=1).fit(frame, cohort.y)
    found = read_booster(raw(model), "m.json")
    assert np.exp(found.predict_log_proba(cohort.X)) == pytest.approx(model.predict_proba(frame), abs=1e-6)


def test_two_classes_come_from_one_margin_without_rounding(cohort, as_written):
    two = (cohort.y > 0).astype(int)
    model = xgboost.XGBClassifier(n_estimators=200, learning_rate=2.0, reg_lambda=0, n_jobs=1).fit(cohort.X, two)
    log_proba = read_booster(raw(model), "m.json").predict_log_proba(cohort.X)
    assert np.exp(log_proba) == pytest.approx(model.predict_proba(cohort.X), abs=1e-5)
    margin = model.predict(cohort.X, output_margin=True)
    assert log_proba[:, 1] - log_proba[:, 0] == pytest.approx(margin, rel=1e-6)
    assert np.abs(margin).max() > 17  # where float32 probabilities have long become 0 and 1


def test_training_that_stopped_early_answers_with_the_best_round(cohort, as_written):
    half = np.arange(cohort.n_samples) % 2 == 0
    model = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=2, learning_rate=1.0, n_jobs=1)
    model.fit(cohort.X[half], cohort.y[half], eval_set=[(cohort.X[~half], cohort.y[~half])], verbose=False)
    found = read_booster(raw(model), "m.json")
    assert found.rounds == model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    assert np.exp(found.predict_log_proba(cohort.X)) == pytest.approx(model.predict_proba(cohort.X), abs=1e-6)


@pytest.mark.parametrize(
    ("objective", "said"),
    [("reg:squarederror", "'reg:squarederror', which gives no prob"), ("rank:pairwise", "rank:pair")],
)
def test_what_predicts_no_classes_is_refused(frame, cohort, objective, said, as_written):
    model = xgboost.train({"objective": objective}, xgboost.DMatrix(frame, label=cohort.y), 1)
    with pytest.raises(DataError, match=said):
        read_booster(bytes(model.save_raw("json")), "m.json")


def trees(content):
    return content["learner"]["gradient_booster"]["model"]["trees"]


def put(key, value, at=0):
    def change(content):
        trees(content)[1][key][at] = value

    return change


def model_of(content):
    return content["learner"]["gradient_booster"]["model"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("left_children", 10**6), "tree 1: a child of a node is wrong"),
        (put("left_children", -7), "a child of a node is wrong"),
        (put("left_children", 0), "a child of a node is wrong"),
        (put("right_children", 1), "a child of a node is wrong"),
        (put("split_indices", 12), "the gene of a node is wrong"),
        (put("split_type", 1), "it splits categories"),
        (put("split_conditions", float("nan")), "a value of split_conditions is wrong"),
        (put("split_conditions", float("inf"), at=-1), "a value of split_conditions is wrong"),
        (lambda content: trees(content)[0]["default_left"].pop(), "tree 0: an array has the wrong length"),
        (
            lambda content: trees(content)[0]["tree_param"].update(size_leaf_vector="3"),
            "leaves hold more than a number",
        ),
        (lambda content: model_of(content)["tree_info"].__setitem__(0, 3), "the class of a tree is wrong"),
        (lambda content: model_of(content)["iteration_indptr"].__setitem__(1, 99), "its rounds are wrong"),
        (lambda content: content["learner"].pop("objective"), "not the structure of an XGBoost model"),
        (
            lambda content: trees(content)[0].update(left_children="abc"),
            "structure|length|no model",
        ),
        (lambda content: content.pop("learner"), "not the structure"),
    ],
)
def test_a_model_whose_trees_are_none_is_refused_before_xgboost_follows_them(classifier, change, said, as_written):
    content = json.loads(raw(classifier))
    change(content)
    with pytest.raises(DataError, match=said):
        read_booster(json.dumps(content).encode(), "m.json")


def test_a_linear_model_of_the_wrong_size_is_refused(frame, cohort, as_written):
    model = xgboost.XGBClassifier(n_estimators=2, booster="gblinear", n_jobs=1).fit(frame, cohort.y)
    content = json.loads(raw(model))
    model_of(content)["weights"].pop()
    with pytest.raises(DataError, match="has 38 weights where 39 belong"):
        read_booster(json.dumps(content).encode(), "m.json")
    model_of(content)["weights"].append(float("nan"))
    with pytest.raises(DataError, match="a weight is not finite"):
        read_booster(json.dumps(content).encode(), "m.json")


def test_files_that_end_the_process_that_reads_them_end_in_a_message(classifier):
    # Each of these has ended a process of XGBoost 3.2, by abort or by segmentation fault.
    for content in (b'{"learner":' * 1_000_000, b"{" + bytes(3)):
        with pytest.raises(DataError, match=r"makes XGBoost break down|cannot be read by XGBoost"):
            read_booster(content, "m.ubj")
    with pytest.raises(DataError, match="cannot be read by XGBoost"):
        read_booster(raw(classifier, "ubj")[:-400], "m.ubj")


def test_what_is_neither_json_nor_ubjson_never_reaches_xgboost(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    for content, said in (
        (b"PK\x03\x04", "a zip archive"),
        (b"\x00\x01", "no format"),
        (pickle_bomb(tmp_path), "a pickle"),
    ):
        with pytest.raises(DataError, match=f"is neither JSON nor UBJSON.*{said}"):
            read_booster(content, "m.ubj")


def test_a_file_that_keeps_xgboost_busy_is_given_up(monkeypatch):
    monkeypatch.setattr(xgboost_file, "_SECONDS", 0.05)
    with pytest.raises(DataError, match=r"keeps XGBoost busy for more than 0\.05 seconds"):
        read_booster(b"{}", "m.json")


def test_the_process_that_reads_takes_no_module_from_the_folder_it_is_in(classifier, tmp_path, monkeypatch):
    (tmp_path / "xgboost.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    assert read_booster(raw(classifier), "m.json").n_features_in_ == 12
    assert not (tmp_path / "ran").exists()
    done = subprocess.run([sys.executable, "-c", "import xgboost"], check=False)
    assert done.returncode == 0
    assert (tmp_path / "ran").exists()  # without -P it would have
