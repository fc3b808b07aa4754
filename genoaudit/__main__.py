"""``python -m genoaudit``."""

from genoaudit.cli.app import main

if __name__ == "__main__":
    main()
