"""Read a model with XGBoost and write it again, in a process of its own: malformed files end the process that reads.

Bytes come in on standard input; the model goes out as JSON on standard output. Run as a file, it imports nothing of
this package.
"""

from __future__ import annotations

import os
import sys

SAID_NO = 3
"""Exit code where XGBoost refused the model, as it does with most that are damaged."""


def main() -> None:
    """Read, write, done."""
    out = os.dup(1)
    os.dup2(2, 1)  # XGBoost prints
    content = sys.stdin.buffer.read()
    import xgboost

    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(content))
        written = bytes(booster.save_raw("json"))
    except (xgboost.core.XGBoostError, UnicodeDecodeError, MemoryError):
        sys.exit(SAID_NO)
    with os.fdopen(out, "wb") as file:
        file.write(written)


if __name__ == "__main__":
    main()
