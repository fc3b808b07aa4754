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
FOUNDATION = {"errors", "contracts", "randomness", "files", "folders", "phrases"}
MAY_IMPORT = {
    "errors": set(),
    "contracts": set(),
    "display": set(),
    "commitments": set(),
    "json_text": set(),
    "phrases": set(),
    "files": {"errors", "json_text"},
    "folders": {"errors", "files"},
    "randomness": {"contracts"},
    "toml_file": {"errors", "files", "phrases"},
    "model_config": {"toml_file"},
    "config": {"errors", "contracts", "toml_file", "model_config"},
    "sweep_config": {"errors", "config", "toml_file"},
    "reconstruct_config": {"config", "sweep_config", "toml_file"},
    "inputs": {"files", "config"},
    "metrics": {"errors", "contracts"},
    "privacy": {"errors", "contracts"},
    "attacks": {"errors", "contracts", "randomness"},
    "data": FOUNDATION | {"display", "privacy"},
    "models": FOUNDATION | {"data", "privacy"},
    "artefacts": FOUNDATION | {"commitments", "json_text", "data", "models", "privacy"},
    "mitigations": FOUNDATION | {"data", "models", "privacy"},
    "reconstruction": FOUNDATION | {"models", "privacy"},
    "training": FOUNDATION | {"config", "data", "models", "privacy"},
    "checks": FOUNDATION | {"data", "metrics"},
    "report": FOUNDATION
    | {"commitments", "json_text", "display", "config", "inputs", "sweep_config", "reconstruct_config", "toml_file"}
    | {"data", "models", "artefacts", "attacks", "metrics", "privacy", "checks"},
    "scoring": FOUNDATION | {"config", "attacks"},
    "judging": FOUNDATION | {"config", "data", "attacks", "metrics", "privacy", "report", "scoring"},
    "shadowing": FOUNDATION | {"config", "data", "training", "attacks", "metrics", "scoring", "judging"},
    "canaries": FOUNDATION
    | {"config", "data", "models", "training", "attacks", "metrics", "privacy", "report", "scoring", "shadowing"},
    "audit": FOUNDATION
    | {"config", "data", "models", "metrics", "privacy", "checks", "report"}
    | {"scoring", "judging", "shadowing", "canaries"},
    "release": FOUNDATION
    | {"config", "model_config", "data", "models", "artefacts", "training", "attacks", "metrics", "privacy", "checks"}
    | {"report", "scoring", "judging", "shadowing", "canaries", "audit"},
    "configured": FOUNDATION
    | {"config", "model_config", "inputs", "data", "models", "training", "attacks", "report"}
    | {"shadowing", "canaries", "audit", "release"},
    "train": FOUNDATION | {"config", "data", "models", "artefacts", "training", "metrics", "release", "configured"},
    "cells": FOUNDATION
    | {"config", "sweep_config", "data", "models", "mitigations", "training", "metrics", "privacy", "reconstruction"}
    | {"report", "scoring", "judging", "shadowing", "canaries"},
    "sweep": FOUNDATION
    | {"display", "config", "sweep_config", "data", "metrics", "report", "shadowing", "configured", "cells"},
    "reconstruct": FOUNDATION
    | {"config", "reconstruct_config", "data", "models", "metrics", "privacy", "reconstruction", "report"}
    | {"shadowing", "configured", "cells"},
    "bounds": {"errors", "privacy", "reconstruction", "report"},
    "calibrate": {"errors", "privacy", "reconstruction", "report", "bounds"},
    "cli": {
        *(
            "errors",
            "files",
            "phrases",
            "config",
            "sweep_config",
            "reconstruct_config",
            "attacks",
            "mitigations",
            "artefacts",
        ),
        *("report", "audit", "configured", "train", "sweep", "reconstruct", "bounds", "calibrate"),
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


def test_nothing_may_be_imported_that_nobody_imports():
    found = {name: set() for name in MAY_IMPORT}
    for module in set(MODULES) - {"genoaudit"}:
        found[part(module)] |= {part(name) for name in imports_of_ours(MODULES[module])}
    idle = {name: allowed - found[name] - FOUNDATION for name, allowed in MAY_IMPORT.items()}
    assert {name: unused for name, unused in idle.items() if unused} == {}


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
