"""Which counts of patients may be shown, so that none of the others can be worked out.

A value of a variable (a class, a site) may be shown if at least `MINIMUM` of its patients were members and as many were
non-members, of every model. What is not shown could still follow from what is: from the total, or from another variable
that nests in this one (the hospitals of a region). So more is hidden, the smallest first, until an attacker is left
guessing who is taken to know

- the number of patients, and for one given model that of its members, exactly;
- the count of every value that is shown exactly: rounding protects further, it is not relied on;
- which values there are, the hidden ones too, and which combinations of values occur in nobody, so that all nesting is
  known.

Then, by linear programmes over the counts of all combinations of values,

- the hidden values of a variable, taken together, are as large as a value that may be shown, and
- every hidden value, and every combination of two values (a hidden remainder counts as one) that is too small to be
  shown by itself, can be as little as one number and as much as another that are `PROTECTION` or more apart.

That is protection from arithmetic. An attacker who replays this rule on every cohort that fits what is shown may narrow
hidden counts further, as with any suppression whose rule is known, and so may the decision of a policy that limits the
most exposed group, if it fails and every group that is shown would not. A large hidden count may follow exactly where
the small ones beside it do not.

The programmes allow fractions of a patient. Of two variables their limits are those of whole numbers (it is a transport
problem); of more, a test solves for whole numbers and finds nothing narrower than `PROTECTION`.

It is complementary suppression after Fischetti and Salazar (Management Science 2001) with sliding protection levels,
greedy where theirs is optimal. Where nothing is left to hide, a count is protected by the total alone.

Counts are rounded at random to a multiple of `BASE`, which hinders the comparison of two summaries: a count that rounds
to the nearest tells of one patient more or less whenever that moves it over an edge. The draw belongs to the set of
patients (the cell keys of Fraser and Wooton, UNECE/Eurostat work session on statistical data confidentiality 2005): the
same set is rounded the same way wherever it appears in a run, so that nothing can be averaged out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, FloatArray, IntArray

MINIMUM = 10
"""Fewest members, and fewest non-members, of what is shown."""
PROTECTION = 10
"""How far the least and the most that a hidden count may be lie apart."""
BASE = 5
"""What counts are rounded to a multiple of."""

_ZERO = 1e-7


def large_enough(own: BoolArray, members: BoolArray) -> bool:
    """Whether some patients are enough to be shown: members and non-members of every model.

    Parameters
    ----------
    own
        Which patients; [patients].
    members
        Membership; [models, patients].

    Examples
    --------
    >>> members = np.tile([True, False], (1, 10))
    >>> large_enough(np.ones(20, dtype=bool), members), large_enough(np.arange(20) > 0, members)
    (True, False)
    """
    inside = members[:, own].sum(axis=1)
    return bool(inside.min() >= MINIMUM and own.sum() - inside.max() >= MINIMUM)


def values_to_show(
    groups: Mapping[str, NDArray[np.str_]], members: BoolArray, *, protection: int = PROTECTION
) -> dict[str, tuple[str, ...]]:
    """Choose the values of every variable whose counts may be shown together.

    Parameters
    ----------
    groups
        Each patient's value of every variable; text [patients] by variable.
    members
        Membership; [models, patients]. One row is one given model, the number of whose members is shown too.
    protection
        How far the limits of hidden counts must lie apart.

    Returns
    -------
    For every variable the values to show, sorted; none where too much would follow from them.

    Examples
    --------
    >>> site = np.array(["A"] * 60 + ["B"] * 30 + ["C"] * 26 + ["D"] * 4)
    >>> values_to_show({"site": site}, np.tile([True, False], (1, 60)))
    {'site': ('A', 'B')}
    """
    if not groups:
        return {}
    crossed = _Crossed.of(groups, members)
    known = _Known(crossed, protection)
    while (value := known.next_to_hide()) is not None:
        known.hide(value)
    shown = [name for name, hidden in zip(crossed.names, known.hidden, strict=True) if not hidden]
    return {variable: tuple(sorted(value for of, value in shown if of == variable)) for variable in groups}


def record_keys(names: Iterable[str]) -> NDArray[np.uint64]:
    """Give every patient a number that decides, with those of others, how a count is rounded.

    Parameters
    ----------
    names
        One text per patient that nobody outside knows or can guess for all of them.

    Returns
    -------
    Uniform 64-bit numbers; [patients].
    """
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def rounded_count(own: BoolArray, keys: NDArray[np.uint64]) -> int:
    """Count some patients, rounded to one of the two nearest multiples of `BASE`; on average it is the count.

    Parameters
    ----------
    own
        Which patients; [patients].
    keys
        Theirs and everybody's, see `record_keys`; [patients].

    Examples
    --------
    >>> keys = record_keys(f"P{i}" for i in range(40))
    >>> {rounded_count(np.arange(40) != i, keys) for i in range(40)} == {35, 40}
    True
    """
    whole, rest = divmod(int(own.sum()), BASE)
    drawn = int(keys[own].sum(dtype=np.uint64)) / 2**64
    return BASE * (whole + (drawn < rest / BASE))


@dataclass(frozen=True, eq=False)
class _Crossed:
    """Patients by all variables at once.

    Parameters
    ----------
    names
        Variable and value of every row of `own`.
    own
        Which combinations have the value; [values, combinations]. Combinations that nobody has are not there.
    patients
        How many patients have the combination; [combinations].
    members
        How many of them are members of each model; [models, combinations].
    """

    names: tuple[tuple[str, str], ...]
    own: BoolArray
    patients: IntArray
    members: IntArray

    @classmethod
    def of(cls, groups: Mapping[str, NDArray[np.str_]], members: BoolArray) -> _Crossed:
        columns = [np.unique(values, return_inverse=True) for values in groups.values()]
        codes = [inverse for _, inverse in columns]
        # Of one given model it is known how many were members, so they are kept apart.
        codes.append(members[0].astype(np.intp) if len(members) == 1 else np.zeros(members.shape[1], dtype=np.intp))
        occurring, combination = np.unique(np.column_stack(codes), axis=0, return_inverse=True)
        order = np.argsort(combination, kind="stable")
        starts = np.searchsorted(combination[order], np.arange(len(occurring)))
        rows = [
            (variable, str(value), occurring[:, column] == code)
            for column, (variable, (values, _)) in enumerate(zip(groups, columns, strict=True))
            for code, value in enumerate(values)
        ]
        return cls(
            names=tuple((variable, value) for variable, value, _ in rows),
            own=np.array([own for _, _, own in rows]),
            patients=np.bincount(combination),
            members=np.add.reduceat(members[:, order].astype(np.intp), starts, axis=1),
        )

    def large_enough(self, cells: BoolArray) -> BoolArray:
        """Whether each set of combinations may be shown; cells [sets, combinations]."""
        sets = cells.T.astype(np.float64)
        inside = self.members @ sets
        outside = self.patients @ sets - inside
        return np.asarray((inside.min(axis=0) >= MINIMUM) & (outside.min(axis=0) >= MINIMUM))

    @property
    def totals(self) -> BoolArray:
        """What is known beside the values: of everybody, and of one given model's members; [sets, combinations]."""
        everybody = np.ones((1, self.patients.size), dtype=bool)
        return everybody if len(self.members) > 1 else np.vstack([everybody, self.members > 0])


@dataclass(eq=False)
class _Known:
    """What an attacker knows while some values are hidden, and the limits of what they can work out.

    Every solution of a programme is a table that agrees with all that is shown: what it says of a count widens that
    count's limits, and goes on to do so when more is hidden.
    """

    crossed: _Crossed
    protection: int
    hidden: BoolArray = field(init=False)
    limits: dict[bytes, tuple[float, float]] = field(default_factory=dict)
    settled: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.hidden = ~self.crossed.large_enough(self.crossed.own)

    def hide(self, value: int) -> None:
        """Show a value no longer."""
        self.hidden[value] = True

    def next_to_hide(self) -> int | None:
        """Return the value to hide next, or None if everything is protected."""
        return value if (value := self._beside_a_small_remainder()) is not None else self._beside_a_narrow_cell()

    def _beside_a_small_remainder(self) -> int | None:
        for rows in self._variables():
            hidden = rows[self.hidden[rows]]
            shown = rows[~self.hidden[rows]]
            if hidden.size and shown.size and not self.crossed.large_enough(self._union(hidden))[0]:
                return self._smallest(shown)
        return None

    def _beside_a_narrow_cell(self) -> int | None:
        cells = self._cells()
        keys = [cell.tobytes() for cell in cells]
        self._widen(dict(zip(keys, cells, strict=True)))
        for key, cell in zip(keys, cells, strict=True):
            if self._is_narrow(key):
                pinning = self._what_pins(cell)
                if pinning.size:
                    return self._smallest(pinning)
                self.settled.add(key)
        return None

    def _variables(self) -> list[IntArray]:
        variables = [variable for variable, _ in self.crossed.names]
        return [np.flatnonzero([name == wanted for name in variables]) for wanted in dict.fromkeys(variables)]

    def _union(self, rows: IntArray) -> BoolArray:
        return np.asarray(self.crossed.own[rows].any(axis=0, keepdims=True))

    def _smallest(self, rows: IntArray) -> int:
        return int(rows[np.argmin(self.crossed.own[rows] @ self.crossed.patients)])

    def _cells(self) -> BoolArray:
        """List what must not be worked out: hidden values, and small combinations of two values; [cells, ...]."""
        own, parts = self.crossed.own, []
        for rows in self._variables():
            hidden = rows[self.hidden[rows]]
            parts.append(np.vstack([own[rows], self._union(hidden)]) if hidden.size > 1 else own[rows])
        cells = [own[self.hidden]]
        for first, second in combinations(parts, 2):
            cells += [first & row for row in second]
        every = np.unique(np.vstack(cells), axis=0)
        return every[every.any(axis=1) & ~self.crossed.large_enough(every)]

    def _is_narrow(self, key: bytes) -> bool:
        low, high = self.limits[key]
        return high - low < self.protection - _ZERO and key not in self.settled

    def _widen(self, cells: Mapping[bytes, BoolArray]) -> None:
        """Look for tables in which narrow counts are far from what they are: all of them at once, then one by one."""
        for key, cell in cells.items():
            count = float(self.crossed.patients[cell].sum())
            self.limits.setdefault(key, (count, count))
        narrow = [key for key in cells if self._is_narrow(key)]
        left = len(narrow) + 1
        while 0 < len(narrow) < left:
            left = len(narrow)
            together = np.array([cells[key] for key in narrow]).sum(axis=0, dtype=np.float64)
            self._learn(self._most(together)[0], cells)
            narrow = [key for key in narrow if self._is_narrow(key)]
        for key in narrow:
            for objective in (cells[key].astype(np.float64), -cells[key].astype(np.float64)):
                if self._is_narrow(key):
                    self._learn(self._most(objective)[0], cells)

    def _learn(self, table: FloatArray, cells: Mapping[bytes, BoolArray]) -> None:
        for key, cell in cells.items():
            low, high = self.limits[key]
            count = float(table[cell].sum())
            self.limits[key] = min(low, count), max(high, count)

    def _most(self, objective: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Find the table with the largest objective among those that agree with all that is known.

        Returns
        -------
        The table, [combinations], and by how much its objective would rise with the count of each value that is shown:
        0 for those that play no part in the limit, [shown values].
        """
        from scipy.optimize import linprog

        crossed = self.crossed
        shown = crossed.own[~self.hidden]
        known = np.vstack([shown, crossed.totals])
        # Every hidden value is somebody's; so are all together, which keeps this from being empty.
        somebody = np.vstack([crossed.own[self.hidden], crossed.totals[:1]])
        found = linprog(
            -objective,
            A_eq=known.astype(np.float64),
            b_eq=known @ crossed.patients,
            A_ub=-somebody.astype(np.float64),
            b_ub=-np.ones(len(somebody)),
        )
        if found.x is None:  # the true table agrees with everything, so there is a solution
            raise AssertionError(found.message)
        return found.x, found.eqlin.marginals[: len(shown)]

    def _what_pins(self, cell: BoolArray) -> IntArray:
        """Return the shown values that limit a count from above, or else from below.

        As long as all values with a price in the dual programme are shown, the dual proves the same limit.
        """
        shown = np.flatnonzero(~self.hidden)
        for sign in (1.0, -1.0):  # a small count has more room above it
            _, prices = self._most(sign * cell.astype(np.float64))
            pinning = shown[np.abs(prices) > _ZERO]
            if pinning.size:
                return pinning
        return shown[:0]
