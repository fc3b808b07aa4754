"""The command that trains the one model that is to leave the house."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genoaudit.cli.options import AsJson, Config
from genoaudit.cli.progress import progress

if TYPE_CHECKING:
    from genoaudit.train import TrainedModel, TrainingPlan


def train(
    config: Config,
    out: Annotated[Path, typer.Option(help="Folder to write the model to; an earlier model there is replaced.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and print the plan; train nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train one model for release: weights, manifest and card that may leave, members and seed that may not."""
    from genoaudit.artefacts.model_folder import check_model_out
    from genoaudit.config import read_config

    settings = read_config(config)
    check_model_out(out)
    from genoaudit.train import plan_training, run_train

    if dry_run:
        with progress("nothing was written") as _:
            plan = plan_training(settings)
        _print_plan(plan, as_json=as_json)
        return
    with progress("nothing was written") as tell:
        trained = run_train(settings, out, progress=tell)
    _print_trained(trained, as_json=as_json)


def _print_plan(plan: TrainingPlan, *, as_json: bool) -> None:
    from genoaudit.report.train_terminal import print_training_plan

    facts: dict[str, Any] = {
        "members": plan.members,
        "members_by": plan.membership.given_by,
        "left_out": plan.left_out,
        "steps": plan.steps,
        "seconds": plan.seconds,
        "notes": (*plan.cohort.notes, *plan.notes),
    }
    if as_json:
        typer.echo(json.dumps({**facts, "epsilon": plan.epsilon, "seeded": plan.seeded}, indent=2, sort_keys=True))
    else:
        print_training_plan(**facts, claim=plan.claim)


def _print_trained(trained: TrainedModel, *, as_json: bool) -> None:
    from genoaudit.report.train_terminal import print_trained

    plan = trained.plan
    if as_json:
        content = {
            "folder": str(trained.folder),
            "manifest": trained.stored.manifest.model_dump(mode="json"),
            "members": plan.members,
            "members_by": plan.membership.given_by,
            "left_out": None if trained.left_out is None else trained.left_out.model_dump(mode="json"),
            "notes": trained.notes,
        }
        typer.echo(json.dumps(content, indent=2, sort_keys=True))
        return
    print_trained(
        members=plan.members,
        members_by=plan.membership.given_by,
        claim=plan.claim,
        left_out=trained.left_out,
        folder=trained.folder,
        notes=trained.notes,
    )
