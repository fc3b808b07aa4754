"""Every engine on the reference work against what it replaces, side by side: seconds a model, and ratios of pairs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import numpy as np
import torch
from reference import (
    Work,
    accuracy_on_others,
    classifier_state,
    exact_form,
    prepared_for,
    recipe_of,
    scaled_values,
    train_chunk,
)
from results import Seconds, machine, options, rounds, spread, table, tell, timed
from rivals import opacus_step_seconds, train_plainly, warm_up

from genoaudit.models.forms import form_of
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.training import exact
from genoaudit.training.guarded import single_threaded
from genoaudit.training.outputs import outputs_of
from genoaudit.training.plan import CHUNK

WORK = Work()
EXPECTED_BATCH, DP_STEPS, DP_RATE = 64, 140, 0.05
PARTS = {"member_gram": "K_s", "quick_factor": "its root", "fit_members": "fitting the scaling"}
CLIP, NOISE = 1.0, 1.0


@dataclass
class Comparison:
    """Time a model of the engine and of its rivals, one of each per repeat, taken one after the other."""

    title: str
    engine: list[Seconds] = field(default_factory=list)
    rivals: dict[str, list[Seconds]] = field(default_factory=dict)
    targets: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, engine: Seconds, **rivals: Seconds) -> None:
        self.engine.append(engine)
        for name, seconds in rivals.items():
            self.rivals.setdefault(name.replace("_", " "), []).append(seconds)
        ratios = ", ".join(f"{name} {times[-1].wall / engine.wall:.0f}x" for name, times in self.rivals.items())
        tell(f"{self.title}: {1e3 * engine.wall:.1f} ms a model ({1e3 * engine.cpu:.1f} of CPU); {ratios}")

    def rows(self) -> Iterator[list[str]]:
        own = spread([1e3 * seconds.wall for seconds in self.engine])
        for name, times in self.rivals.items():
            pairs = list(zip(times, self.engine, strict=True))
            wall = spread([theirs.wall / ours.wall for theirs, ours in pairs])
            cpu = spread([theirs.cpu / ours.cpu for theirs, ours in pairs])
            target = next((f"{value:.0f}" for key, value in self.targets.items() if name.startswith(key)), "")
            theirs = spread([seconds.wall for seconds in times], 2)
            yield [self.title, own, name, theirs, wall, cpu, target, str(len(pairs))]


def both_accuracies(engine, plain, members) -> str:
    ours, theirs = (accuracy_on_others(found, WORK.cohort.y, members) for found in (engine, plain))
    return f"accuracy on non-members: engine {ours:.3f}, plain loop {theirs:.3f}."


def member_rows(members) -> torch.Tensor:
    return torch.from_numpy(np.flatnonzero(members))


def as_shipped(scaling: str, model: int, kind: str = "mlp"):
    """Fit the recipe in gene space and score every sample with it."""
    cohort, members = WORK.cohort, WORK.members(range(model, model + 1))[0]
    recipe = recipe_of(kind, scaling)
    if kind == "mlp":
        recipe.set_params(classifier__random_state=classifier_state(model))
    fitted = recipe.fit(cohort.X[members], cohort.y[members])
    return outputs_of(fitted, cohort.X, cohort.y, classes=WORK.classes)


def shared_products(repeats: Iterator[int]) -> Comparison:
    found = Comparison("(a) MLP, one K for all (`sample`)", targets={"plain loop": 100})
    form, y = exact_form("mlp", "sample"), torch.from_numpy(WORK.cohort.y)
    seconds, prepared = timed(prepared_for, form, WORK)
    X = torch.from_numpy(scaled_values(WORK, "sample", WORK.members(range(1))[0]))
    train_chunk(form, WORK, prepared, 0)
    for index in repeats:
        engine, outputs = timed(train_chunk, form, WORK, prepared, index)
        own = WORK.members(range(index * CHUNK, index * CHUNK + 1))[0]
        plain, logits = timed(train_plainly, X, y, member_rows(own), classes=WORK.classes, seed=index)
        shipped, _ = timed(as_shipped, "sample", index * CHUNK)
        found.add(engine.times(1 / CHUNK), plain_loop=plain, MLPClassifier_as_shipped=shipped)
    found.notes += [
        f"(a) preparing K and its root, once for all models: {seconds.wall:.2f} s.",
        "(a) " + both_accuracies(outputs[0].proba, logits, own),
    ]
    return found


@contextmanager
def watched(*names: str) -> Iterator[dict[str, float]]:
    """Time functions of the exact engine while it runs."""
    spent = dict.fromkeys(names, 0.0)

    def watch(name: str) -> Callable[..., object]:
        original = getattr(exact, name)

        def call(*arguments, **named):
            seconds, result = timed(original, *arguments, **named)
            spent[name] += seconds.wall
            return result

        return call

    with patch.multiple(exact, **{name: watch(name) for name in names}):
        yield spent


def member_products(repeats: Iterator[int]) -> Comparison:
    found = Comparison("(b) MLP, a K for each (`members`)", targets={"plain loop": 10})
    form, y = exact_form("mlp", "members"), torch.from_numpy(WORK.cohort.y)
    prepared = prepared_for(form, WORK)
    train_chunk(form, WORK, prepared, 0)
    parts: dict[str, list[float]] = {name: [] for name in PARTS}
    for index in repeats:
        with watched(*parts) as spent:
            engine, outputs = timed(train_chunk, form, WORK, prepared, index)
        for name, times in parts.items():
            times.append(1e3 * spent[name] / CHUNK)
        own = WORK.members(range(index * CHUNK, index * CHUNK + 1))[0]
        scaling, values = timed(scaled_values, WORK, "members", own)
        X = torch.from_numpy(values)
        plain, logits = timed(train_plainly, X, y, member_rows(own), classes=WORK.classes, seed=index)
        shipped, _ = timed(as_shipped, "members", index * CHUNK)
        found.add(engine.times(1 / CHUNK), plain_loop=plain, MLPClassifier_as_shipped=shipped)
    apart = ", ".join(f"{title} {spread(parts[name])} ms" for name, title in PARTS.items())
    found.notes += [
        f"(b) of which {apart}.",
        f"(b) the plain loop is given scaled values; scaling them takes another {scaling.wall:.2f} s, not counted.",
        "(b) " + both_accuracies(outputs[0].proba, logits, own),
    ]
    return found


def private(repeats: Iterator[int]) -> Comparison:
    found = Comparison("(c) MLP under DP-SGD", targets={"Opacus ghost": 20, "Opacus hooks": 300})
    cohort, members = WORK.cohort, WORK.members(range(WORK.models))
    patients = int(members[0].sum())
    dp = DPSGD(
        noise_multiplier=NOISE, clip=CLIP, sampling_rate=EXPECTED_BATCH / patients, steps=DP_STEPS, patients=patients
    )
    recipe = recipe_of("mlp", "sample").set_params(classifier__dp=dp, classifier__learning_rate=DP_RATE)
    form = form_of(recipe)
    prepared = prepared_for(form, WORK)
    X, y = torch.from_numpy(scaled_values(WORK, "sample", members[0])), torch.from_numpy(cohort.y)
    opacus = {"rate": DP_RATE, "batch": EXPECTED_BATCH, "clip": CLIP, "noise": NOISE}
    for index in repeats:
        engine, outputs = timed(train_chunk, form, WORK, prepared, index)
        own = WORK.members(range(index * CHUNK, index * CHUNK + 1))[0]
        ghost = opacus_step_seconds(X, y, member_rows(own), "ghost", steps=8, **opacus)
        hooks = opacus_step_seconds(X, y, member_rows(own), "hooks", steps=3, **opacus)
        found.add(
            engine.times(1 / CHUNK), Opacus_ghost_clipping=ghost.times(DP_STEPS), Opacus_hooks=hooks.times(DP_STEPS)
        )
    found.notes.append(
        f"(c) {DP_STEPS} steps of an expected batch of {EXPECTED_BATCH}; the engine takes all, Opacus 8 (ghost) and 3 "
        f"(hooks) after one that is not counted, and {DP_STEPS} times their median stands here: its steps are alike. "
        f"Accuracy of the engine on non-members, at noise multiplier {NOISE:g}: "
        f"{accuracy_on_others(outputs[0].proba, cohort.y, own):.3f}."
    )
    return found


def logistic(repeats: Iterator[int]) -> Comparison:
    found = Comparison("(d) logistic regression, one K for all (`sample`)")
    form = exact_form("logistic", "sample")
    prepared = prepared_for(form, WORK)
    train_chunk(form, WORK, prepared, 0)
    as_shipped("sample", 0, kind="logistic")
    for index in repeats:
        engine, outputs = timed(train_chunk, form, WORK, prepared, index)
        shipped, theirs = timed(as_shipped, "sample", index * CHUNK, kind="logistic")
        found.add(engine.times(1 / CHUNK), scikit_learn=shipped)
        apart = np.abs(outputs[0].logit - theirs.logit).max()
    found.notes.append(
        f"(d) scaled logits differ by at most {apart:.2g}: the engine stops at a gradient of 1e-9, scikit-learn at its "
        "default tolerance. Its time includes scaling the values."
    )
    return found


def main() -> None:
    chosen = options(__doc__ or "", minutes=8)
    load = os.getloadavg()
    parts = {shared_products: 0.35, member_products: 0.35, private: 0.2, logistic: 0.1}
    least, most = (1, 1) if chosen.quick else (3, 25)
    with single_threaded():
        warm_up()
        found = [part(rounds(share * chosen.minutes, least=least, most=most)) for part, share in parts.items()]
    header = ["work", "engine, ms a model", "against", "s a model", "ratio of pairs", "in CPU time", "target", "pairs"]
    text = table(header, [row for comparison in found for row in comparison.rows()])
    notes = "".join(f"- {note}\n" for comparison in found for note in comparison.notes)
    text = f"{machine(load)}\n{text}\nMedian [least, most] over pairs.\n\n{notes}"
    (chosen.out / "engines.md").write_text(text, encoding="utf-8")
    tell("\n" + text)


if __name__ == "__main__":
    main()
