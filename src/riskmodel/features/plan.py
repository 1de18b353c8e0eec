"""Columns as the flat arrays that the kernel follows: which event is gathered into which cells, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.errors import DataError
from riskmodel.features import kernel as k
from riskmodel.features.columns import Column
from riskmodel.features.spec import AGGREGATIONS, OF_SPELLS
from riskmodel.features.windows import EVER, Window
from riskmodel.tables.catalogue import Catalogue

_COUNTS = (k.EVENTS, k.VALUES, k.DATED)
_SUMS = (k.TOTAL, k.TREND_Y, k.TREND_X, k.TREND_XX, k.TREND_XY)

# The cells of each aggregation, in the order in which the kernel expects them.
_CELLS: dict[str, tuple[int, ...]] = {
    "count": (k.EVENTS,),
    "any": (k.EVENTS,),
    "days_since_last": (k.LAST_DAY,),
    "days_since_first": (k.FIRST_DAY,),
    "sum": (k.EVENTS, k.VALUES, k.TOTAL),
    "mean": (k.VALUES, k.TOTAL),
    "max": (k.LARGEST,),
    "min": (k.SMALLEST,),
    "last": (k.NEWEST,),
    "trend": (k.DATED, k.TREND_Y, k.TREND_X, k.TREND_XX, k.TREND_XY),
    "ratio": (k.EVENTS, k.VALUES, k.TOTAL),
}
_MOST_CELLS = 5
_EVER = Window(EVER)

# Somebody's source of events: a code, and the agency that recorded it.
Source = tuple[str, str]
# What a cell reads: positions of sources, and the range of values.
Reads = tuple[tuple[int, ...], float | None, float | None]
Use = tuple[int, int, int, int, float | None, float | None]


def compile_plan(
    columns: Sequence[Column], *, sources: Sequence[Source], agencies: Sequence[str], catalogue: Catalogue
) -> k.Plan:
    """Return the columns as arrays over the dictionary of an event log.

    Parameters
    ----------
    columns : sequence of Column
    sources : sequence of (str, str)
        Codes and the agencies that recorded them, as the events number them.
    agencies : sequence of str
        The dictionary of the observation's agencies.
    catalogue : Catalogue

    Raises
    ------
    DataError
        If a pattern selects a code of the log that the catalogue does not describe.
    """
    parts = _Parts(sources=sources, agencies=agencies)
    for column in columns:
        parts.add(column)
    _check_described({sources[use[0]][0] for use in parts.uses}, catalogue)
    return parts.plan()


def ages_of(columns: Iterable[Column]) -> tuple[int, ...]:
    """Return every birthday that some column needs, the day of birth first; empty if none does."""
    windows = [column.window for column in columns]
    ages = {age for w in windows for age in (w.from_age, w.to_age, w.lapse_age) if age is not None}
    return tuple(sorted({0, *ages})) if ages else ()


@dataclass
class _Parts:
    """Lists that grow column by column; equal cells, windows, checks and needs stand once."""

    sources: Sequence[Source]
    agencies: Sequence[str]
    columns: list[Column] = field(default_factory=list)
    windows: dict[Window, int] = field(default_factory=dict)
    counts: dict[object, int] = field(default_factory=dict)
    sums: dict[object, int] = field(default_factory=dict)
    tops: dict[object, int] = field(default_factory=dict)
    spells: dict[object, int] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    cells: list[list[int]] = field(default_factory=list)
    parts: list[list[int]] = field(default_factory=list)
    spell_of: dict[int, int] = field(default_factory=dict)
    fitting: dict[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    needs: list[tuple[tuple[str, int, float], ...]] = field(default_factory=list)

    def add(self, column: Column) -> None:
        """Add what one column needs."""
        window = self._window(column.window)
        cells, parts = [k.NONE] * _MOST_CELLS, []
        if column.aggregation in OF_SPELLS:
            self.spell_of[len(self.columns)] = self._spell(column)
        elif column.aggregation == "distinct":
            parts = self._kinds(column, window)
        else:
            reads = self._reads(column.events, column)
            wanted = [self._cell(gathers, reads, window) for gathers in _CELLS[column.aggregation]]
            if column.aggregation == "ratio":
                below = (*self._reads(column.denominator, column)[:1], None, None)
                wanted.append(self._cell(k.TOTAL, below, window))
            cells[: len(wanted)] = wanted
        share = 0.0 if column.window.lasting else column.min_observed
        self.needs.append(tuple(sorted((agency, window, share) for agency in column.observed_by)))
        self.columns.append(column)
        self.cells.append(cells)
        self.parts.append(parts)

    def _window(self, window: Window) -> int:
        # Windows that differ in name or lapse only have the same bounds.
        same = Window(
            EVER if window.lasting and window.far is None else "",
            window.far,
            window.near,
            window.from_age,
            window.to_age,
        )
        return self.windows.setdefault(same, len(self.windows))

    def _reads(self, patterns: Sequence[str], column: Column) -> Reads:
        by = column.recorded_by
        fitting = self._fitting(tuple(patterns))
        chosen = tuple(i for i in fitting if not by or self.sources[i][1] in by)
        return chosen, column.value_least, column.value_below

    def _fitting(self, patterns: tuple[str, ...]) -> tuple[int, ...]:
        if patterns not in self.fitting:
            self.fitting[patterns] = tuple(
                i for i, (code, _) in enumerate(self.sources) if any(fnmatchcase(code, p) for p in patterns)
            )
        return self.fitting[patterns]

    def _cell(self, gathers: int, reads: Reads, window: int) -> int:
        kind = self.counts if gathers in _COUNTS else self.sums if gathers in _SUMS else self.tops
        key = (gathers, reads, window)
        if key not in kind:
            kind[key] = len(kind)
            self.uses += [(source, window, gathers, kind[key], *reads[1:]) for source in reads[0]]
        return kind[key]

    def _kinds(self, column: Column, window: int) -> list[int]:
        chosen, least, below = self._reads(column.events, column)
        kinds: dict[str, list[int]] = {}
        for source in chosen:
            kinds.setdefault(self.sources[source][0], []).append(source)
        return [self._cell(k.EVENTS, (tuple(kind), least, below), window) for kind in kinds.values()]

    def _spell(self, column: Column) -> int:
        begins, ends = (self._reads(patterns, column)[0] for patterns in (column.start, column.end))
        if (begins, ends) not in self.spells:
            kind = self.spells[begins, ends] = len(self.spells)
            ever = self._window(_EVER)
            for gathers, chosen in ((k.BEGINS, begins), (k.ENDS, ends)):
                self.uses += [(source, ever, gathers, kind, None, None) for source in chosen]
        return self.spells[begins, ends]

    def plan(self) -> k.Plan:
        """Return everything as arrays."""
        ages = ages_of(self.columns)
        spells = sorted(self.spell_of, key=lambda column: (self.spell_of[column], column))
        for place, column in enumerate(spells):
            self.cells[column][0] = place
        return k.Plan(
            **self._use_arrays(),
            **self._window_arrays(ages),
            **self._need_arrays(),
            aggregation=ints([AGGREGATIONS.index(c.aggregation) for c in self.columns]),
            window=ints([self._window(c.window) for c in self.columns]),
            cells=frozen(np.array(self.cells, dtype=np.int32).reshape(-1, _MOST_CELLS)),
            part_from=_starts(self.parts),
            part_cell=ints([cell for part in self.parts for cell in part]),
            complement=frozen(np.array([c.complement for c in self.columns], dtype=np.bool_)),
            by_birth=frozen(np.array([c.window.by_birth for c in self.columns], dtype=np.bool_)),
            lapse_age=ints([_place(ages, c.window.lapse_age) for c in self.columns]),
            spell_from=longs(
                np.searchsorted([self.spell_of[c] for c in spells], range(len(self.spells) + 1))
            ),
            spell_column=ints(spells),
            sizes=longs([len(self.counts), len(self.sums), len(self.tops), len(self.spells)]),
        )

    def _use_arrays(self) -> dict[str, npt.NDArray[Any]]:
        uses = sorted(self.uses, key=lambda use: use[:4])
        groups = sorted({use[:2] for use in uses})
        place = {group: i for i, group in enumerate(groups)}
        first = np.searchsorted([place[use[:2]] for use in uses], range(len(groups) + 1))
        inf = float("inf")
        return {
            "group_from": longs(np.searchsorted([g[0] for g in groups], range(len(self.sources) + 1))),
            "group_window": ints([g[1] for g in groups]),
            "use_from": longs(first),
            "use_gathers": ints([use[2] for use in uses]),
            "use_cell": ints([use[3] for use in uses]),
            "use_ranged": frozen(np.array([use[4:] != (None, None) for use in uses], dtype=np.bool_)),
            "use_least": _float32s([-inf if use[4] is None else use[4] for use in uses]),
            "use_below": _float32s([inf if use[5] is None else use[5] for use in uses]),
        }

    def _window_arrays(self, ages: tuple[int, ...]) -> dict[str, npt.NDArray[Any]]:
        return {
            "window_far": ints([k.NONE if w.far is None else w.far for w in self.windows]),
            "window_near": ints([w.near for w in self.windows]),
            "window_from_age": ints([_place(ages, w.from_age) for w in self.windows]),
            "window_to_age": ints([_place(ages, w.to_age) for w in self.windows]),
            "window_dated": frozen(np.array([w.dated for w in self.windows], dtype=np.bool_)),
        }

    def _need_arrays(self) -> dict[str, npt.NDArray[Any]]:
        # An agency that observed nobody at all has checks that nothing passes.
        asked = [check[0] for need in self.needs for check in need]
        order = {agency: i for i, agency in enumerate(dict.fromkeys([*self.agencies, *asked]))}
        checks = sorted({c for need in self.needs for c in need}, key=lambda c: (order[c[0]], c[1:]))
        needs = [need for need in dict.fromkeys(self.needs) if need]
        return {
            "need": ints([needs.index(need) if need else k.NONE for need in self.needs]),
            "need_from": _starts(needs),
            "need_check": ints([checks.index(check) for need in needs for check in need]),
            "check_from": longs(np.searchsorted([order[c[0]] for c in checks], range(len(order) + 1))),
            "check_window": ints([window for _, window, _ in checks]),
            "check_share": frozen(np.array([share for _, _, share in checks], dtype=np.float64)),
        }


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a read-only view: the kernel is compiled once, for read-only arrays."""
    view = array.view()
    view.flags.writeable = False
    return view


def ints(values: object) -> npt.NDArray[Any]:
    """Return read-only int32."""
    return frozen(np.ascontiguousarray(values, dtype=np.int32))


def longs(values: object) -> npt.NDArray[Any]:
    """Return read-only int64."""
    return frozen(np.ascontiguousarray(values, dtype=np.int64))


def _float32s(values: object) -> npt.NDArray[Any]:
    return frozen(np.ascontiguousarray(values, dtype=np.float32))


def _starts(lists: Sequence[Sequence[object]]) -> npt.NDArray[Any]:
    return longs(list(accumulate((len(one) for one in lists), initial=0)))


def _place(ages: tuple[int, ...], age: int | None) -> int:
    return k.NONE if age is None else ages.index(age)


def _check_described(codes: set[str], catalogue: Catalogue) -> None:
    unknown = sorted(code for code in codes if not catalogue.knows(code))
    if unknown:
        raise DataError(
            expected="every code that a feature reads to be described in the code catalogue",
            found=", ".join(unknown),
            where="the event log",
            next_step="Describe them in a file named under features.catalogue, or narrow the feature's pattern.",
        )
