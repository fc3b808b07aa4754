"""What checking a certificate came to, in the terminal."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from genoaudit.phrases import printable
from genoaudit.report.terminal import stdout_console
from genoaudit.report.verification import Verification

_STYLES = {"agrees": "green", "differs": "bold red", "not checked": "yellow"}


def print_verification(verification: Verification) -> None:
    """Print the verdict that was signed, then a line for everything that the certificate names."""
    console = stdout_console()
    certificate = verification.certificate
    if certificate is not None:
        console.print(f"Signed verdict: {certificate.decision}.", style="bold")
        console.print(
            f"By the policy '{printable(certificate.policy.name)}' on {certificate.signed_on}, genoaudit "
            f"{certificate.genoaudit_version}, key {verification.key[:16]}. Model: {_MODEL[certificate.model]}."
        )
        console.print()
    for check in verification.checks:
        line = Text(f"{check.outcome:<12}", style=_STYLES[check.outcome])
        line.append(printable(check.name), style="default")
        line.append(f": {printable(check.why)}" if check.why else "", style="default")
        console.print(line, soft_wrap=True)
    console.print()
    console.print(_summary(verification), style="bold", soft_wrap=True)


_MODEL = {
    "audited": "these bytes were audited",
    "stated": "the signer states that it belongs to the audit",
    "none": "none, the audit is of a recipe or of scores",
}


def verification_record(verification: Verification) -> dict[str, Any]:
    """Return the same for ``--json``."""
    certificate = verification.certificate
    return {
        "certificate": None if certificate is None else certificate.model_dump(mode="json"),
        "key": verification.key,
        "checks": [{"name": check.name, "outcome": check.outcome, "why": check.why} for check in verification.checks],
    }


def _summary(verification: Verification) -> str:
    differing, unchecked = len(verification.differing), len(verification.unchecked)
    if verification.certificate is None:
        return "The certificate does not hold, so nothing that it says counts."
    rest = "" if not unchecked else f" {unchecked} not checked."
    if differing:
        return f"{differing} of {len(verification.checks)} differ from what was signed.{rest}"
    return f"What was compared is as it was signed.{rest}"
