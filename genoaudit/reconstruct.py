"""The story of a comparison: at which budget profiles, members and utility are lost, each recipe under the same noise.

Utility and membership leakage come from the cells of a sweep; reconstruction from a training of the recipe's network
whose every step is watched (`genoaudit.cells.reconstruction`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genoaudit.cells.audit import audit_cell
from genoaudit.cells.finished import FinishedCells
from genoaudit.cells.plan import Cell, plan_cells
from genoaudit.cells.prey import choose_prey
from genoaudit.cells.reconstruction import attack_mechanism, hidden_layers
from genoaudit.config import RunOptions
from genoaudit.configured import load_cohort
from genoaudit.contracts import Progress
from genoaudit.data.design import make_design
from genoaudit.errors import ConfigError, TrainingError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.intervals import pair_codes
from genoaudit.models.claims import privacy_claim, settle_privacy
from genoaudit.privacy.accounting import account
from genoaudit.privacy.bounded_share import judge_share
from genoaudit.reconstruction.catalogue import reconstruction_records
from genoaudit.report import summary
from genoaudit.report.reconstruct_result import HalfLost, NamedShare, ReconstructCell, ReconstructReport, Threat
from genoaudit.report.result import NotRun
from genoaudit.report.sweep_result import DP, NONE, SweepCell
from genoaudit.shadowing import Clock, plan_audit

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort
    from genoaudit.privacy.mechanism import Mechanism
    from genoaudit.reconstruct_config import ReconstructConfig

_UNKNOWN = Estimate(None, None, None)


@dataclass(frozen=True, eq=False)
class ReconstructResult:
    """A comparison's report, and clock, versions and hardware, which are no part of it."""

    report: ReconstructReport
    run: dict[str, Any]


def run_reconstruct(
    config: ReconstructConfig,
    options: RunOptions | None = None,
    *,
    finished: str | Path | None = None,
    progress: Progress | None = None,
) -> ReconstructResult:
    """Do what a configuration asks; what ``genoaudit reconstruct`` runs.

    Parameters
    ----------
    config
        Recipes, budgets, seeds, patients under attack.
    options
        Processes and cache; no effect on the numbers.
    finished
        Folder that finished cells are kept in and read from; None: nothing is kept but models.
    progress
        Told how far each stage is.

    Raises
    ------
    ConfigError, DataError
        Before anything is trained.
    """
    options = options or RunOptions()
    tell = progress or (lambda stage, done, total: None)
    clock = Clock()
    cohort = load_cohort(config.cohort)
    planned, idle = plan_cells(config.sweep, cohort)
    cells = [cell for cell in planned if cell.mitigation in {NONE, DP}]
    for name in config.recipes:
        if not any(cell.recipe_name == name and cell.mitigation == DP for cell in cells):
            reason = next((one.reason for one in idle if one.name.startswith(f"{name}/")), "no budget is left")
            raise ConfigError(f"recipe {name} cannot be trained with DP-SGD, so there is no noise to compare: {reason}")
    asked = config.reconstruct.model_dump(mode="json", exclude={"budgets", "seeds"})
    kept = FinishedCells(finished, ReconstructCell, asked, cohort, options, done="attacked")
    found, seconds = list[ReconstructCell](), dict[str, float]()
    with clock("cells"):
        for done, cell in enumerate(cells):
            tell("Cells", done, len(cells))
            begun = time.monotonic()
            private = _private(cell, cells)
            one = kept.read(cell, follows=private)
            if one is None:
                try:
                    one = _one(cell, config, cohort, private=private, options=options, tell=tell)
                except TrainingError as error:
                    idle.append(NotRun(name=cell.name, reason=str(error)))
                    continue
                kept.write(cell, one, follows=private)
                seconds[cell.name] = time.monotonic() - begun
            found.append(one)
        tell("Cells", len(cells), len(cells))
    report = _report(config, cohort, found, idle)
    plan = plan_audit(cells[0].recipe, cohort, config.audit, options)
    return ReconstructResult(report, {**clock.record(plan), "seconds_by_cell": seconds})


def _report(
    config: ReconstructConfig, cohort: Cohort, found: Sequence[ReconstructCell], idle: Sequence[NotRun]
) -> ReconstructReport:
    return ReconstructReport(
        genoaudit_version=version("genoaudit"),
        cohort=summary.cohort(cohort),
        models=config.reconstruct.models,
        patients=min((cell.identification.patients for cell in found), default=0),
        eta=config.reconstruct.eta,
        cells=tuple(found),
        named=named_shares(found),
        threats=threats(),
        not_run=tuple(idle),
        warnings=(*cohort.notes, *_fewer(config, found)),
    )


def threats() -> tuple[Threat, ...]:
    """Say of every attack what its adversary sees, knows and does."""
    return tuple(Threat.model_validate(record) for record in reconstruction_records())


def named_shares(cells: Sequence[ReconstructCell]) -> tuple[NamedShare, ...]:
    """Compare identification with its bound, for each recipe and budget over all seeds."""
    groups: dict[tuple[str, float | None], list[ReconstructCell]] = {}
    for cell in cells:
        groups.setdefault((cell.recipe, cell.budget), []).append(cell)
    bounds = {key: max(cell.identification.bound for cell in group) for key, group in groups.items()}
    looked_at = max(1, sum(bound < 1 for bound in bounds.values()))
    found = []
    for (recipe, budget), group in groups.items():
        patients, named = (sum(getattr(cell.identification, name) for cell in group) for name in ("patients", "named"))
        share = judge_share(named, patients, bounds[recipe, budget], looked_at=looked_at)
        found.append(
            NamedShare(
                recipe=recipe,
                budget=budget,
                candidates=min(cell.identification.candidates for cell in group),
                patients=patients,
                named=named,
                rate=Estimate(share.rate, share.low, share.high),
                bound=share.bound,
                reading=share.reading,
            )
        )
    return tuple(found)


def _fewer(config: ReconstructConfig, cells: Sequence[ReconstructCell]) -> tuple[str, ...]:
    """Say where the cohort has fewer patients than were asked for."""
    asked, notes = config.reconstruct, list[str]()
    if not cells:
        return ()
    patients = min(cell.identification.patients for cell in cells)
    candidates = min(cell.identification.candidates for cell in cells)
    if patients < asked.patients:
        notes.append(
            f"{asked.patients:,} patients under attack were asked for, and {patients:,} were attacked: half of the "
            "cohort is in a training, and nobody else can be."
        )
    if candidates < asked.candidates:
        notes.append(
            f"{asked.candidates:,} candidates were asked for, and members were told from {candidates - 1:,} others, "
            f"all who are in no training: guessing names the right one in {100 / candidates:.2g} % of cases instead of "
            f"{100 / asked.candidates:.2g} %."
        )
    return tuple(notes)


def _private(cell: Cell, cells: Sequence[Cell]) -> Cell:
    """Return a DP cell whose training a cell's reconstruction follows: its own, or for none any of its recipe."""
    if cell.mitigation != NONE:
        return cell
    own = (cell.recipe_name, cell.seed)
    return next(one for one in cells if (one.recipe_name, one.seed) == own and one.mitigation == DP)


def _one(
    cell: Cell,
    config: ReconstructConfig,
    cohort: Cohort,
    *,
    private: Cell,
    options: RunOptions,
    tell: Progress,
) -> ReconstructCell:
    """Attack one cell in every way; without protection, the same training without noise."""
    settings = config.reconstruct
    recipe: Any = settle_privacy(private.recipe, patients=cohort.n_patients // 2)
    members = make_design(cohort.y, cohort.patients, models=2, seed=cell.seed).members[0]
    claim = privacy_claim(recipe, patients=cohort.n_patients // 2)
    hidden = hidden_layers(recipe)
    if claim is None or hidden is None:
        raise AssertionError
    noiseless = cell.mitigation == NONE
    mechanism = replace(claim.mechanism, patients=int(members.sum()))
    if noiseless:
        mechanism = replace(mechanism, noise_multiplier=0.0)
    vacuous = noiseless or claim.guarantee.vacuous
    prey = choose_prey(recipe, cohort, members=members, seed=cell.seed, patients=settings.patients)
    found = attack_mechanism(
        prey,
        hidden=hidden,
        mechanism=mechanism,
        learning_rate=float(recipe[-1].learning_rate),
        candidates=settings.candidates,
        eta=settings.eta,
        vacuous=vacuous,
    )
    audited = _audited(cell, config, cohort, options, tell) if settings.models else None
    return ReconstructCell(
        name=cell.name,
        recipe=cell.recipe_name,
        title=cell.title,
        budget=None if noiseless else _budget(cell),
        seed=cell.seed,
        noise_multiplier=None if noiseless else mechanism.noise_multiplier,
        vacuous=vacuous,
        recoveries=found.recoveries,
        threshold=found.threshold,
        half_lost=_half_lost(found.half_noise, mechanism, claim.guarantee.delta),
        identification=found.identification,
        inversion=found.inversion,
        accuracy=_UNKNOWN if audited is None else audited.accuracy,
        auc=_UNKNOWN if audited is None else audited.leakage.auc,
        worst_auc=_UNKNOWN if audited is None else _worst(audited),
    )


def _half_lost(noise: float | None, mechanism: Mechanism, delta: float) -> HalfLost | None:
    if noise is None:
        return None
    return HalfLost(
        noise_multiplier=noise, epsilon=account([replace(mechanism, noise_multiplier=noise)], delta).epsilon
    )


def _budget(cell: Cell) -> float:
    if not isinstance(cell.setting, float):
        raise AssertionError
    return cell.setting


def _audited(cell: Cell, config: ReconstructConfig, cohort: Cohort, options: RunOptions, tell: Progress) -> SweepCell:
    audited = audit_cell(cell, cohort, config.audit, options, canaries=None, tell=tell)
    pairs = make_design(cohort.y, cohort.patients, models=config.audit.most_models, seed=cell.seed).partner
    return audited.with_accuracy(pair_codes(pairs))


def _worst(cell: SweepCell) -> Estimate:
    return next((worst.auc for worst in cell.worst if worst.k == 5), _UNKNOWN)
