"""The commands that list what there is: attacks, protections, schemas."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from genoaudit.cli.options import AsJson


def attacks(
    reconstruction: Annotated[
        bool, typer.Option("--reconstruction", help="The attacks on expression profiles, not those on membership.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the attacks: what each sees and needs, what it costs, where it comes from, what it is blind to."""
    if reconstruction:
        from genoaudit.reconstruct import threats
        from genoaudit.report.reconstruct_terminal import print_threats

        found = threats()
        if as_json:
            typer.echo(json.dumps([threat.model_dump() for threat in found], indent=2))
        else:
            print_threats(found)
        return
    from genoaudit.attacks.catalogue import CATALOGUE, COMBINATIONS, attack_records
    from genoaudit.report.terminal import print_attacks

    if as_json:
        typer.echo(json.dumps(attack_records(), indent=2))
    else:
        print_attacks((*CATALOGUE.values(), *COMBINATIONS.values()))


def mitigations(as_json: AsJson = False) -> None:
    """List the protections: against what, at what cost, and what they are known not to stop."""
    from genoaudit.mitigations.catalogue import CATALOGUE, mitigation_records
    from genoaudit.report.mitigations_table import print_mitigations

    if as_json:
        typer.echo(json.dumps(mitigation_records(), indent=2))
    else:
        print_mitigations(tuple(CATALOGUE.values()))


def schema(
    name: Annotated[str | None, typer.Argument(help="Which schema; without it, the names.", show_default=False)] = None,
) -> None:
    """Print a JSON Schema of what genoaudit reads and writes."""
    from genoaudit.report.schemas import SCHEMAS, schema_text

    typer.echo("\n".join(sorted(SCHEMAS)) if name is None else schema_text(name), nl=name is None)
