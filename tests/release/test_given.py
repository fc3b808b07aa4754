import os
import sys
import types
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import skops.io
import torch
import xgboost
from bombs import pickle_bomb, torch_bomb, zipped
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genoaudit.configured import check
from genoaudit.errors import ConfigError, DataError, GenoauditError
from genoaudit.release.given import find_target


@pytest.fixture
def strangers(tmp_path, cohort, held, frame, names, monkeypatch):
    """A model of each kind in `tmp_path`, and what its configuration must say beyond the members."""
    rows = held[cohort.patients]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[rows], names[rows])
    skops.io.dump(pipeline, tmp_path / "m.skops")
    booster = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(frame[rows], cohort.y[rows])
    booster.save_model(tmp_path / "m.ubj")
    booster.save_model(tmp_path / "m.json")
    network = torch.nn.Linear(15, 2)
    safetensors.torch.save_file(network.state_dict(), tmp_path / "m.safetensors")
    torch.save(network.state_dict(), tmp_path / "m.pt")
    table = pd.DataFrame(pipeline.predict_proba(frame), columns=list(cohort.classes))
    table.insert(0, "sample", list(cohort.sample_ids))
    table.to_csv(tmp_path / "m.csv", index=False)
    monkeypatch.setitem(sys.modules, "strangers_linear", types.SimpleNamespace(linear=lambda: torch.nn.Linear(15, 2)))
    classes = {"classes": list(cohort.classes)}
    torch_keys = {"constructor": "strangers_linear:linear", **classes}
    return {
        "m.skops": ("sklearn", {}, pipeline.predict_proba(frame)),
        "m.ubj": ("xgboost", classes, booster.predict_proba(frame)),
        "m.json": ("xgboost", classes, booster.predict_proba(frame)),
        "m.safetensors": ("torch", torch_keys, network(torch.from_numpy(cohort.X)).softmax(1).detach().numpy()),
        "m.pt": ("torch", torch_keys, network(torch.from_numpy(cohort.X)).softmax(1).detach().numpy()),
        "m.csv": ("scores", {}, pipeline.predict_proba(frame)),
    }


@pytest.mark.parametrize("name", ["m.skops", "m.ubj", "m.safetensors", "m.pt", "m.csv"])
def test_every_kind_takes_its_members_in_every_way(strangers, tmp_path, cohort, held, config, name):
    kind, keys, proba = strangers[name]
    (tmp_path / "members.txt").write_text("patient_id\n" + "\n".join(np.array(cohort.patient_ids)[held]))
    trained = cohort.obs.assign(trained=held[cohort.patients])
    ways = {
        "all": ("all", 40, "all patients of the cohort"),
        "column": ({"column": "trained"}, 20, "column 'trained' of the cohort"),
        "file": ({"file": str(tmp_path / "members.txt")}, 20, "file members.txt"),
        "draw": ({"share": 0.25, "seed": 3}, 10, "a share of 0.25 drawn by seed"),
    }
    with_column = replace(cohort, obs=trained)
    for way, number, words in ways.values():
        if name == "m.ubj" and number != 20:
            continue  # each of them starts a process
        section = config({"path": str(tmp_path / name), "members": way, **keys}).target
        target = find_target(section, with_column)
        assert (target.kind, target.source, target.members.sum()) == (kind, name, number)
        assert target.members_by == words
        assert np.exp(target.log_proba) == pytest.approx(proba, abs=1e-5)
        assert len(target.sha256) == 64


def test_where_the_others_came_from_is_recorded(strangers, tmp_path, cohort, config):
    section = config(
        {"path": str(tmp_path / "m.csv"), "members": {"share": 0.5, "seed": 0}, "non_members_from": "<b>the clinic</b>"}
    )
    assert find_target(section.target, cohort).non_members_from == "<b>the clinic</b>"


def test_a_model_without_members_is_refused_with_the_four_ways(strangers, tmp_path, cohort, config):
    with pytest.raises(ConfigError, match=r"target\.members is missing: who was m\.skops trained on\? Write"):
        find_target(config({"path": str(tmp_path / "m.skops")}).target, cohort)


def test_a_column_of_the_table_named_as_one_of_the_cohort_is_told_where_it_belongs(tmp_path, cohort, config):
    section = config({"path": str(tmp_path / "m.csv"), "members": {"column": "member"}}).target
    with pytest.raises(ConfigError, match=r"leave members out and name the table's own column: member = 'member'"):
        find_target(section, cohort)


@pytest.mark.parametrize(
    ("name", "key", "value", "said"),
    [
        ("m.skops", "constructor", "a:b", "target.constructor is for torch models; m.skops is a scikit-learn model"),
        ("m.skops", "sample", "id", "target.sample is for tables of scores; m.skops is a scikit-learn"),
        ("m.csv", "trusted", ["a.B"], "target.trusted is for scikit-learn models; m.csv is a table of scores"),
        ("m.csv", "genes", "genes.txt", "target.genes is for .* models; m.csv is a table of scores"),
        ("m.ubj", "outputs", "logits", "target.outputs is for torch models; m.ubj is an XGBoost model"),
    ],
)
def test_a_key_of_another_kind_would_change_nothing_and_is_refused(tmp_path, cohort, config, name, key, value, said):
    section = config({"path": str(tmp_path / name), "members": "all", key: value}).target
    with pytest.raises(ConfigError, match=said):
        find_target(section, cohort)


def test_genes_can_be_listed_in_a_file(tmp_path, cohort, held, config):
    rows = held[cohort.patients]
    model = LogisticRegression().fit(cohort.X[rows][:, [3, 1]], np.array(cohort.classes)[cohort.y[rows]])
    skops.io.dump(model, tmp_path / "two.skops")
    (tmp_path / "genes.txt").write_text(f"{cohort.genes[3]}\n{cohort.genes[1]}\n")
    keys = {"path": str(tmp_path / "two.skops"), "members": {"share": 0.5, "seed": 0}}
    found = find_target(config({**keys, "genes": str(tmp_path / "genes.txt")}).target, cohort)
    assert np.exp(found.log_proba) == pytest.approx(model.predict_proba(cohort.X[:, [3, 1]]), abs=1e-5)
    with pytest.raises(DataError, match="takes 2 genes, and the cohort has 15"):
        find_target(config(keys).target, cohort)


def test_paths_are_taken_relative_to_the_configuration(located, tmp_path):
    config = located(
        '[cohort]\npath = "c.h5ad"\nlabel = "t"\nscale = "log2"\n'
        '[target]\npath = "m.skops"\ngenes = "g.txt"\nmembers = { file = "p.txt" }\n'
    )
    target = config.target
    named = [tmp_path / name for name in ("m.skops", "g.txt", "p.txt")]
    assert [target.path, target.genes, target.members.file] == named
    assert config.recipe is None


def harm(folder):
    """Files that mean harm, by name, each with what is said of it; none may make the file `ran`."""
    bomb, marker = pickle_bomb(folder / "ran"), folder / "ran"
    models = ("skops", "ubj", "json", "safetensors", "pt", "pth")
    others = ("pkl", "pickle", "joblib", "csv", "parquet", "bin", "x")
    files = {f"pickle.{ending}": (bomb, "is a pickle, and reading a pickle runs") for ending in (*models, *others)}
    files |= {f"empty.{ending}": (b"", "is empty") for ending in models}
    files |= {
        "torch.pt": (torch_bomb(marker), "more than weights|no sound file"),
        "traversal.skops": (zipped([("schema.json", b"{}"), ("../../ran", b"x")]), "leads out of a folder"),
        "nested.skops": (
            zipped([("schema.json", b"{}"), ("a.npy", zipped([("b", b"")]))]),
            "archive within the archive",
        ),
        "bomb.skops": (
            zipped([("schema.json", bytes(300 << 20))], compression=zipfile.ZIP_DEFLATED),
            "unpacks from .* to 314,572,800 bytes",
        ),
        "header.safetensors": ((10**15).to_bytes(8, "little") + b"{}", "announces a header of 1,000,000,000,000,000"),
        "cut.safetensors": (b"\x10", "cut short"),
        "joblib.joblib": (b"\x78\x9c" + bomb, "is a pickle"),
        "model.h5": (b"\x89HDF\r\n", "has an unknown ending. Models: .skops"),
        "table.csv": (b"\x00\xff", "cannot be read as a table|No column"),
    }
    return files


@pytest.mark.filterwarnings("ignore:.*:pandas.errors.ParserWarning")
def test_files_that_mean_harm_end_in_one_message_and_run_nothing(tmp_path, cohort, config):
    torch_keys = {"constructor": "strangers_linear:linear"}
    for name, (content, said) in harm(tmp_path).items():
        path = tmp_path / name
        path.write_bytes(content)
        keys = torch_keys if path.suffix in {".safetensors", ".pt", ".pth"} else {}
        section = config({"path": str(path), "members": {"share": 0.5, "seed": 0}, **keys}).target
        with pytest.raises(GenoauditError, match=said):
            find_target(section, cohort)
        assert not (tmp_path / "ran").exists(), name


def test_what_is_no_file_ends_in_one_message(tmp_path, cohort, config):
    (tmp_path / "loop.skops").symlink_to(tmp_path / "loop.skops")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.ubj")
    for name, said in (
        ("loop.skops", "too many levels of symbolic links"),
        ("folder", "is a folder, but none that genoaudit train made"),
        ("pipe.ubj", "is no regular file"),
        ("none.pt", "does not exist"),
        ("none.csv", "does not exist"),
    ):
        section = config({"path": str(tmp_path / name), "members": "all"}).target
        with pytest.raises(DataError, match=said):
            find_target(section, cohort)


def test_a_configuration_is_checked_with_its_model(strangers, tmp_path, held, config):
    checked = check(config({"path": str(tmp_path / "m.skops"), "members": {"column": "trained"}}))
    assert (checked.target.kind, checked.target.members, checked.target.non_members) == ("sklearn", 20, 20)
    with pytest.raises(ConfigError, match="nobody is left to compare its members with"):
        check(config({"path": str(tmp_path / "m.skops"), "members": "all"}))
    grouped = config({"path": str(tmp_path / "m.skops"), "members": {"column": "trained"}})
    grouped = grouped.model_copy(update={"cohort": grouped.cohort.model_copy(update={"groups": ("trained",)})})
    with pytest.raises(ConfigError, match="names 'trained', which says who the members are"):
        check(grouped)
