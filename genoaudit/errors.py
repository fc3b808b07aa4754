"""Everything genoaudit raises on purpose.

::

    GenoauditError              catch this one
    ├── DataError               the cohort or a file of it; carries every problem found, not only the first
    ├── ConfigError             the configuration or an argument
    ├── ArtefactError           a model's files that cannot be trusted, read or written
    └── TrainingError           a recipe that cannot be trained, or that trained into nonsense

The command line turns each into exit code 3 and one message; any other exception is our bug (exit code 1). Messages
name rows and columns by number, never a patient's identifier.
"""

from __future__ import annotations

from collections.abc import Sequence


class GenoauditError(Exception):
    """Root of the tree: something that the person in front of the screen can mend."""


class DataError(GenoauditError):
    """A cohort that cannot be audited as it is.

    Parameters
    ----------
    source
        What was read: a file name, or ``"AnnData object"``.
    problems
        Every problem found, each a sentence that says what, where (row and column numbers) and what to do.

    Examples
    --------
    >>> print(DataError("brca.csv", ["3 values are missing (first: row 4, column 'TP53'). Fill or remove them."]))
    brca.csv: 3 values are missing (first: row 4, column 'TP53'). Fill or remove them.
    """

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            text = f"{source}: {self.problems[0]}"
        else:
            listed = "\n".join(f"  {i}. {problem}" for i, problem in enumerate(self.problems, start=1))
            text = f"{source}: {len(self.problems)} problems\n{listed}"
        super().__init__(text)

    def __reduce__(self) -> tuple[type[DataError], tuple[str, tuple[str, ...]]]:
        # Travels from worker processes with both of its parts.
        return type(self), (self.source, self.problems)


class ConfigError(GenoauditError):
    """A configuration or an argument that asks for something impossible or unknown."""


class ArtefactError(GenoauditError):
    """A model's files that are damaged, changed, foreign or unsafe to read, or a model that no safe file can hold."""


class TrainingError(GenoauditError):
    """A recipe that cannot be trained on this cohort, or whose outputs are not finite."""
