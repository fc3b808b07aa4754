"""``python -m genoaudit``."""

from genoaudit.cli import main

if __name__ == "__main__":
    main()
