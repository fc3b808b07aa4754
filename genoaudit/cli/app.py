"""All commands, and the exit codes that pipelines rely on."""

from __future__ import annotations

import json
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genoaudit.cli.catalogue import attacks, mitigations, schema
from genoaudit.cli.certificate import sign_if, verify
from genoaudit.cli.gate import demanded_by, exit_code, gate, policy
from genoaudit.cli.options import (
    AsJson,
    Backend,
    CacheDir,
    Config,
    Device,
    DryRun,
    Engine,
    Fail,
    Fresh,
    Models,
    Only,
    Out,
    PassphraseEnv,
    Policy,
    Replay,
    Scheduler,
    Seed,
    SelfTest,
    ShowIds,
    Sign,
    Threads,
)
from genoaudit.cli.progress import MODELS_ARE_KEPT, progress
from genoaudit.cli.report import report
from genoaudit.cli.theory import bounds, calibrate
from genoaudit.cli.train import train
from genoaudit.errors import ConfigError, GenoauditError

if TYPE_CHECKING:
    from genoaudit.config import AuditConfig, AuditSection, RunOptions
    from genoaudit.report.result import AuditResult
    from genoaudit.sweep_config import SweepConfig

EXIT_USAGE = 2
EXIT_INPUT = 3

USAGE_ERROR: Any = typer.BadParameter.__mro__[1]
"""What typer raises of unknown options, missing ones and the like; it has no public name of its own."""

app = typer.Typer(
    name="genoaudit",
    help="Can a model trained on patients' gene expression be released? Measure the risk, patient by patient.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def demo(
    out: Out = Path("demo-run"),
    models: Models = None,
    seed: Seed = None,
    threads: Threads = None,
    cache_dir: CacheDir = None,
    fresh: Fresh = False,
    replay: Replay = False,
    show_ids: ShowIds = False,
    as_json: AsJson = False,
) -> None:
    """Audit the embedded simulated cohort: 400 patients, 6 cancer types, 5,000 genes."""
    from genoaudit.report.save import check_out

    out = check_out(out)
    from genoaudit.audit import run_demo
    from genoaudit.config import AuditSection

    settings = _overridden(AuditSection(), models, seed)
    options = _options(out, threads, cache_dir, fresh=fresh, replay=replay)
    with progress(MODELS_ARE_KEPT) as tell:
        result = run_demo(settings, options, progress=tell)
    _finish(result, out, show_ids=show_ids, as_json=as_json)


def audit(
    config: Config,
    out: Out,
    models: Models = None,
    seed: Seed = None,
    threads: Threads = None,
    cache_dir: CacheDir = None,
    fresh: Fresh = False,
    engine: Engine = "auto",
    backend: Backend = "local",
    scheduler: Scheduler = None,
    device: Device = "cpu",
    only: Only = None,
    dry_run: DryRun = False,
    self_test: SelfTest = False,
    policy: Policy = None,
    fail: Fail = False,
    sign: Sign = None,
    passphrase_env: PassphraseEnv = None,
    replay: Replay = False,
    show_ids: ShowIds = False,
    as_json: AsJson = False,
) -> None:
    """Audit a recipe on a cohort, trained many times, or one given model ([target]); report per patient."""
    from genoaudit.report.save import check_out

    settings, demanded = _configured(config, models=models, seed=seed), demanded_by(policy, fail=fail)
    if sign is None or demanded is None:
        sign_if(sign, out, demanded, passphrase_env=passphrase_env)  # refuses before anything is trained
    out = check_out(out)
    options = _options(
        out,
        threads,
        cache_dir,
        fresh=fresh,
        engine=engine,
        device=device,
        backend=backend,
        scheduler=scheduler,
        replay=replay,
    )
    if dry_run:
        _print_plan(settings, options, as_json=as_json)
        return
    if only is not None and (self_test or policy is not None):
        given = "--self-test" if self_test else "--policy"
        msg = f"--only trains a slice and reports nothing, so {given} has nothing to say; give it to the later run."
        raise ConfigError(msg)
    from genoaudit.configured import run_audit, train_slice

    with progress(MODELS_ARE_KEPT) as tell:
        if only is not None:
            train_slice(settings, only, options, progress=tell)
            return
        result = run_audit(settings, options, self_test=self_test, config_file=config, progress=tell)
    if demanded is not None:
        result = result.judged(demanded)
    _finish(result, out, show_ids=show_ids, as_json=as_json)
    sign_if(sign, out, demanded, passphrase_env=passphrase_env)
    if fail and result.report.verdict is not None:
        raise typer.Exit(exit_code(result.report.verdict))


def sweep(
    config: Annotated[Path, typer.Argument(help="The sweep's TOML file.", show_default=False)],
    out: Out,
    models: Models = None,
    threads: Threads = None,
    cache_dir: CacheDir = None,
    fresh: Fresh = False,
    engine: Engine = "auto",
    minutes: Annotated[
        float | None, typer.Option(help="Begin no cell after so long; overrides the configuration.", min=0.0)
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Compare protections: recipes with DP at many budgets and with every other mitigation, audited alike."""
    from genoaudit.report.sweep_save import check_sweep_out
    from genoaudit.sweep_config import override, read_sweep

    settings = override(read_sweep(config), models=models, minutes=minutes)
    out = check_sweep_out(out)
    options = _options(out, threads, cache_dir, fresh=fresh, engine=engine)
    if dry_run:
        _print_sweep_plan(settings, options, as_json=as_json)
        return
    from genoaudit.report.sweep_save import CELLS, save_sweep
    from genoaudit.report.sweep_terminal import print_sweep
    from genoaudit.sweep import run_sweep

    with progress(MODELS_ARE_KEPT) as tell:
        result = run_sweep(settings, options, finished=out / CELLS, progress=tell)
    written = save_sweep(result.report, result.run, out)
    if as_json:
        typer.echo(result.report.to_json(), nl=False)
    else:
        print_sweep(result.report, written)


def reconstruct(
    config: Annotated[Path, typer.Argument(help="The comparison's TOML file.", show_default=False)],
    out: Out,
    threads: Threads = None,
    cache_dir: CacheDir = None,
    fresh: Fresh = False,
    engine: Engine = "auto",
    as_json: AsJson = False,
) -> None:
    """Attack what training shows: utility, membership leakage and reconstructed profiles at many budgets of DP."""
    from genoaudit.reconstruct_config import read_reconstruct
    from genoaudit.report.reconstruct_save import CELLS, check_reconstruct_out, save_reconstruct

    settings = read_reconstruct(config)
    out = check_reconstruct_out(out)
    options = _options(out, threads, cache_dir, fresh=fresh, engine=engine)
    from genoaudit.reconstruct import run_reconstruct
    from genoaudit.report.reconstruct_terminal import print_reconstruct

    with progress(MODELS_ARE_KEPT) as tell:
        result = run_reconstruct(settings, options, finished=out / CELLS, progress=tell)
    written = save_reconstruct(result.report, result.run, out)
    if as_json:
        typer.echo(result.report.to_json(), nl=False)
    else:
        print_reconstruct(result.report, written)


def validate(config: Config, as_json: AsJson = False) -> None:
    """Check a configuration, its cohort and its given model without training anything."""
    settings = _configured(config)
    from genoaudit.configured import check
    from genoaudit.report.terminal import print_cohort

    checked = check(settings)
    if as_json:
        content = {
            "cohort": checked.cohort.model_dump(mode="json"),
            "target": None if checked.target is None else checked.target.model_dump(mode="json"),
            "warnings": checked.notes,
        }
        typer.echo(json.dumps(content, indent=2))
    else:
        print_cohort(checked.cohort, checked.notes, checked.target)


def _version(*, value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(version("genoaudit"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _configured(path: Path, *, models: int | str | None = None, seed: int | None = None) -> AuditConfig:
    from genoaudit.config import read_config

    config = read_config(path)
    return config.model_copy(update={"audit": _overridden(config.audit, models, seed)})


def _overridden(settings: AuditSection, models: int | str | None, seed: int | None) -> AuditSection:
    from genoaudit.config import parse_settings

    given = {"models": models, "seed": seed}
    return parse_settings(settings, {key: value for key, value in given.items() if value is not None})


def _options(out: Path, threads: int | None, cache_dir: Path | None, **more: Any) -> RunOptions:
    from genoaudit.config import DEFAULT_CACHE, make_options

    cache = (cache_dir or out.parent / DEFAULT_CACHE).resolve()
    if cache.is_relative_to(out):
        msg = f"--cache-dir {cache} lies in --out {out}, which is replaced as a whole; keep them apart."
        raise ConfigError(msg)
    return make_options(threads=threads, cache=cache, **more)


def _print_plan(settings: AuditConfig, options: RunOptions, *, as_json: bool) -> None:
    from genoaudit.configured import plan_config
    from genoaudit.report.terminal import print_plan

    plan = plan_config(settings, options)
    if as_json:
        typer.echo(json.dumps(plan, indent=2, sort_keys=True))
    else:
        print_plan(plan)


def _print_sweep_plan(settings: SweepConfig, options: RunOptions, *, as_json: bool) -> None:
    from genoaudit.report.sweep_terminal import print_sweep_plan
    from genoaudit.sweep import most_tuned, plan_sweep

    rows = plan_sweep(settings, options)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        print_sweep_plan(rows, matching=most_tuned(settings))


def _finish(result: AuditResult, out: Path, *, show_ids: bool, as_json: bool) -> None:
    from genoaudit.report.terminal import print_result

    written = result.save(out, show_ids=show_ids)
    if as_json:
        typer.echo(result.report.to_json(), nl=False)
    else:
        print_result(result.report, written)


def _usage(error: Any) -> str:
    """Say in one line what is wrong with the arguments; without any, how the command is used."""
    said = error.format_message()
    if "\n" in said:
        return str(said)
    command = "genoaudit" if error.ctx is None else error.ctx.command_path
    return f"genoaudit: {said.rstrip('.')}. Try '{command} --help'."


# In the order of a story: look, prepare, measure, understand, decide; then what there is.
for command in (
    *(demo, validate, train, audit, sweep, reconstruct, bounds, calibrate),
    *(report, gate, policy, verify, attacks, mitigations, schema),
):
    app.command()(command)


def _say(message: str) -> None:
    """Write an error; what it quotes of files cannot steer the terminal."""
    from genoaudit.phrases import printable

    typer.echo("genoaudit: " + "\n".join(map(printable, message.split("\n"))), err=True)


def _terminated(signal_number: int, _frame: object) -> None:
    # Leave the ordinary way, so that worker processes are ended and scratch files removed.
    raise SystemExit(128 + signal_number)


def main() -> None:
    """Run the command line with the exit codes that pipelines rely on."""
    logging.basicConfig(level=logging.WARNING, format="genoaudit: %(message)s", stream=sys.stderr)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        sys.exit(app(standalone_mode=False))
    except USAGE_ERROR as error:
        typer.echo(_usage(error), err=True)
        sys.exit(EXIT_USAGE)
    except GenoauditError as error:
        _say(str(error))
        sys.exit(EXIT_INPUT)
    except OSError as error:  # a file or folder that the user named
        _say(f"{error.filename or 'output'}: {error.strerror or error}.")
        sys.exit(EXIT_INPUT)
