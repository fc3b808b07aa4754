"""The layers of the package, kept by reading the imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import genoaudit

PACKAGE = Path(genoaudit.__file__).parent
MODULES = {
    ".".join(["genoaudit", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}

# What each part may import of ours, besides itself. Data flows down the list; nothing imports upwards.
FOUNDATION = {"errors", "contracts", "randomness", "files", "commitments", "json_text"}
STAGES = {
    *("config", "model_config", "data", "models", "artefacts", "mitigations", "training", "attacks", "metrics"),
    *("privacy", "reconstruction", "checks", "report"),
}
MAY_IMPORT = {
    "errors": set(),
    "files": {"errors"},
    "commitments": set(),
    "json_text": set(),
    "inputs": {"errors", "files", "config"},
    "randomness": {"contracts"},
    "contracts": set(),
    "toml_file": {"errors"},
    "model_config": {"errors", "toml_file"},
    "config": {"errors", "contracts", "toml_file", "model_config"},
    "display": set(),
    "data": FOUNDATION | {"display", "privacy"},
    "models": FOUNDATION | {"data", "privacy"},
    "artefacts": FOUNDATION | {"data", "models", "privacy"},
    "mitigations": FOUNDATION | {"data", "models", "privacy"},
    "reconstruction": FOUNDATION | {"data", "models", "privacy"},
    "training": FOUNDATION | {"config", "data", "models", "privacy"},
    "attacks": FOUNDATION,
    "metrics": {"errors", "contracts"},
    "privacy": {"errors", "contracts"},
    "checks": FOUNDATION | {"data", "metrics"},
    "report": FOUNDATION
    | {"display", "config", "inputs", "sweep_config", "reconstruct_config", "toml_file"}
    | {"data", "models", "artefacts", "attacks", "metrics", "privacy", "checks"},
    "scoring": FOUNDATION | {"config", "attacks"},
    "judging": FOUNDATION | {"config", "data", "attacks", "metrics", "privacy", "report", "scoring"},
    "shadowing": FOUNDATION | STAGES | {"scoring", "judging"},
    "canaries": FOUNDATION | STAGES | {"scoring", "shadowing"},
    "release": FOUNDATION | STAGES | {"scoring", "judging", "shadowing", "canaries", "audit"},
    "configured": FOUNDATION | STAGES | {"inputs", "shadowing", "canaries", "audit", "release"},
    "audit": FOUNDATION | STAGES | {"scoring", "judging", "shadowing", "canaries"},
    "train": FOUNDATION | STAGES | {"configured", "release"},
    "sweep_config": {"errors", "config", "toml_file"},
    "cells": FOUNDATION | STAGES | {"sweep_config", "scoring", "shadowing", "canaries"},
    "reconstruct_config": {"errors", "config", "sweep_config", "toml_file"},
    "reconstruct": FOUNDATION | STAGES | {"reconstruct_config", "sweep_config", "shadowing", "configured", "cells"},
    "sweep": FOUNDATION | STAGES | {"display", "sweep_config", "shadowing", "configured", "cells"},
    "bounds": {"errors", "privacy", "reconstruction", "report"},
    "calibrate": {"errors", "privacy", "reconstruction", "report", "bounds"},
    "cli": {
        *("errors", "files", "config", "sweep_config", "reconstruct_config", "attacks", "mitigations", "privacy"),
        *("artefacts", "report", "shadowing", "audit", "configured", "train", "sweep", "reconstruct"),
        *("bounds", "calibrate"),
    },
    "__main__": {"cli"},
}
HEAVY = ["torch", "opacus", "xgboost", "anndata", "matplotlib", "sklearn", "pandas", "scipy", "pyarrow"]


def part(module):
    return module.split(".")[1] if "." in module else "__init__"


def imports_of_ours(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("genoaudit"):
            yield from ([node.module] if "." in node.module else [f"genoaudit.{alias.name}" for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("genoaudit"))


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"genoaudit"}))
def test_nothing_imports_upwards(module):
    allowed = MAY_IMPORT[part(module)] | {part(module)}
    assert {part(name) for name in imports_of_ours(MODULES[module])} <= allowed


@pytest.mark.parametrize("module", sorted(name for name in MODULES if part(name) in {"attacks", "metrics"}))
def test_attacks_and_metrics_never_touch_files(module):
    source = MODULES[module].read_text(encoding="utf-8")
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert not names & {"open", "Path", "os", "tempfile"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_module_hides_a_second_idea(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 400


def test_no_drawer_for_odds_and_ends():
    names = {name.rsplit(".", 1)[-1] for name in MODULES}
    assert not names & {"utils", "helpers", "base", "manager", "common", "misc"}


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom genoaudit.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"loaded = [name for name in {HEAVY} if name in sys.modules]\nassert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_folder_has_tests_beside_it():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert {name for name in folders if not any((Path(__file__).parent / name).glob("test_*.py"))} == set()
