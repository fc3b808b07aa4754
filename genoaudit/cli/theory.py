"""The commands that need no data: what a mechanism guarantees, and which mechanism a target takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genoaudit.cli.options import AsJson

SampleRate = Annotated[float, typer.Option(help="Chance of each patient to be drawn in a step.", show_default=False)]
Steps = Annotated[int, typer.Option(help="Number of steps.", show_default=False)]
Delta = Annotated[float | None, typer.Option(help="Delta. [default: a tenth of one in --patients]", show_default=False)]
Patients = Annotated[int | None, typer.Option(help="Number of patients, if it may be known.", show_default=False)]
Candidates = Annotated[
    int | None,
    typer.Option(help="Patients to pick the right one from. [default: --patients, or 100]", show_default=False),
]
Genes = Annotated[int | None, typer.Option(help="Genes of a profile, for reconstruction.", show_default=False)]
Prior = Annotated[
    list[float] | None, typer.Option(help="Share of members among those attacked; may be repeated.", show_default=False)
]
Figure = Annotated[Path | None, typer.Option(help="Draw the trade-off curve to a .svg or .png.", show_default=False)]


def bounds(
    sample_rate: SampleRate,
    steps: Steps,
    epsilon: Annotated[
        float | None,
        typer.Option(help="Budget at --delta of what is drawn: a patient, or one sample.", show_default=False),
    ] = None,
    noise_multiplier: Annotated[
        float | None, typer.Option(help="Noise over the clipping norm, instead of --epsilon.", show_default=False)
    ] = None,
    delta: Delta = None,
    patients: Patients = None,
    candidates: Candidates = None,
    genes: Genes = None,
    samples_per_patient: Annotated[
        int, typer.Option(help="Above 1: samples are drawn and clipped one by one, up to so many a patient.")
    ] = 1,
    prior: Prior = None,
    prv: Annotated[bool, typer.Option("--prv", help="Epsilon by Opacus's PRV accountant too; takes seconds.")] = False,
    figure: Figure = None,
    as_json: AsJson = False,
) -> None:
    """Say what a DP-SGD mechanism guarantees, without data: epsilon, and every risk that follows from it."""
    from genoaudit.bounds import PRIORS
    from genoaudit.bounds import bounds as bounds_of
    from genoaudit.calibrate import planned
    from genoaudit.report.bounds_figure import check_figure, save_figure
    from genoaudit.report.bounds_terminal import print_bounds

    if figure is not None:
        check_figure(figure)
    mechanism, delta = planned(
        sample_rate=sample_rate,
        steps=steps,
        epsilon=epsilon,
        noise_multiplier=noise_multiplier,
        delta=delta,
        patients=patients,
    )
    report = bounds_of(
        mechanism,
        delta,
        candidates=candidates,
        priors=tuple(prior or PRIORS),
        genes=genes,
        samples_per_patient=samples_per_patient,
        prv=prv,
    )
    if figure is not None:
        save_figure(report, figure)
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        print_bounds(report)


def calibrate(
    sample_rate: SampleRate,
    steps: Steps,
    epsilon: Annotated[float | None, typer.Option(help="Epsilon at --delta.", show_default=False)] = None,
    advantage: Annotated[float | None, typer.Option(help="Largest TPR - FPR.", show_default=False)] = None,
    tpr: Annotated[float | None, typer.Option(help="Largest TPR at --fpr.", show_default=False)] = None,
    fpr: Annotated[float, typer.Option(help="FPR of --tpr.")] = 0.01,
    reconstruction: Annotated[
        float | None, typer.Option(help="Largest chance to pick the right one of --candidates.", show_default=False)
    ] = None,
    candidates: Candidates = None,
    mse: Annotated[
        float | None,
        typer.Option(help="Least error of reconstruction from scratch, of --genes; no guarantee.", show_default=False),
    ] = None,
    chance: Annotated[float, typer.Option(help="How often --mse may be undercut.")] = 0.05,
    genes: Genes = None,
    delta: Delta = None,
    patients: Patients = None,
    figure: Figure = None,
    as_json: AsJson = False,
) -> None:
    """Find the smallest noise that meets a target: an epsilon, or a risk itself."""
    from genoaudit.calibrate import Target
    from genoaudit.calibrate import calibrate as calibrate_to
    from genoaudit.report.bounds_figure import check_figure, save_figure
    from genoaudit.report.bounds_terminal import print_calibration

    if figure is not None:
        check_figure(figure)
    target = Target(
        epsilon=epsilon,
        advantage=advantage,
        tpr=tpr,
        reconstruction=reconstruction,
        mse=mse,
        fpr=fpr,
        candidates=candidates,
        genes=genes,
        chance=chance,
    )
    report = calibrate_to(target, sample_rate=sample_rate, steps=steps, delta=delta, patients=patients)
    if figure is not None:
        save_figure(report, figure)
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        print_calibration(report)
