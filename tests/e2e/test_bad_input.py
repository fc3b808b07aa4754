"""Bad input ends with exit code 3, one clear message, and nothing half-written."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from genoaudit import simulate_cohort

COHORT = simulate_cohort(patients=60, genes=30, classes=3, seed=1)


def table():
    """A healthy cohort with samples in rows."""
    frame = pd.DataFrame(COHORT.X.round(3), columns=COHORT.genes)
    frame.insert(0, "sample", COHORT.sample_ids)
    frame.insert(1, "patient", np.asarray(COHORT.patient_ids)[COHORT.patients])
    frame.insert(2, "type", np.asarray(COHORT.classes)[COHORT.y])
    return frame


def missing_value(frame):
    frame.iloc[4, 7] = np.nan


def infinite_value(frame):
    frame.iloc[2, 9] = np.inf


def text_among_numbers(frame):
    frame[frame.columns[8]] = frame[frame.columns[8]].astype(object)
    frame.iloc[3, 8] = "high"


def duplicate_sample(frame):
    frame.loc[5, "sample"] = frame.loc[3, "sample"]


def tiny_class(frame):
    frame.loc[:2, "type"] = "rare"


def missing_label(frame):
    frame.loc[6, "type"] = None


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (missing_value, ["missing", "row"]),
        (infinite_value, ["finite", "row"]),
        (text_among_numbers, ["row"]),
        (duplicate_sample, ["sample id", "row"]),
        (tiny_class, ["rare", "drop", "merge"]),
        (missing_label, ["type", "row"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_bad_table_is_refused_in_one_message(refused, write_config, tmp_path, spoil, expected):
    frame = table()
    spoil(frame)
    frame.to_csv(tmp_path / "cohort.csv", index=False)
    refuse(refused, write_config, tmp_path, expected)


def test_what_a_message_quotes_of_a_file_cannot_steer_the_terminal(refused, tmp_path):
    (tmp_path / "a.toml").write_text('[cohort]\npath = "a"\nlabel = "b"\nscale = "log2"\n"k\\u001b[2J\\u202e" = 1\n')
    assert "unknown key 'cohort.k�[2J�'" in refused("validate", tmp_path / "a.toml").stderr


def refuse(refused, write_config, tmp_path, expected, **changes):
    cohort = {"path": "cohort.csv", "label": "type", "patient": "patient", "scale": "log2", **changes}
    config = write_config(cohort=cohort, audit={"models": 8})
    before = sorted(path.name for path in tmp_path.iterdir())
    for command in (["validate", config], ["audit", config, "--out", tmp_path / "run"]):
        done = refused(*command, check=3)
        assert done.stdout == ""
        assert done.stderr.startswith("genoaudit: ")
        assert "Traceback" not in done.stderr
        for words in expected:
            assert words in done.stderr
        assert not [patient for patient in COHORT.patient_ids if patient in done.stderr]
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_duplicate_genes_are_refused(refused, write_config, tmp_path):
    frame = table()
    frame.columns = [*frame.columns[:-1], frame.columns[5]]
    frame.to_csv(tmp_path / "cohort.csv", index=False)
    refuse(refused, write_config, tmp_path, ["duplicate", "gene"])


def test_a_scale_that_contradicts_the_values_is_refused(refused, write_config, tmp_path):
    table().to_csv(tmp_path / "cohort.csv", index=False)
    refuse(refused, write_config, tmp_path, ["counts"], scale="counts")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"label": "typo"}, ["typo", "type"]),
        ({"patient": "pateint"}, ["pateint", "patient"]),
        ({"groups": ["sexx"]}, ["sexx"]),
        ({"scale": "log"}, ["cohort.scale"]),
        ({"path": "nowhere.csv"}, ["nowhere.csv"]),
        ({"labels": {"path": "nowhere.csv"}}, ["nowhere.csv"]),
    ],
)
def test_a_wrong_key_or_column_is_refused_by_name(refused, write_config, tmp_path, changes, expected):
    table().to_csv(tmp_path / "cohort.csv", index=False)
    refuse(refused, write_config, tmp_path, expected, **changes)


def test_fewer_than_twenty_patients_are_refused(refused, write_config, tmp_path):
    table().groupby("type").head(6).to_csv(tmp_path / "cohort.csv", index=False)
    refuse(refused, write_config, tmp_path, ["20"], min_class=4)


def test_ids_missing_from_the_labels_file_are_refused(refused, write_config, tmp_path):
    frame = table()
    frame[["sample", "patient", "type"]].iloc[:-3].to_csv(tmp_path / "labels.csv", index=False)
    frame.drop(columns=["patient", "type"]).to_csv(tmp_path / "cohort.csv", index=False)
    refuse(refused, write_config, tmp_path, ["labels", "3"], labels={"path": "labels.csv"})


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG not a table", gzip.compress(b"sample,type\n", mtime=0)[:12]],
    ids=["empty", "picture", "truncated"],
)
def test_what_is_no_table_is_refused(refused, write_config, tmp_path, content):
    name = "cohort.csv.gz" if content.startswith(b"\x1f\x8b") else "cohort.csv"
    (tmp_path / name).write_bytes(content)
    refuse(refused, write_config, tmp_path, [name], path=name)


def test_what_is_no_h5ad_is_refused(refused, write_config, tmp_path):
    (tmp_path / "cohort.h5ad").write_bytes(b"not hdf5")
    refuse(refused, write_config, tmp_path, ["cohort.h5ad"], path="cohort.h5ad")


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"kind": "mlp", "hiden": [8]}, ["hiden", "hidden"]),
        ({"kind": "mlp", "epochs": -1}, ["epochs"]),
        ({"kind": "mlp", "scaling": "batch"}, ["scaling"]),
        ({"kind": "logistic", "c": 1.0}, ["'c'", "C"]),
        ({"kind": "import", "target": "nowhere:model"}, ["nowhere"]),
    ],
)
def test_a_wrong_recipe_is_refused_before_training(refused, write_config, tmp_path, recipe, expected):
    table().to_csv(tmp_path / "cohort.csv", index=False)
    cohort = {"path": "cohort.csv", "label": "type", "patient": "patient", "scale": "log2"}
    config = write_config(cohort=cohort, recipe=recipe)
    done = refused("audit", config, "--out", tmp_path / "run", check=3)
    for words in expected:
        assert words in done.stderr
    assert not (tmp_path / ".genoaudit-cache").exists()


def test_an_unknown_attack_is_refused_with_the_nearest(refused, write_config, tmp_path):
    table().to_csv(tmp_path / "cohort.csv", index=False)
    cohort = {"path": "cohort.csv", "label": "type", "patient": "patient", "scale": "log2"}
    done = refused(
        "audit", write_config(cohort=cohort, audit={"attacks": ["lirra"]}), "--out", tmp_path / "run", check=3
    )
    assert "Did you mean 'lira'?" in done.stderr


def test_a_diverging_recipe_says_what_to_change(genoaudit, write_config, tmp_path):
    table().to_csv(tmp_path / "cohort.csv", index=False)
    cohort = {"path": "cohort.csv", "label": "type", "patient": "patient", "scale": "log2"}
    config = write_config(cohort=cohort, recipe={"kind": "mlp", "learning_rate": 1e9}, audit={"models": 4})
    done = genoaudit("audit", config, "--out", tmp_path / "run", check=3)
    assert "learning_rate" in done.stderr
    assert not (tmp_path / "run").exists()


def test_wrong_usage_exits_with_2(genoaudit, tmp_path):
    assert genoaudit("audit").returncode == 2
    assert genoaudit("audit", "x.toml", "--out", tmp_path, "--models", "many").returncode == 2
    assert genoaudit("nonsense").returncode == 2


def test_a_missing_configuration_is_one_line(genoaudit, tmp_path):
    done = genoaudit("validate", tmp_path / "none.toml", check=3)
    assert len(done.stderr.splitlines()) == 1


def test_an_identifier_as_group_is_refused_without_naming_anybody(refused, write_config, tmp_path):
    frame = table()
    frame.insert(3, "barcode", [f"B{i}" for i in range(len(frame))])
    frame.to_csv(tmp_path / "cohort.csv", index=False)
    refuse(refused, write_config, tmp_path, ["barcode", "too many for groups"], groups=["barcode"])


def test_a_recipe_that_prints_or_stops_python_cannot_spoil_the_outcome(genoaudit, write_config, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "chatty.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "class Chatty(LogisticRegression):\n"
        "    def fit(self, X, y):\n"
        "        print('hello')\n"
        "        return super().fit(X, y)\n"
        "class Quitter(LogisticRegression):\n"
        "    def fit(self, X, y):\n"
        "        raise SystemExit(0)\n"
    )
    table().to_csv(tmp_path / "cohort.csv", index=False)
    cohort = {"path": "cohort.csv", "label": "type", "patient": "patient", "scale": "log2"}
    config = write_config(cohort=cohort, recipe={"kind": "import", "target": "chatty:Chatty"}, audit={"models": 4})
    done = genoaudit("audit", config, "--out", tmp_path / "run", "--json", check=0)
    assert json.loads(done.stdout)["design"]["models"] == 4
    assert "hello" in done.stderr
    config = write_config(cohort=cohort, recipe={"kind": "import", "target": "chatty:Quitter"}, audit={"models": 4})
    done = genoaudit("audit", config, "--out", tmp_path / "gone", check=3)
    assert "the recipe raised SystemExit" in done.stderr
    assert not (tmp_path / "gone").exists()


def test_out_and_cache_are_kept_apart_and_checked_before_training(refused, write_config, tmp_path):
    table().to_csv(tmp_path / "cohort.csv", index=False)
    cohort = {"path": "cohort.csv", "label": "type", "patient": "patient", "scale": "log2"}
    config = write_config(cohort=cohort, audit={"models": 4})
    inside = refused("audit", config, "--out", tmp_path / "run", "--cache-dir", tmp_path / "run" / "cache", check=3)
    assert "keep them apart" in inside.stderr
    here = refused("audit", config, "--out", ".", cwd=tmp_path, check=3)
    assert "the folder you are in" in here.stderr
    file = refused("audit", config, "--out", tmp_path / "run", "--cache-dir", tmp_path / "cohort.csv", check=3)
    assert "Traceback" not in file.stderr
    assert not (tmp_path / "run").exists()
