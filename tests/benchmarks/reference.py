"""The reference work: a simulated pool, its recipe, and models of it trained by the exact engine as it ships."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genoaudit.contracts import BoolArray, Design, Recipe
from genoaudit.data.cohort import Cohort
from genoaudit.data.design import make_design
from genoaudit.data.preprocessing import ExpressionScaler
from genoaudit.models.forms import ExactForm, form_of
from genoaudit.models.recipes import build_recipe
from genoaudit.randomness import generator, random_state
from genoaudit.training.exact import Prepared, prepare, train_exactly
from genoaudit.training.outputs import ModelOutputs
from genoaudit.training.plan import CHUNK

SEED = 0
GAIN = 10.0
"""That of `ExpressionScaler`: root mean square length of a scaled row."""


@dataclass(frozen=True)
class Work:
    """Half of the samples are members of a model, each sample its own patient."""

    samples: int = 800
    genes: int = 20_531
    classes: int = 5
    models: int = 400

    @cached_property
    def cohort(self) -> Cohort:
        rng = generator(SEED, "pool")
        X = rng.standard_normal((self.samples, self.genes), dtype=np.float32)
        for code in range(self.classes):  # in place: memory is measured too
            X[code :: self.classes] += 0.3 * rng.standard_normal(self.genes, dtype=np.float32) + 8
        names = tuple(f"S{row:05d}" for row in range(self.samples))
        rows = np.arange(self.samples)
        return Cohort(
            X=X,
            y=rows % self.classes,
            classes=tuple(f"class {code}" for code in range(self.classes)),
            patients=rows,
            patient_ids=names,
            sample_ids=names,
            genes=tuple(f"G{gene:05d}" for gene in range(self.genes)),
            obs=_no_covariates(self.samples),
            scale="log2",
            source="benchmark",
            sha256="",
        )

    @cached_property
    def design(self) -> Design:
        return make_design(self.cohort.y, self.cohort.patients, models=self.models, seed=SEED)

    def members(self, models: range) -> BoolArray:
        return self.design.members[[model % self.models for model in models]]


def _no_covariates(samples: int):
    import pandas as pd

    return pd.DataFrame(index=pd.RangeIndex(samples))


def recipe_of(kind: str, scaling: str) -> Recipe:
    """MLP: one hidden layer of 128, momentum 0.9, weight decay 1e-3, batches of 64, 20 epochs, all by default."""
    return build_recipe(kind, {"scaling": scaling}, scale="log2")


def exact_form(kind: str, scaling: str) -> ExactForm:
    form = form_of(recipe_of(kind, scaling))
    assert isinstance(form, ExactForm)
    return form


def classifier_state(model: int) -> int:
    return random_state(SEED, "shadow", model, "classifier__random_state")


def train_chunk(form: ExactForm, work: Work, prepared: Prepared, chunk: int) -> list[ModelOutputs]:
    """Train and score the models of a chunk as an audit does."""
    models = range(chunk * CHUNK, (chunk + 1) * CHUNK)
    outputs = train_exactly(form, prepared, work.members(models), [classifier_state(model) for model in models])
    return [found for _, found in outputs]


def prepared_for(form: ExactForm, work: Work) -> Prepared:
    return prepare(form, work.cohort)


def scaled_values(work: Work, scaling: str, members: BoolArray):
    """Network inputs of every sample, as the recipe's scaler gives them; float32 [samples, genes]."""
    scaler = ExpressionScaler(scaling, gain=GAIN).fit(work.cohort.X[members])
    return scaler.transform(work.cohort.X)


def accuracy_on_others(logits, y, members: BoolArray) -> float:
    """Share of non-members classified right: a network that learned nothing would make any timing worthless."""
    return float((np.asarray(logits).argmax(1) == y)[~members].mean())
