"""What a test needs and a machine may lack: a skip with a reason, or a failure where the need is declared."""

import os

import pytest

VARIABLE = "GENOAUDIT_REQUIRE"


def lacking(need, reason):
    """Skip a test for want of `need`, or fail it where the variable lists `need` (comma-separated)."""
    required = [name.strip() for name in os.environ.get(VARIABLE, "").split(",")]
    if need in required:
        pytest.fail(f"{VARIABLE} asks for {need}, but {reason}", pytrace=False)
    pytest.skip(f"{reason} ({VARIABLE}={need} makes this a failure)")
