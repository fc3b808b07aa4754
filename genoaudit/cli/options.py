"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Config = Annotated[Path, typer.Argument(help="The audit's TOML file.", show_default=False)]
Out = Annotated[Path, typer.Option(help="Folder to write the run to; an earlier run there is replaced.")]


def _models(text: str) -> int | str:
    if text != "auto" and not (text.isdecimal() and int(text) >= 4):
        msg = f"{text} is neither a whole number of at least 4 nor auto."
        raise typer.BadParameter(msg)
    return text if text == "auto" else int(text)


Models = Annotated[
    Any,
    typer.Option(
        help="Number of models, or auto; overrides the configuration.",
        metavar="N|auto",
        show_default=False,
        parser=_models,
    ),
]
Seed = Annotated[int | None, typer.Option(help="Seed; overrides the configuration.", min=0)]
Threads = Annotated[
    int | None, typer.Option(help="Processes to train in, one thread each. [default: the cores there are]", min=1)
]
CacheDir = Annotated[
    Path | None,
    typer.Option(help="Folder for finished models. [default: .genoaudit-cache beside --out]", show_default=False),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Train every model anew.")]
ShowIds = Annotated[bool, typer.Option("--show-ids", help="Name patients in report.html instead of pseudonyms.")]
Replay = Annotated[
    bool,
    typer.Option(
        "--replay", help="Pseudonyms from the seed, so that equal audits give equal bytes: to check, not to share."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


Engine = Annotated[
    str, typer.Option(help="auto | gram (exact, by samples) | stacked (exact, by genes) | processes (as it is).")
]
Backend = Annotated[str, typer.Option(help="Where models are trained: local | dask.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of a running Dask scheduler, for --backend dask.", show_default=False)
]
Device = Annotated[str, typer.Option(help="Where gram and stacked compute: cpu | cuda.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan with time and memory; train nothing.")]
SelfTest = Annotated[
    bool, typer.Option("--self-test", help="Audit an invented membership too, in which nothing may be found.")
]
Only = Annotated[
    str | None,
    typer.Option(
        metavar="A:B", help="Train models A to B-1 into the cache and stop, for workflow engines.", show_default=False
    ),
]
Policy = Annotated[
    str | None,
    typer.Option(
        help="TOML file or name of a policy; its verdict goes into the report. Names: genoaudit policy.",
        show_default=False,
    ),
]
Fail = Annotated[bool, typer.Option("--fail", help="End with exit code 4 or 5 where --policy does not say release.")]
Sign = Annotated[
    Path | None,
    typer.Option(
        help="Sign the verdict with this Ed25519 key (PEM) into certificate.json. Make one with: openssl genpkey "
        "-algorithm ed25519 -aes256 -out key.pem; openssl pkey -in key.pem -pubout -out public.pem",
        metavar="KEY.pem",
        show_default=False,
    ),
]
PassphraseEnv = Annotated[
    str | None,
    typer.Option(
        help="Environment variable that holds the key's passphrase. [default: ask for it]",
        metavar="NAME",
        show_default=False,
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(help="File or folder of the model. [default: where the run says it was]", show_default=False),
]
