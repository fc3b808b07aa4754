"""Fewer genes: with fewer coordinates than patients, no patient has a direction of his own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from genoaudit.contracts import Mitigation, Recipe
from genoaudit.errors import ConfigError
from genoaudit.mitigations.steps import copied, refuse
from genoaudit.models.settings import count


def _apply_variable_genes(recipe: Recipe, setting: Any, genes: tuple[str, ...]) -> Recipe:
    from genoaudit.data.selection import VariableGenes

    refuse("variable_genes", _why_not(recipe))
    kept = count("variable_genes", setting)
    steps = [step for _, step in cast(Any, recipe).steps if isinstance(step, VariableGenes)]
    if kept >= min([len(genes), *(step.genes for step in steps)]):
        return cast(Recipe, copied(recipe))
    return _with_selector(recipe, "genes", VariableGenes(kept))


def _apply_gene_list(recipe: Recipe, setting: Any, genes: tuple[str, ...]) -> Recipe:
    from genoaudit.data.gene_lists import ListedGenes, read_gene_list

    refuse("gene_list", _why_not(recipe))
    if not isinstance(setting, str):
        raise ConfigError(f"gene_list needs the path of a text file with one gene name per line, found {setting!r}.")
    return _with_selector(recipe, "listed", ListedGenes(read_gene_list(Path(setting), genes)))


def _with_selector(recipe: Recipe, name: str, selector: Any) -> Recipe:
    """Put a selector of genes behind the log step, in place of one of its kind; a public list goes first."""
    from genoaudit.data.gene_lists import ListedGenes
    from genoaudit.data.preprocessing import LogTransform

    copy = copied(recipe)
    kept = [(name, step) for name, step in copy.steps if type(step) is not type(selector)]
    before = LogTransform if isinstance(selector, ListedGenes) else (LogTransform, ListedGenes)
    place = 1 + max(index for index, (_, step) in enumerate(kept) if isinstance(step, before))
    copy.set_params(steps=[*kept[:place], (name, selector), *kept[place:]])
    return cast(Recipe, copy)


def _why_not(recipe: Recipe) -> str | None:
    from sklearn.base import OneToOneFeatureMixin
    from sklearn.feature_selection import SelectorMixin

    from genoaudit.data.preprocessing import LogTransform
    from genoaudit.data.private_moments import PrivateScaler

    steps = [step for _, step in getattr(recipe, "steps", ())]
    if not any(isinstance(step, LogTransform) for step in steps):
        return "the recipe brings its own preprocessing; choose genes there"
    gene_by_gene = OneToOneFeatureMixin | SelectorMixin | PrivateScaler  # others may know their genes by place
    fixed = [step for step in steps[:-1] if not isinstance(step, gene_by_gene)]
    return f"its step {type(fixed[0]).__name__} is made for all genes of the cohort" if fixed else None


_FEWER = (
    "Membership attacks that need many genes: with fewer genes than patients a model cannot tell every member apart."
)

VARIABLE_GENES = Mitigation(
    name="variable_genes",
    title="Most variable genes of the members",
    protects=_FEWER,
    costs="Genes that tell classes apart without varying much are lost; a few hundred often suffice for subtypes of "
    "cancers. Training is faster.",
    failures="The choice is learnt from the members and leaks with the model; a patient with extreme values can bring "
    "a gene in, and no DP guarantee covers it. A public list has neither fault.",
    reference="Luecken, Theis. Current best practices in single-cell RNA-seq analysis: a tutorial. Molecular Systems "
    "Biology 15:e8746, 2019. doi:10.15252/msb.20188746",
    setting="Number of genes kept; as many as there are, or as the recipe keeps, or more, leaves it as it is.",
    defaults=(200, 1000),
    apply=_apply_variable_genes,
    why_not=_why_not,
)

GENE_LIST = Mitigation(
    name="gene_list",
    title="Public list of genes",
    protects=f"{_FEWER} The choice itself tells nothing of the members.",
    costs="What the list does not hold cannot be used: it must suit the question. Training is faster.",
    failures="With a few hundred patients even a thousand genes tell everybody apart. A list that was made from the "
    "same patients is not public. Nothing is guaranteed.",
    reference="Subramanian, Narayan, Corsello, Peck, Natoli, Lu, et al. A next generation Connectivity Map: L1000 "
    "platform and the first 1,000,000 profiles. Cell 171:1437-1452, 2017. doi:10.1016/j.cell.2017.10.049",
    setting="Path of a text file with one gene name per line; a list of all genes leaves a recipe as it is.",
    defaults=(),
    apply=_apply_gene_list,
    why_not=_why_not,
)
