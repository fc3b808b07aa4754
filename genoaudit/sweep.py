"""The story of a sweep: every recipe under every protection, audited alike, and what each protection costs and buys.

Cells share the cohort, the designs and the products of samples; a protection of outputs shares the models of the recipe
without it. Finished models are kept in the cache and finished cells in the run's folder, so that a sweep that is
interrupted goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genoaudit.cells.audit import Audited, audit_cell
from genoaudit.cells.fair import compare_fairly, next_to_try
from genoaudit.cells.finished import FinishedCells
from genoaudit.cells.plan import Cell, plan_cells
from genoaudit.config import RunOptions
from genoaudit.configured import load_cohort
from genoaudit.contracts import Progress
from genoaudit.data.canaries import refuse_kinds
from genoaudit.data.design import make_design
from genoaudit.display import Picture
from genoaudit.errors import GenoauditError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.frontier import pareto
from genoaudit.metrics.intervals import pair_codes
from genoaudit.metrics.paired import paired_loss
from genoaudit.report import summary
from genoaudit.report.result import NotRun
from genoaudit.report.sections import Part
from genoaudit.report.sweep_result import NONE, SweepCell, SweepReport
from genoaudit.shadowing import Clock, plan_audit
from genoaudit.sweep_config import SweepConfig

if TYPE_CHECKING:
    from genoaudit.contracts import IntArray
    from genoaudit.data.cohort import Cohort


@dataclass(frozen=True, eq=False)
class SweepResult:
    """A sweep's report, and clock, versions and hardware, which are no part of it."""

    report: SweepReport
    run: dict[str, Any]

    def frontier(self) -> Picture:
        """Draw what every protection costs and buys, as the page has it."""
        from genoaudit.report.sweep_figure import frontier_figure

        return Picture(frontier_figure(self.report))

    def _repr_html_(self) -> str:
        from genoaudit.report.cards import sweep_card

        return sweep_card(self.report)


def run_sweep(
    config: SweepConfig,
    options: RunOptions | None = None,
    *,
    finished: str | Path | None = None,
    progress: Progress | None = None,
) -> SweepResult:
    """Do what a sweep's configuration asks; what ``genoaudit sweep`` runs.

    Parameters
    ----------
    config
        Recipes, protections, budgets, seeds.
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
    if config.canaries is not None:
        refuse_kinds(config.canaries.kinds, config.canaries.count)
    cohort = load_cohort(config.cohort)
    cells, idle = plan_cells(config, cohort)
    sweeping = _Sweeping(config, cohort, options, finished_cells(finished, config, cohort, options), tell)
    with clock("cells"):
        audited = list(sweeping.audit(cells, idle))
    with clock("matching"):
        audited += sweeping.match_defences(cells, audited, idle)
    found = _compared(audited, config, cohort)
    report = SweepReport(
        genoaudit_version=version("genoaudit"),
        cohort=summary.cohort(cohort),
        models=config.audit.most_models,
        canary_models=0 if config.canaries is None else config.canaries.models,
        cells=found,
        comparisons=compare_fairly(found),
        not_run=tuple(idle),
        warnings=cohort.notes,
    )
    plan = plan_audit(cells[0].recipe, cohort, config.audit, options)
    return SweepResult(report, {**clock.record(plan), "seconds_by_cell": sweeping.seconds})


def plan_sweep(config: SweepConfig, options: RunOptions | None = None) -> list[dict[str, Any]]:
    """Say how every cell would be trained from scratch and what it would cost; what ``--dry-run`` prints."""
    cohort = load_cohort(config.cohort)
    cells, _ = plan_cells(config, cohort)
    rows: list[dict[str, Any]] = []
    trained: set[int] = set()
    for cell in cells:
        plan = plan_audit(cell.recipe, cohort, config.audit, options)
        canaries = 0 if config.canaries is None else config.canaries.models
        share = 1 + canaries / config.audit.most_models
        again = id(cell.recipe) in trained  # a protection of outputs trains nothing of its own
        seconds = None if plan.seconds is None else 0.0 if again else plan.seconds * share
        models = 0 if again else config.audit.most_models + canaries
        trained.add(id(cell.recipe))
        rows.append({"cell": cell.name, "models": models, "engine": plan.engine, "seconds": seconds})
    return rows


class KeptCell(Part):
    """What is kept of a finished cell: its numbers, and the accuracy of each of its models."""

    cell: SweepCell
    accuracies: tuple[float, ...]


def finished_cells(
    folder: str | Path | None, config: SweepConfig, cohort: Cohort, options: RunOptions
) -> FinishedCells[KeptCell]:
    """Return the cells of a sweep that are finished."""
    asked = {
        "audit": config.audit.model_dump(mode="json", exclude={"seed"}),
        "canaries": None if config.canaries is None else config.canaries.model_dump(mode="json"),
    }
    return FinishedCells(folder, KeptCell, asked, cohort, options, done="audited")


def most_tuned(config: SweepConfig) -> int:
    """Most DP cells that may be added to match the accuracy of defences."""
    repeats = len(config.sweep.seeds or (config.audit.seed,)) * len(config.recipes)
    return config.sweep.tune * repeats if config.sweep.budgets else 0


@dataclass
class _Sweeping:
    """A sweep under way."""

    config: SweepConfig
    cohort: Cohort
    options: RunOptions
    finished: FinishedCells[KeptCell]
    tell: Progress

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        self.seconds: dict[str, float] = {}
        self.trained: set[tuple[int, int]] = set()

    def audit(self, cells: Sequence[Cell], idle: list[NotRun]) -> Iterator[Audited]:
        """Audit cells one after another; what fails or comes too late is noted and left out."""
        for done, cell in enumerate(cells):
            self.tell("Cells", done, len(cells))
            if (found := self._one(cell, idle)) is not None:
                yield found
        self.tell("Cells", len(cells), len(cells))

    def _one(self, cell: Cell, idle: list[NotRun]) -> Audited | None:
        if (kept := self.finished.read(cell)) is not None:
            return Audited(kept.cell, np.array(kept.accuracies))
        limit = self.config.sweep.minutes
        begun = time.monotonic()
        if limit is not None and begun - self.started > 60 * limit:
            idle.append(NotRun(name=cell.name, reason=f"the limit of {limit:g} minutes was reached before it"))
            return None
        canaries = self.config.canaries
        models = id(cell.recipe), cell.seed
        # Forgotten once: protections of outputs share the models that were trained a moment ago.
        options = replace(self.options, fresh=self.options.fresh and models not in self.trained)
        self.trained.add(models)
        try:
            found = audit_cell(cell, self.cohort, self.config.audit, options, canaries=canaries, tell=self.tell)
        except GenoauditError as error:  # a protection may be set so strong that nothing can be trained or judged
            idle.append(NotRun(name=cell.name, reason=str(error)))
            return None
        self.seconds[cell.name] = time.monotonic() - begun
        self.finished.write(cell, KeptCell(cell=found.cell, accuracies=tuple(found.accuracies.tolist())))
        return found

    def match_defences(self, cells: Sequence[Cell], audited: Sequence[Audited], idle: list[NotRun]) -> list[Audited]:
        """Train DP-SGD with other noise where that brings its accuracy closer to a defence's."""
        added: list[Audited] = []
        private = {cell.name: cell for cell in cells if cell.mitigation == "dp"}
        for recipe, seed in dict.fromkeys((cell.recipe_name, cell.seed) for cell in cells):
            for _ in range(self.config.sweep.tune):
                own = [
                    found.with_accuracy(self._pairs(seed))
                    for found in (*audited, *added)
                    if (found.cell.recipe, found.cell.seed) == (recipe, seed)
                ]
                tried = next_to_try(own, private)
                if tried is None:
                    break
                self.tell("Matching defences", len(added), most_tuned(self.config))
                found = self._one(tried, idle)
                if found is None:
                    break
                private[tried.name] = tried
                added.append(found)
        return added

    def _pairs(self, seed: int) -> IntArray:
        return _pairs(self.config, self.cohort, seed)


def _pairs(config: SweepConfig, cohort: Cohort, seed: int) -> IntArray:
    design = make_design(cohort.y, cohort.patients, models=config.audit.most_models, seed=seed)
    return pair_codes(design.partner)


def _compared(audited: Sequence[Audited], config: SweepConfig, cohort: Cohort) -> tuple[SweepCell, ...]:
    """Set every cell beside its recipe without protection, and mark those that no other beats."""
    plain = {
        (found.cell.recipe, found.cell.seed): found.accuracies for found in audited if found.cell.mitigation == NONE
    }
    pairs = {seed: _pairs(config, cohort, seed) for seed in {found.cell.seed for found in audited}}
    cells = []
    for found in audited:
        own = found.with_accuracy(pairs[found.cell.seed])
        without = plain.get((own.recipe, own.seed))
        loss = Estimate(None, None, None)
        if without is not None:
            loss = paired_loss(without, found.accuracies, pairs[own.seed])
        cells.append(own.model_copy(update={"accuracy_loss": loss}))
    best: set[str] = set()
    for group in {(cell.recipe, cell.seed) for cell in cells}:
        own_cells = [cell for cell in cells if (cell.recipe, cell.seed) == group]
        accuracy = np.array([np.nan if cell.accuracy.value is None else cell.accuracy.value for cell in own_cells])
        leakage = np.array([exposed(cell) for cell in own_cells])
        best |= {cell.name for cell, on in zip(own_cells, pareto(accuracy, leakage), strict=True) if on}
    return tuple(cell.model_copy(update={"on_frontier": cell.name in best}) for cell in cells)


def exposed(cell: SweepCell) -> float:
    """Return the leakage that the frontier is drawn for: of the five most exposed patients, else of all."""
    found = next((worst.auc for worst in cell.worst if worst.k == 5), cell.leakage.auc)
    # Below guessing is chance, and no safer than guessing.
    return float("nan") if found.value is None else max(found.value, 0.5)
