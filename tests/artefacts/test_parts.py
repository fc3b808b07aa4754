import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import CategoricalNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, StandardScaler
from sklearn.svm import SVC

import genoaudit.models.mlp as ours
from genoaudit.artefacts.parts import read_parts, told_by, untrusted_types, write_parts
from genoaudit.errors import ArtefactError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(71, 12)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
SEED = 86_753_091


class Strange(LogisticRegression):
    """An estimator that no library knows."""


def numbers(data):
    """Every number that stands in a skops file by itself, in text or in an array."""
    found = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        waiting = [json.loads(archive.read("schema.json"))]
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                if node.get("is_json"):
                    found.append(json.loads(node["content"]))
                if str(node.get("file", "")).endswith(".npy"):
                    array = np.load(io.BytesIO(archive.read(node["file"])), allow_pickle=False)
                    found += array.ravel().tolist() if array.dtype.names is None else []
                waiting += node.values()
            elif isinstance(node, list):
                waiting += node
    return found


def test_a_scaler_without_a_scale_comes_back():
    scaler = StandardScaler(with_std=False).fit(X)
    (back,) = read_parts(write_parts([scaler]))
    np.testing.assert_array_equal(back.transform(X), scaler.transform(X))


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), LogisticRegression(random_state=SEED)),
        RandomForestClassifier(3, random_state=SEED),
        GradientBoostingClassifier(n_estimators=2, subsample=0.5, random_state=SEED),
        HistGradientBoostingClassifier(max_iter=2, random_state=SEED),
        MLPClassifier((4,), max_iter=3, random_state=SEED),
        CalibratedClassifierCV(RandomForestClassifier(2, random_state=SEED), cv=2),
        GridSearchCV(LogisticRegression(random_state=SEED), {"C": [0.5, 1.0]}, cv=2),
        make_pipeline(ours.MLPClassifier((3,), epochs=1, random_state=SEED)),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_parts_come_back_with_the_same_answers_and_without_seeds(estimator):
    estimator.fit(X, Y)
    before = estimator.get_params()
    data = write_parts([estimator])
    (again,) = read_parts(data, trusted=untrusted_types(data))
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    drawn = np.random.RandomState(SEED).randint(np.iinfo(np.int32).max, size=10).tolist()
    assert not {SEED, *drawn} & {number for number in numbers(data) if not isinstance(number, str)}
    assert estimator.get_params() == before


def test_seeds_would_have_been_found():
    import skops.io

    forest = RandomForestClassifier(2, random_state=SEED).fit(X, Y)
    assert {SEED, forest.estimators_[0].random_state} <= set(numbers(skops.io.dumps([forest])))


def test_types_that_nobody_vouches_for_are_named_and_never_made():
    data = write_parts([Strange().fit(X, Y)])
    (name,) = untrusted_types(data)
    assert name.endswith("test_parts.Strange")
    with pytest.raises(ArtefactError, match=r"1 types that are not trusted.*trusted = \[\".*Strange\"\]"):
        read_parts(data)
    assert isinstance(read_parts(data, trusted=[name])[0], Strange)


def test_our_own_types_inside_theirs_are_vouched_for():
    search = GridSearchCV(ours.MLPClassifier((3,), epochs=1), {"dropout": [0.0, 0.5]}, cv=2).fit(X, Y)
    assert not [name for name in untrusted_types(write_parts([search])) if name.startswith("genoaudit.")]


def test_what_skops_cannot_hold_is_refused_with_the_reason():
    model = LogisticRegression().fit(X, Y)
    model.callback = (line for line in "ab")
    with pytest.raises(ArtefactError, match=r"cannot hold LogisticRegression \(TypeError: .*generator.*numbers"):
        write_parts([model])


@pytest.mark.parametrize(
    ("estimator", "holds"),
    [
        (KNeighborsClassifier(), {"KNeighborsClassifier._fit_X"}),
        (SVC(), {"SVC.support_vectors_"}),
        (GaussianProcessClassifier(), {"_BinaryGaussianProcessClassifierLaplace.X_train_"}),
        (LogisticRegression(), set()),
        (RandomForestClassifier(2), set()),
        (GaussianNB(), set()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_profiles_of_members_are_found_in_a_file(estimator, holds):
    told = told_by(write_parts([estimator.fit(X, Y)]), [X])
    assert told.profiles >= holds
    assert bool(told.profiles) == bool(holds)


def test_profiles_are_found_behind_a_step_by_their_number():
    told = told_by(write_parts([make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(X, Y)]), [X])
    assert not told.profiles
    assert {"KNeighborsClassifier._fit_X", "KNeighborsClassifier._y"} <= told.sized


def test_rows_of_a_single_value_are_nobodys_profile():
    silent = X.copy()
    silent[3] = 0
    model = LogisticRegression().fit(silent, Y)
    model.coef_[0] = 0
    assert not told_by(write_parts([model]), [silent]).profiles


@pytest.mark.parametrize(
    ("estimator", "counts"),
    [
        (make_pipeline(Binarizer(), CategoricalNB()), {"CategoricalNB.class_count_"}),
        (RandomForestClassifier(2), {"DecisionTreeClassifier.nodes"}),
        (make_pipeline(StandardScaler(), GaussianNB()), set()),
        (LogisticRegression(), set()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_counts_members_is_found_in_a_file(estimator, counts):
    told = told_by(write_parts([estimator.fit(X, Y)]), [X])
    assert counts <= told.counts
    assert bool(counts) == bool(told.counts)


def zipped(**contents):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name.replace("_json", ".json"), content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no zip archive"),
        (b"\x80\x04\x95cposix\nsystem", "it is a pickle"),
        (zipped(schema_json="{}"), "cannot be read by skops"),
        (zipped(schema_json="[" * 100_000), "cannot be read by skops"),
        (zipped(other="x"), "not one that skops wrote"),
        (write_parts([LogisticRegression().fit(X, Y)])[:-30], "damaged zip archive"),
    ],
    ids=range(6),
)
def test_what_is_no_skops_file_is_refused(data, says):
    with pytest.raises(ArtefactError, match=says):
        read_parts(data)


def test_a_file_that_holds_one_estimator_and_no_list_is_refused():
    import skops.io

    with pytest.raises(ArtefactError, match="does not hold a list"):
        read_parts(skops.io.dumps(LogisticRegression().fit(X, Y)))


def test_members_that_claim_to_be_larger_than_the_file_are_refused():
    data = bytearray(zipped(schema_json="{}"))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (10**9).to_bytes(4, "little")
    with pytest.raises(ArtefactError, match="unpacks from"):
        read_parts(bytes(data))
