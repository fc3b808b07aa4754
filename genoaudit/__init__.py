"""Can a model trained on patients' gene expression be released? genoaudit measures the risk per patient.

The public names are imported when they are first used, so that ``import genoaudit`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genoaudit.artefacts.model_folder import StoredModel, read_model, verify_data, verify_members
    from genoaudit.audit import audit_recipe
    from genoaudit.config import AuditConfig, AuditSection, CanarySection, RunOptions, parse_config, read_config
    from genoaudit.configured import run_audit
    from genoaudit.contracts import Attack, Design, Recipe, Signals
    from genoaudit.data.cohort import Cohort
    from genoaudit.data.design import make_design
    from genoaudit.data.labels import LabelsFile
    from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
    from genoaudit.data.readers import read_cohort
    from genoaudit.data.simulate import simulate_cohort
    from genoaudit.data.target import Target, read_target
    from genoaudit.errors import ArtefactError, ConfigError, DataError, GenoauditError, TrainingError
    from genoaudit.model_config import TargetSection
    from genoaudit.models.claims import privacy_claim, settle_privacy
    from genoaudit.models.fitting import fit_recipe
    from genoaudit.models.mlp import MLPClassifier
    from genoaudit.models.recipes import build_recipe
    from genoaudit.privacy.accounting import guarantee
    from genoaudit.privacy.dpsgd import DPSGD
    from genoaudit.reconstruct import run_reconstruct
    from genoaudit.reconstruct_config import read_reconstruct
    from genoaudit.release.asking import target_of
    from genoaudit.release.audit import audit_target
    from genoaudit.release.earlier import Release, with_earlier
    from genoaudit.release.everybody import audit_everybody
    from genoaudit.release.evidence import with_recipe_evidence
    from genoaudit.release.given import find_target
    from genoaudit.report.certifying import certify
    from genoaudit.report.comparison import compare_runs
    from genoaudit.report.policy import Policy, read_policy
    from genoaudit.report.release_sections import Verdict
    from genoaudit.report.result import AuditReport, AuditResult
    from genoaudit.report.saved import read_run
    from genoaudit.report.shareable import Summary
    from genoaudit.report.verdict import decide
    from genoaudit.report.verification import verify_certificate
    from genoaudit.sweep import run_sweep
    from genoaudit.sweep_config import SweepConfig, parse_sweep, read_sweep
    from genoaudit.train import TrainedModel, run_train, train_model

_HOMES = {
    "ArtefactError": "errors",
    "Attack": "contracts",
    "AuditConfig": "config",
    "AuditReport": "report.result",
    "AuditResult": "report.result",
    "AuditSection": "config",
    "CanarySection": "config",
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
    "Policy": "report.policy",
    "Recipe": "contracts",
    "Release": "release.earlier",
    "RunOptions": "config",
    "Signals": "contracts",
    "StoredModel": "artefacts.model_folder",
    "Summary": "report.shareable",
    "SweepConfig": "sweep_config",
    "Target": "data.target",
    "TargetSection": "model_config",
    "TrainedModel": "train",
    "TrainingError": "errors",
    "Verdict": "report.release_sections",
    "audit_everybody": "release.everybody",
    "audit_recipe": "audit",
    "audit_target": "release.audit",
    "build_recipe": "models.recipes",
    "certify": "report.certifying",
    "compare_runs": "report.comparison",
    "decide": "report.verdict",
    "find_target": "release.given",
    "fit_recipe": "models.fitting",
    "guarantee": "privacy.accounting",
    "make_design": "data.design",
    "parse_config": "config",
    "parse_sweep": "sweep_config",
    "privacy_claim": "models.claims",
    "read_cohort": "data.readers",
    "read_config": "config",
    "read_model": "artefacts.model_folder",
    "read_policy": "report.policy",
    "read_reconstruct": "reconstruct_config",
    "read_run": "report.saved",
    "read_sweep": "sweep_config",
    "read_target": "data.target",
    "run_audit": "configured",
    "run_reconstruct": "reconstruct",
    "run_sweep": "sweep",
    "run_train": "train",
    "settle_privacy": "models.claims",
    "simulate_cohort": "data.simulate",
    "target_of": "release.asking",
    "train_model": "train",
    "verify_certificate": "report.verification",
    "verify_data": "artefacts.model_folder",
    "verify_members": "artefacts.model_folder",
    "with_earlier": "release.earlier",
    "with_recipe_evidence": "release.evidence",
}

__all__ = [
    "DPSGD",
    "ArtefactError",
    "Attack",
    "AuditConfig",
    "AuditReport",
    "AuditResult",
    "AuditSection",
    "CanarySection",
    "Cohort",
    "ConfigError",
    "DataError",
    "Design",
    "ExpressionScaler",
    "GenoauditError",
    "LabelsFile",
    "LogTransform",
    "MLPClassifier",
    "Policy",
    "Recipe",
    "Release",
    "RunOptions",
    "Signals",
    "StoredModel",
    "Summary",
    "SweepConfig",
    "Target",
    "TargetSection",
    "TrainedModel",
    "TrainingError",
    "Verdict",
    "audit_everybody",
    "audit_recipe",
    "audit_target",
    "build_recipe",
    "certify",
    "compare_runs",
    "decide",
    "find_target",
    "fit_recipe",
    "guarantee",
    "make_design",
    "parse_config",
    "parse_sweep",
    "privacy_claim",
    "read_cohort",
    "read_config",
    "read_model",
    "read_policy",
    "read_reconstruct",
    "read_run",
    "read_sweep",
    "read_target",
    "run_audit",
    "run_reconstruct",
    "run_sweep",
    "run_train",
    "settle_privacy",
    "simulate_cohort",
    "target_of",
    "train_model",
    "verify_certificate",
    "verify_data",
    "verify_members",
    "with_earlier",
    "with_recipe_evidence",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module 'genoaudit' has no attribute '{name}'"
        raise AttributeError(msg)
    return getattr(import_module(f"genoaudit.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
