"""Can a model trained on patients' gene expression be released? genoaudit measures the risk per patient.

The public names are imported when they are first used, so that ``import genoaudit`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genoaudit.audit import audit_recipe
    from genoaudit.config import AuditConfig, AuditSection, RunOptions, TargetSection, parse_config, read_config
    from genoaudit.configured import run_audit
    from genoaudit.contracts import Attack, Design, Recipe, Signals
    from genoaudit.data.cohort import Cohort
    from genoaudit.data.design import make_design
    from genoaudit.data.labels import LabelsFile
    from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
    from genoaudit.data.readers import read_cohort
    from genoaudit.data.simulate import simulate_cohort
    from genoaudit.data.target import Target, read_target
    from genoaudit.errors import ConfigError, DataError, GenoauditError, TrainingError
    from genoaudit.models.claims import privacy_claim, settle_privacy
    from genoaudit.models.fitting import fit_recipe
    from genoaudit.models.mlp import MLPClassifier
    from genoaudit.models.recipes import build_recipe
    from genoaudit.privacy.accounting import guarantee
    from genoaudit.privacy.dpsgd import DPSGD
    from genoaudit.release.asking import target_of
    from genoaudit.release.audit import audit_target
    from genoaudit.release.given import find_target
    from genoaudit.report.result import AuditReport, AuditResult
    from genoaudit.sweep import run_sweep
    from genoaudit.sweep_config import SweepConfig, read_sweep

_HOMES = {
    "Attack": "contracts",
    "AuditConfig": "config",
    "AuditReport": "report.result",
    "AuditResult": "report.result",
    "AuditSection": "config",
    "Cohort": "data.cohort",
    "ConfigError": "errors",
    "DPSGD": "privacy.dpsgd",
    "DataError": "errors",
    "Design": "contracts",
    "ExpressionScaler": "data.preprocessing",
    "GenoauditError": "errors",
    "LabelsFile": "data.labels",
    "LogTransform": "data.preprocessing",
    "MLPClassifier": "models.mlp",
    "Recipe": "contracts",
    "RunOptions": "config",
    "Signals": "contracts",
    "SweepConfig": "sweep_config",
    "Target": "data.target",
    "TargetSection": "config",
    "TrainingError": "errors",
    "audit_recipe": "audit",
    "audit_target": "release.audit",
    "build_recipe": "models.recipes",
    "find_target": "release.given",
    "fit_recipe": "models.fitting",
    "guarantee": "privacy.accounting",
    "make_design": "data.design",
    "parse_config": "config",
    "privacy_claim": "models.claims",
    "read_cohort": "data.readers",
    "read_config": "config",
    "read_sweep": "sweep_config",
    "read_target": "data.target",
    "run_audit": "configured",
    "run_sweep": "sweep",
    "settle_privacy": "models.claims",
    "simulate_cohort": "data.simulate",
    "target_of": "release.asking",
}

__all__ = [
    "DPSGD",
    "Attack",
    "AuditConfig",
    "AuditReport",
    "AuditResult",
    "AuditSection",
    "Cohort",
    "ConfigError",
    "DataError",
    "Design",
    "ExpressionScaler",
    "GenoauditError",
    "LabelsFile",
    "LogTransform",
    "MLPClassifier",
    "Recipe",
    "RunOptions",
    "Signals",
    "SweepConfig",
    "Target",
    "TargetSection",
    "TrainingError",
    "audit_recipe",
    "audit_target",
    "build_recipe",
    "find_target",
    "fit_recipe",
    "guarantee",
    "make_design",
    "parse_config",
    "privacy_claim",
    "read_cohort",
    "read_config",
    "read_sweep",
    "read_target",
    "run_audit",
    "run_sweep",
    "settle_privacy",
    "simulate_cohort",
    "target_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module 'genoaudit' has no attribute '{name}'"
        raise AttributeError(msg)
    return getattr(import_module(f"genoaudit.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
