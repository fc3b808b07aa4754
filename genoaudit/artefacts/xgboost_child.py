"""Read a model with XGBoost and write it again, in a process of its own: malformed files end the process that reads.

Bytes come in on standard input; the model goes out as JSON on standard output. Exit code 1: XGBoost said no.
"""

from __future__ import annotations

import os
import sys


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
        sys.exit(1)
    with os.fdopen(out, "wb") as file:
        file.write(written)


if __name__ == "__main__":
    main()
