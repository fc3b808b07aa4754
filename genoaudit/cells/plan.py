"""The cells of a sweep: every recipe without protection, with DP-SGD at every budget, with every other protection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genoaudit.contracts import Mitigation, Recipe, Setting
from genoaudit.errors import ConfigError
from genoaudit.mitigations.catalogue import CATALOGUE, get_mitigation
from genoaudit.models.claims import settle_privacy
from genoaudit.models.recipes import build_recipe
from genoaudit.privacy.dpsgd import DPSGD, TARGETS
from genoaudit.report.result import NotRun
from genoaudit.report.sweep_result import DP, DP_ARM, NONE
from genoaudit.sweep_config import SweepConfig, SweptRecipe

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


WITH_DP: dict[str, dict[str, Any]] = {
    "mlp": {"scaling": "sample", "layer_norm": True, "schedule": "cosine", "learning_rate": 0.5},
    "softmax": {"scaling": "sample", "schedule": "cosine", "learning_rate": 0.5},
    "cnn": {"scaling": "sample"},
    "deepcc": {"norm": "layer"},
}
"""What the DP arm of a kind of recipe has of its own unless told otherwise.

Scaling by sample learns nothing from the patients. Clipped gradients are small, so the steps are large; they shrink to
nothing, so that the last ones average the noise out.
"""


@dataclass(frozen=True, eq=False)
class Cell:
    """One recipe under one protection.

    Parameters
    ----------
    name, title
        What it is called in files, and by people.
    recipe_name, mitigation, setting, seed
        Where it stands in the sweep.
    recipe
        The unfitted recipe whose models are trained. A protection of outputs trains the recipe without it.
    defence
        The protection of outputs, if it is one.
    tuned
        Added to match a defence's utility.
    """

    name: str
    title: str
    recipe_name: str
    mitigation: str
    setting: Setting | None
    seed: int
    recipe: Recipe
    defence: Mitigation | None = None
    tuned: bool = False

    @property
    def acts_on(self) -> Literal["nothing", "training", "outputs"]:
        """What the protection changes."""
        if self.mitigation == NONE:
            return "nothing"
        return "training" if self.defence is None else "outputs"


def plan_cells(config: SweepConfig, cohort: Cohort) -> tuple[list[Cell], list[NotRun]]:
    """List the cells of a sweep, and which ones make no sense for their recipe.

    Raises
    ------
    ConfigError
        For an unknown protection or an impossible setting, before anything is trained.
    """
    cells: list[Cell] = []
    idle: list[NotRun] = []
    wanted, genes = _wanted(config), tuple(cohort.genes)
    for seed in config.sweep.seeds or (config.audit.seed,):
        for name, section in config.recipes.items():
            plain = _build(section, _without_dp(section.parameters), cohort)
            cells.append(Cell(f"{name}/{NONE}/seed={seed}", "No protection", name, NONE, None, seed, plain))
            if config.sweep.budgets:
                found = _private_recipe(name, section, plain, cohort)
                if isinstance(found, NotRun):
                    idle.append(found)
                else:
                    cells += _control(name, section, cohort, seed=seed)
                    planned = [_private(name, found, budget, seed=seed, genes=genes) for budget in config.sweep.budgets]
                    cells += [cell for cell in planned if _reachable(cell, config, cohort, idle)]
            for mitigation, settings in wanted:
                if reason := mitigation.why_not(plain):
                    idle.append(NotRun(name=f"{name}/{mitigation.name}", reason=reason))
                    continue
                cells += [_protected(name, plain, mitigation, setting, seed=seed, genes=genes) for setting in settings]
    names = [cell.name for cell in cells]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        msg = f"cells asked for twice: {len(twice)} (first: {twice[0]}). List a setting once; name files differently."
        raise ConfigError(msg)
    return cells, list({found.name: found for found in idle}.values())


def _wanted(config: SweepConfig) -> list[tuple[Mitigation, Sequence[Setting]]]:
    given = config.sweep.mitigations
    if given is None:
        # A list of genes is a file of the user's own; budgets are listed by themselves.
        return [(found, found.defaults) for name, found in CATALOGUE.items() if name != DP and found.defaults]
    if DP in given:
        msg = "sweep.mitigations.dp: DP-SGD's settings are the budgets; list them as sweep.budgets."
        raise ConfigError(msg)
    return [(get_mitigation(name), settings or get_mitigation(name).defaults) for name, settings in given.items()]


def _protected(
    name: str, plain: Recipe, mitigation: Mitigation, setting: Setting, *, seed: int, genes: tuple[str, ...]
) -> Cell:
    protected = mitigation.apply(plain, setting, genes)  # says what is wrong with a setting
    on_outputs = mitigation.release is not None
    return Cell(
        name=f"{name}/{mitigation.name}={_text(setting)}/seed={seed}",
        title=mitigation.title if setting == "on" else f"{mitigation.title}, {_text(setting)}",
        recipe_name=name,
        mitigation=mitigation.name,
        setting=setting
        if isinstance(setting, int) or (isinstance(setting, float) and math.isfinite(setting))
        else _text(setting),
        seed=seed,
        recipe=plain if on_outputs else protected,
        defence=mitigation if on_outputs else None,
    )


def _private_recipe(name: str, section: SweptRecipe, plain: Recipe, cohort: Cohort) -> Recipe | NotRun:
    """Build a recipe as its DP cells train it (its target stands for any other), or say why there is none."""
    if reason := CATALOGUE[DP].why_not(plain):
        return NotRun(name=f"{name}/{DP}", reason=reason)
    parameters = _dp_arm(section)
    given = {key: value for key, value in dict(parameters.pop("dp", {})).items() if key not in TARGETS}
    try:
        return _build(section, {**parameters, "dp": {**given, "noise_multiplier": 0.0}}, cohort)
    except ConfigError as error:
        if section.with_dp:  # asked for, so it must be mended
            raise
        return NotRun(name=f"{name}/{DP}", reason=str(error))


def _control(name: str, section: SweptRecipe, cohort: Cohort, *, seed: int) -> list[Cell]:
    """Return the DP arm trained without DP, where it differs: what DP itself changes is seen beside this one."""
    arm = _without_dp(_dp_arm(section))
    if arm == _without_dp(section.parameters):
        return []
    recipe = _build(section, arm, cohort)
    return [Cell(f"{name}/{DP_ARM}/seed={seed}", "The DP arm, without DP", name, DP_ARM, None, seed, recipe)]


def _dp_arm(section: SweptRecipe) -> dict[str, Any]:
    return {**section.parameters, **WITH_DP.get(section.kind, {}), **section.with_dp}


def _without_dp(parameters: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if key != DP}


def _reachable(cell: Cell, config: SweepConfig, cohort: Cohort, idle: list[NotRun]) -> bool:
    """Note a budget that no noise can meet: before anything is trained, and without giving up the others."""
    planted = 0 if config.canaries is None else len(config.canaries.kinds) * config.canaries.count
    try:
        settle_privacy(cell.recipe, patients=cohort.n_patients // 2)
        if planted:
            settle_privacy(cell.recipe, patients=cohort.n_patients + planted // 2)
    except ConfigError as error:
        idle.append(NotRun(name=cell.name, reason=str(error)))
        return False
    return True


def _private(name: str, private: Recipe, budget: float, *, seed: int, genes: tuple[str, ...]) -> Cell:
    recipe = CATALOGUE[DP].apply(private, budget, genes)
    title = f"DP, epsilon {_text(budget)}"
    return Cell(f"{name}/{DP}={_text(budget)}/seed={seed}", title, name, DP, budget, seed, recipe)


def tuned_cell(like: Cell, noise_multiplier: float) -> Cell:
    """Return a DP cell like another one, with the noise given."""
    noise = float(f"{noise_multiplier:.4g}")
    dp: DPSGD = _dp_of(like.recipe)
    aimed = replace(dp.aimed(noise_multiplier=noise), hyperparameters="searched")  # on these patients' accuracies
    from sklearn.base import clone

    recipe: Any = clone(like.recipe)
    recipe.set_params(**{_dp_key(recipe): aimed})
    return replace(
        like,
        name=f"{like.recipe_name}/{DP}=noise {noise:g}/seed={like.seed}",
        title=f"DP, noise multiplier {noise:g}",
        setting=f"noise {noise:g}",
        recipe=recipe,
        tuned=True,
    )


def _dp_key(recipe: Any) -> str:
    found: str = next(name for name in recipe.get_params() if name.rpartition("__")[2] == DP)
    return found


def _dp_of(recipe: Any) -> DPSGD:
    found: DPSGD = recipe.get_params()[_dp_key(recipe)]
    return found


def _build(section: SweptRecipe, parameters: dict[str, Any], cohort: Cohort) -> Recipe:
    return build_recipe(section.kind, parameters, scale=cohort.scale, target=section.target, genes=tuple(cohort.genes))


def _text(setting: Setting) -> str:
    """Write a setting; of a file its name alone, since folders are nobody else's business."""
    return Path(setting).name if isinstance(setting, str) else f"{setting:g}"
