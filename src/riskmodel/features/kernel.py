"""The compiled kernel: one walk over each subject's events fills the rows of all its index dates.

An event can be read from the first index date after it happened and was known, until the window has moved past it or
a correction replaced it: a run of consecutive rows, whose ends are found by bounds that only move forward. So an event
is written twice, where its run begins and where it ends, however many rows lie between; a pass over the rows then adds
up. Late and withdrawn events are runs like any other. The cost of each aggregation is written in
docs/explanation/feature-engine.md. Sums are carried in two floats and come out as the exact sum, rounded once, so no
order of events, rows or shards shows in a result. Importing this module imports numba; nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Float32s = npt.NDArray[np.float32]

F = TypeVar("F", bound=Callable[..., Any])


_COMPILE: Any = numba.njit


def njit(function: F) -> F:
    """Compile without the interpreter's lock, and keep the compiled code on disk.

    The kernel allocates nothing, so it is compiled without counting references to arrays: that took three quarters of
    the time.
    """
    return cast("F", _COMPILE(cache=True, nogil=True, _nrt=False)(function))


def inner(function: F) -> F:
    """Compile into every caller."""
    return cast("F", _COMPILE(nogil=True, _nrt=False, forceinline=True)(function))


# Numbers of the aggregations, in the order of spec.AGGREGATIONS (a test compares them).
(
    COUNT,
    ANY,
    DISTINCT,
    SINCE_LAST,
    SINCE_FIRST,
    SUM,
    MEAN,
    MAX,
    MIN,
    LAST,
    TREND,
    SPELL_DAYS,
    IN_SPELL,
    RATIO,
    MOVES,
) = range(15)

# What a cell gathers of the events that it reads. Counts of events, of values, of dated values;
EVENTS, VALUES, DATED = range(3)
# sums of values, and of the values and days of a trend;
TOTAL, TREND_Y, TREND_X, TREND_XX, TREND_XY = range(3, 8)
# the largest of something, kept as a number that grows with it;
LAST_DAY, FIRST_DAY, LARGEST, SMALLEST, NEWEST = range(8, 13)
# and the beginnings and ends of spells.
BEGINS, ENDS = range(13, 15)

STATIC = -(2**31) + 1  # the day of a fact without a date (days.ALWAYS)
UNKNOWN = 2**31 - 1  # the birthday of somebody whose birth is not known (days.NEVER)
DAYS_A_YEAR = 365.25
NONE = -1


class Events(NamedTuple):
    """Events by subject and then day; facts without a date come first. Read-only arrays."""

    day: Ints
    known: Ints
    superseded: Ints
    code: Ints
    value: Float32s


class Watch(NamedTuple):
    """Observation, by subject, agency and start; an open end is ``days.NEVER``. Read-only arrays."""

    agency: Ints
    start: Ints
    end: Ints
    known: Ints
    superseded: Ints


class Rows(NamedTuple):
    """Cohort rows by subject and index day, and where each subject's rows, events and observation begin and end.

    ``place`` is each row's position in the matrix, ``birthday[row, i]`` its birthday number ``plan.ages[i]``.
    """

    index: Ints  # type: ignore[assignment]  # a tuple's own method of this name is not used
    place: Longs
    birthday: npt.NDArray[np.int32]
    row_from: Longs
    event_from: Longs
    event_to: Longs
    watch_from: Longs
    watch_to: Longs


class Plan(NamedTuple):
    """Columns as flat arrays.

    A code has groups (``group_from[code]:group_from[code + 1]``), one for each window that reads it, and a group has
    uses (``use_from``), one for each cell that gathers something of the event. ``window_*`` are the bounds: days back
    from the index date, or positions in the ages; -1 where there is none. A check asks whether an agency observed
    enough of a window: ``check_from`` gives each agency's checks; ``need_from`` and ``need_check`` the checks that all
    must pass before nothing may count as zero; ``need`` each column's needs. ``cells`` are what a column is made of,
    ``part_*`` the cells of a distinct count, ``spell_*`` the spell columns of each kind of spell.
    """

    group_from: Longs
    group_window: Ints
    use_from: Longs
    use_gathers: Ints
    use_cell: Ints
    use_ranged: Flags
    use_least: Float32s
    use_below: Float32s
    window_far: Ints
    window_near: Ints
    window_from_age: Ints
    window_to_age: Ints
    window_dated: Flags
    aggregation: Ints
    window: Ints
    cells: npt.NDArray[np.int32]
    part_from: Longs
    part_cell: Ints
    complement: Flags
    by_birth: Flags
    lapse_age: Ints
    need: Ints
    need_from: Longs
    need_check: Ints
    check_from: Longs
    check_window: Ints
    check_share: Floats
    spell_from: Longs
    spell_column: Ints
    sizes: Longs  # number of count, sum and largest cells, and of kinds of spells


class Work(NamedTuple):
    """What the walk writes for one subject; rows are numbered from the subject's first."""

    low: npt.NDArray[np.int32]
    high: npt.NDArray[np.int32]
    ahead: Longs
    behind: Longs
    counts: npt.NDArray[np.int64]
    sums: npt.NDArray[np.float64]
    tops: npt.NDArray[np.float64]
    counted: Flags
    summed: Flags
    topped: Flags
    unseen: npt.NDArray[np.bool_]
    blind: Flags
    watched: Longs
    reached: Longs
    passed: Flags
    spells: Longs  # how many beginnings and ends each kind of spell has
    spell_day: npt.NDArray[np.int64]
    spell_step: npt.NDArray[np.int64]
    spell_run: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int64]
    changed: Longs
    spell_value: npt.NDArray[np.float64]


# Columns of Work.nodes: a day on which spells begin or end; what stood before it, and what stands after it.
NODE_DAY, NODE_NET, NODE_BEGUN, NODE_DEPTH, NODE_OPEN, NODE_MOVES, NODE_FIELDS = range(7)


@njit
def fill(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan,
    events: Events,
    watch: Watch,
    rows: Rows,
    work: Work,
    first: int,
    stop: int,
    out: Float32s,
    base: int,
) -> None:
    """Fill the rows of the subjects ``first`` to ``stop`` of ``rows``, each at its place less ``base``."""
    for person in range(first, stop):
        _person(plan, events, watch, rows, person, work, out, base)


@njit
def compress(  # noqa: PLR0917 - compiled code takes arguments by position
    block: Float32s,
    bits: Ints,
    usual: Ints,
    where: npt.NDArray[np.uint16],
    what: Float32s,
    at: int,
    ends: Longs,
) -> int:
    """Append what is not usual in the rows of a block, and where each row ends; return how many there are.

    ``bits`` is the same block as the bits of its numbers, ``usual`` each column's usual value as bits.
    """
    for row in range(block.shape[0]):
        for column in range(block.shape[1]):
            where[at] = column
            what[at] = block[row, column]
            at += bits[row, column] != usual[column]
        ends[row] = at
    return at


def workspace(plan: Plan, rows: Rows, first: int, stop: int) -> Work:
    """Return empty cells for the subjects ``first`` to ``stop``; each thread needs its own."""
    n = _most(np.diff(rows.row_from[first : stop + 1]))
    windows, checks = len(plan.window_far), len(plan.check_window)
    many = 2 * _most(rows.event_to[first:stop] - rows.event_from[first:stop]) if plan.sizes[3] else 1
    return Work(
        low=np.zeros((windows, n), np.int32),
        high=np.zeros((windows, n), np.int32),
        ahead=np.zeros(windows, np.int64),
        behind=np.zeros(windows, np.int64),
        counts=np.zeros((plan.sizes[0], n + 1), np.int64),
        sums=np.zeros((plan.sizes[1], 2 * n + 2), np.float64),
        tops=np.full((plan.sizes[2], n.bit_length() * n), -np.inf, np.float64),
        counted=np.zeros(plan.sizes[0], np.bool_),
        summed=np.zeros(plan.sizes[1], np.bool_),
        topped=np.zeros(plan.sizes[2], np.bool_),
        unseen=np.zeros((len(plan.need_from) - 1, n), np.bool_),
        blind=np.zeros(len(plan.need_from) - 1, np.bool_),
        watched=np.zeros(checks, np.int64),
        reached=np.zeros(checks, np.int64),
        passed=np.zeros(checks, np.bool_),
        spells=np.zeros(plan.sizes[3], np.int64),
        spell_day=np.zeros((plan.sizes[3], many), np.int64),
        spell_step=np.zeros((plan.sizes[3], many), np.int64),
        spell_run=np.zeros((plan.sizes[3], 2 * many), np.int64),
        nodes=np.zeros((many + 1, NODE_FIELDS), np.int64),
        changed=np.zeros(n + 1, np.int64),
        spell_value=np.zeros((len(plan.spell_column), n), np.float64),
    )


def _most(many: Longs) -> int:
    return max(int(many.max(initial=1)), 1)


@inner
def _person(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan, events: Events, watch: Watch, rows: Rows, person: int, work: Work, out: Float32s, base: int
) -> None:
    """Fill one subject's rows; rows between which the known birth was corrected are walked apart.

    The cells are empty before and after.
    """
    start, end = rows.row_from[person], rows.row_from[person + 1]
    while start < end:
        stop = start + 1
        while stop < end and _same_birth(rows, start, stop):
            stop += 1
        _set_bounds(plan, rows, start, stop, work)
        _walk(plan, events, rows, person, start, stop, work)
        _settle(work, stop - start)
        _spells(plan, rows.index[start:stop], work)
        _look(plan, watch, rows, person, start, stop, work)
        _finish(plan, events, rows, start, stop, work, out, base)
        start = stop


@inner
def _same_birth(rows: Rows, one: int, other: int) -> bool:
    return bool(rows.birthday.shape[1] == 0 or rows.birthday[one, 0] == rows.birthday[other, 0])


@inner
def _set_bounds(plan: Plan, rows: Rows, start: int, stop: int, work: Work) -> None:
    """Set where each window begins and ends on each row; both only move forward from row to row."""
    for window in range(len(plan.window_far)):
        far, near = plan.window_far[window], plan.window_near[window]
        from_age, to_age = plan.window_from_age[window], plan.window_to_age[window]
        work.ahead[window] = 0
        work.behind[window] = 0
        for row in range(start, stop):
            low = STATIC + 1 if plan.window_dated[window] else STATIC
            high = rows.index[row] - near
            if far != NONE:
                low = rows.index[row] - far
            if from_age != NONE:
                low = rows.birthday[row, from_age]
            if to_age != NONE:
                high = min(high, rows.birthday[row, to_age])
            work.low[window, row - start] = low
            work.high[window, row - start] = high


@inner
def _walk(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan, events: Events, rows: Rows, person: int, start: int, stop: int, work: Work
) -> None:
    """Show every event to the cells that read its code, with the run of rows on which it can be read."""
    index = rows.index[start:stop]
    n, last = len(index), index[-1]
    first = _first_read(events, rows.event_from[person], rows.event_to[person], work)
    for at in range(first, rows.event_to[person]):
        day = events.day[at]
        if day >= last:
            break
        code = events.code[at]
        if plan.group_from[code] == plan.group_from[code + 1]:
            continue
        known, gone = _rows_until(index, events.known[at]), _rows_until(index, events.superseded[at])
        if known >= gone:
            continue
        for group in range(plan.group_from[code], plan.group_from[code + 1]):
            window = plan.group_window[group]
            ahead, behind = work.ahead[window], work.behind[window]
            while ahead < n and work.high[window, ahead] <= day:
                ahead += 1
            while behind < n and work.low[window, behind] <= day:
                behind += 1
            work.ahead[window], work.behind[window] = ahead, behind
            begin, end = max(ahead, known), min(behind, gone)
            if begin < end:
                _gather(plan, events, work, group, at, begin, end, last)


@inner
def _first_read(events: Events, first: int, stop: int, work: Work) -> int:
    """Return the first event that any window still reads on the first row."""
    least = UNKNOWN
    for window in range(len(work.low)):
        least = min(least, work.low[window, 0])
    while first < stop:
        middle = (first + stop) // 2
        if events.day[middle] < least:
            first = middle + 1
        else:
            stop = middle
    return first


@inner
def _rows_until(index: Ints, day: int) -> int:
    """Return how many rows have an index date up to and including a day."""
    first, stop = 0, len(index)
    if index[stop - 1] <= day:
        return stop
    while first < stop:
        middle = (first + stop) // 2
        if index[middle] <= day:
            first = middle + 1
        else:
            stop = middle
    return first


@inner
def _gather(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan, events: Events, work: Work, group: int, at: int, begin: int, end: int, origin: int
) -> None:
    value = events.value[at]
    has_value = np.isfinite(value)
    for use in range(plan.use_from[group], plan.use_from[group + 1]):
        if plan.use_ranged[use] and not plan.use_least[use] <= value < plan.use_below[use]:
            continue
        gathers, cell = plan.use_gathers[use], plan.use_cell[use]
        if gathers == EVENTS or (gathers == VALUES and has_value):
            _count(work, cell, begin, end)
        elif gathers == TOTAL and has_value:
            _sum(work, cell, begin, end, value)
        elif gathers == LARGEST and has_value:
            _top(work, cell, begin, end, value)
        elif gathers == SMALLEST and has_value:
            _top(work, cell, begin, end, -value)
        elif gathers == NEWEST and has_value:
            _top(work, cell, begin, end, at)
        elif events.day[at] != STATIC:
            _gather_dated(work, gathers, cell, events.day[at], value, begin, end, origin)


@inner
def _gather_dated(  # noqa: PLR0917 - compiled code takes arguments by position
    work: Work, gathers: int, cell: int, day: int, value: float, begin: int, end: int, origin: int
) -> None:
    """Gather what only an event with a date can give."""
    x = float(day - origin)
    if gathers == LAST_DAY:
        _top(work, cell, begin, end, day)
    elif gathers == FIRST_DAY:
        _top(work, cell, begin, end, -day)
    elif gathers >= BEGINS:
        many = work.spells[cell]
        work.spell_day[cell, many] = day
        work.spell_step[cell, many] = 1 if gathers == BEGINS else -1
        work.spell_run[cell, 2 * many], work.spell_run[cell, 2 * many + 1] = begin, end
        work.spells[cell] += 1
    elif np.isfinite(value):
        if gathers == DATED:
            _count(work, cell, begin, end)
        elif gathers == TREND_Y:
            _sum(work, cell, begin, end, value)
        elif gathers == TREND_X:
            _sum(work, cell, begin, end, x)
        elif gathers == TREND_XX:
            _sum(work, cell, begin, end, x * x)
        elif gathers == TREND_XY:
            _sum(work, cell, begin, end, x * value)


@inner
def _count(work: Work, cell: int, begin: int, end: int) -> None:
    work.counts[cell, begin] += 1
    work.counts[cell, end] -= 1
    work.counted[cell] = True


@inner
def _sum(work: Work, cell: int, begin: int, end: int, amount: float) -> None:
    _add(work.sums, cell, 2 * begin, amount)
    _add(work.sums, cell, 2 * end, -amount)
    work.summed[cell] = True


@inner
def _add(sums: Floats, cell: int, at: int, amount: float) -> None:
    """Add to a number kept in two floats, its rounded value and what rounding lost (Knuth's two-sum)."""
    before = sums[cell, at]
    after = before + amount
    taken = after - before
    sums[cell, at] = after
    sums[cell, at + 1] += (before - (after - taken)) + (amount - taken)


@inner
def _top(work: Work, cell: int, begin: int, end: int, amount: float) -> None:
    """Let a run of rows know of a number; two overlapping stretches of a power of two cover it."""
    n = work.low.shape[1]
    level = 0
    while (2 << level) <= end - begin:
        level += 1
    one, other = level * n + begin, level * n + end - (1 << level)
    work.tops[cell, one] = max(work.tops[cell, one], amount)
    work.tops[cell, other] = max(work.tops[cell, other], amount)
    work.topped[cell] = True


@inner
def _settle(work: Work, n: int) -> None:
    """Turn what begins and ends on each row into what holds on it."""
    for cell in range(len(work.counted)):
        if work.counted[cell]:
            for row in range(1, n):
                work.counts[cell, row] += work.counts[cell, row - 1]
    for cell in range(len(work.summed)):
        if work.summed[cell]:
            for row in range(1, n):
                work.sums[cell, 2 * row + 1] += work.sums[cell, 2 * row - 1]
                _add(work.sums, cell, 2 * row, work.sums[cell, 2 * row - 2])
    for cell in range(len(work.topped)):
        if work.topped[cell]:
            _settle_top(work, cell, n)


@inner
def _settle_top(work: Work, cell: int, n: int) -> None:
    width = work.low.shape[1]
    level = 0
    while (2 << level) <= n:
        level += 1
    while level > 0:
        half = 1 << (level - 1)
        for row in range(n - 2 * half + 1):
            amount = work.tops[cell, level * width + row]
            if amount > -np.inf:
                below = (level - 1) * width + row
                work.tops[cell, below] = max(work.tops[cell, below], amount)
                work.tops[cell, below + half] = max(work.tops[cell, below + half], amount)
                work.tops[cell, level * width + row] = -np.inf
        level -= 1


@inner
def _spells(plan: Plan, index: Ints, work: Work) -> None:
    """Follow each kind of spell from row to row; only what became known or was withdrawn is followed again."""
    n = len(index)
    for kind in range(len(work.spells)):
        many = work.spells[kind]
        work.changed[:n] = many
        for entry in range(many - 1, -1, -1):
            work.changed[work.spell_run[kind, 2 * entry]] = entry
            work.changed[work.spell_run[kind, 2 * entry + 1]] = entry
        nodes = 0
        for row in range(n):
            entry = work.changed[row]
            if entry < many:
                while entry != 0 and work.spell_day[kind, entry - 1] == work.spell_day[kind, entry]:
                    entry -= 1
                nodes = _follow(work, kind, nodes, entry, row, index[row])
            for column in range(plan.spell_from[kind], plan.spell_from[kind + 1]):
                work.spell_value[column, row] = _of_spells(plan, work, plan.spell_column[column], row, nodes)
        work.spells[kind] = 0


@inner
def _follow(  # noqa: PLR0917 - compiled code takes arguments by position
    work: Work, kind: int, nodes: int, entry: int, row: int, index: int
) -> int:
    """Forget the days from an entry's day on and follow again what can be read on a row; return how many days."""
    day = work.spell_day[kind, entry]
    while nodes > 0 and work.nodes[nodes - 1, NODE_DAY] >= day:
        nodes -= 1
    while entry < work.spells[kind] and work.spell_day[kind, entry] < index:
        if work.spell_run[kind, 2 * entry] <= row < work.spell_run[kind, 2 * entry + 1]:
            nodes = _step(work.nodes, nodes, work.spell_day[kind, entry], work.spell_step[kind, entry])
        entry += 1
    return nodes


@inner
def _step(nodes: Longs, many: int, day: int, step: int) -> int:
    """Add a beginning or an end; those of one day are netted, and no more spells can end than are open."""
    if many == 0 or nodes[many - 1, NODE_DAY] != day:
        nodes[many, :] = 0
        nodes[many, NODE_DAY] = day
        many += 1
    here = nodes[many - 1]
    here[NODE_NET] += step
    here[NODE_BEGUN] += max(step, 0)
    here[NODE_DEPTH] = max(0, here[NODE_NET])
    if many > 1:
        before = nodes[many - 2]
        here[NODE_DEPTH] = max(0, before[NODE_DEPTH] + here[NODE_NET])
        here[NODE_OPEN], here[NODE_MOVES] = before[NODE_OPEN], before[NODE_MOVES]
        if before[NODE_DEPTH] > 0:
            here[NODE_OPEN] += day - before[NODE_DAY]
            here[NODE_MOVES] += here[NODE_BEGUN]
    return many


@inner
def _of_spells(plan: Plan, work: Work, column: int, row: int, many: int) -> float:
    if plan.aggregation[column] == IN_SPELL:
        return 1.0 if many > 0 and work.nodes[many - 1, NODE_DEPTH] > 0 else 0.0
    low, high = work.low[plan.window[column], row], work.high[plan.window[column], row]
    if low >= high:
        return 0.0
    moves = plan.aggregation[column] == MOVES
    return float(_until(work.nodes, many, high, moves) - _until(work.nodes, many, low, moves))


@inner
def _until(nodes: Longs, many: int, day: int, moves: bool) -> int:  # noqa: FBT001 - compiled code takes arguments by position
    """Return the moves, or the days inside a spell, before a day."""
    first, stop = 0, many
    while first < stop:
        middle = (first + stop) // 2
        if nodes[middle, NODE_DAY] < day:
            first = middle + 1
        else:
            stop = middle
    if first == 0:
        return 0
    last = nodes[first - 1]
    if moves:
        return int(last[NODE_MOVES])
    inside = day - last[NODE_DAY] if last[NODE_DEPTH] > 0 else 0
    return int(last[NODE_OPEN] + inside)


@inner
def _look(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan, watch: Watch, rows: Rows, person: int, start: int, stop: int, work: Work
) -> None:
    """Find for every row which agencies observed too little of a window, as known on the index date."""
    if len(work.passed) == 0:
        return
    work.blind[:] = False
    for row in range(stop - start):
        index = rows.index[start + row]
        for check in range(len(work.passed)):
            work.watched[check] = 0
            work.reached[check] = _watch_from(plan, rows, work, check, start, row)
        for at in range(rows.watch_from[person], rows.watch_to[person]):
            if watch.known[at] < index and watch.superseded[at] >= index:
                agency = watch.agency[at]
                for check in range(plan.check_from[agency], plan.check_from[agency + 1]):
                    # Observation comes by start: what an earlier stretch has reached is not counted twice.
                    begin = max(watch.start[at], work.reached[check])
                    end = min(watch.end[at], work.high[plan.check_window[check], row])
                    if end > begin:
                        work.watched[check] += end - begin
                        work.reached[check] = end
        for check in range(len(work.passed)):
            since = float(_watch_from(plan, rows, work, check, start, row))
            least = plan.check_share[check] * (float(work.high[plan.check_window[check], row]) - since)
            work.passed[check] = work.watched[check] > 0 and work.watched[check] >= least
        _pass(plan, work, row)


@inner
def _watch_from(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan, rows: Rows, work: Work, check: int, start: int, row: int
) -> int:
    """Return the first day that should have been observed: nobody is observed before birth."""
    window = plan.check_window[check]
    low = work.low[window, row]
    if plan.check_share[check] == 0.0:
        return STATIC  # any observation at all
    if plan.window_to_age[window] != NONE:
        low = max(low, rows.birthday[start + row, 0])
    return int(low)


@inner
def _pass(plan: Plan, work: Work, row: int) -> None:
    for need in range(len(plan.need_from) - 1):
        work.unseen[need, row] = False
        for at in range(plan.need_from[need], plan.need_from[need + 1]):
            if not work.passed[plan.need_check[at]]:
                work.unseen[need, row] = True
                work.blind[need] = True


@inner
def _finish(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan, events: Events, rows: Rows, start: int, stop: int, work: Work, out: Float32s, base: int
) -> None:
    """Make the columns from the cells, and empty the cells for the next subject."""
    n = stop - start
    for column in range(len(plan.aggregation)):
        need = plan.need[column]
        plain = not (plan.complement[column] or plan.by_birth[column] or (need != NONE and work.blind[need]))
        touched = _touched(plan, work, column)
        if plain and not touched:
            usual = usual_value(plan.aggregation[column], False)
            for row in range(start, stop):
                out[rows.place[row] - base, column] = usual
        elif plain and plan.aggregation[column] == COUNT:
            for row in range(n):
                out[rows.place[start + row] - base, column] = work.counts[plan.cells[column, 0], row]
        elif plain and plan.aggregation[column] == SINCE_LAST:
            for row in range(n):
                last = work.tops[plan.cells[column, 0], row]
                since = rows.index[start + row] - last if last > -np.inf else np.nan
                out[rows.place[start + row] - base, column] = since
        else:
            _finish_column(plan, events, rows, start, stop, work, out, base, column, touched)
    _empty(work, n)


@inner
def _finish_column(  # noqa: PLR0917 - compiled code takes arguments by position
    plan: Plan,
    events: Events,
    rows: Rows,
    start: int,
    stop: int,
    work: Work,
    out: Float32s,
    base: int,
    column: int,
    touched: bool,  # noqa: FBT001
) -> None:
    """Make any column at all; the commonest have a quicker way."""
    need = plan.need[column]
    usual = usual_value(plan.aggregation[column], plan.complement[column])
    for row in range(stop - start):
        value, nothing = usual, True
        if touched:
            value, nothing = _value(plan, events, work, column, row, rows.index[start + row])
            if plan.complement[column]:
                value = 1.0 - value
        if nothing and need != NONE and work.unseen[need, row]:
            value = np.nan
        if plan.by_birth[column] and _lapsed(plan, rows, column, start + row):
            value = np.nan
        out[rows.place[start + row] - base, column] = value


@njit
def usual_value(aggregation: int, complement: bool) -> float:  # noqa: FBT001 - compiled code takes arguments by position
    """Return the value of a column of which nothing was recorded by those who observed."""
    if aggregation in (COUNT, ANY, DISTINCT, SUM, SPELL_DAYS, IN_SPELL, MOVES):
        return 1.0 if complement else 0.0
    return np.nan


@inner
def _touched(plan: Plan, work: Work, column: int) -> bool:
    aggregation, cell = plan.aggregation[column], plan.cells[column, 0]
    if aggregation in (SPELL_DAYS, IN_SPELL, MOVES):
        return True
    if aggregation in (SINCE_LAST, SINCE_FIRST, MAX, MIN, LAST):
        return bool(work.topped[cell])
    if aggregation == RATIO:
        return bool(work.summed[plan.cells[column, 3]])
    if aggregation == DISTINCT:
        for part in range(plan.part_from[column], plan.part_from[column + 1]):
            if work.counted[plan.part_cell[part]]:
                return True
        return False
    return bool(work.counted[cell])


@inner
def _lapsed(plan: Plan, rows: Rows, column: int, row: int) -> bool:
    """Return whether a column is past the birthday until which it holds, or needs a birth that is not known."""
    if rows.birthday[row, 0] == UNKNOWN:
        return True
    age = plan.lapse_age[column]
    return bool(age != NONE and rows.birthday[row, age] <= rows.index[row])


@inner
def _value(  # noqa: PLR0911, PLR0917 - compiled code takes arguments by position
    plan: Plan, events: Events, work: Work, column: int, row: int, index: int
) -> tuple[float, bool]:
    """Return a column's value, and whether it says that something did not happen: only an observer can."""
    aggregation, cell = plan.aggregation[column], plan.cells[column, 0]
    if aggregation in (COUNT, ANY):
        n = work.counts[cell, row]
        return (min(float(n), 1.0) if aggregation == ANY else float(n)), n == 0
    if aggregation in (SINCE_LAST, SINCE_FIRST, MAX, MIN, LAST):
        return _of_top(aggregation, events, work.tops[cell, row], index), False
    if aggregation == DISTINCT:
        kinds = 0.0
        for part in range(plan.part_from[column], plan.part_from[column + 1]):
            kinds += work.counts[plan.part_cell[part], row] > 0
        return kinds, kinds == 0
    if aggregation in (SPELL_DAYS, IN_SPELL, MOVES):
        return work.spell_value[cell, row], work.spell_value[cell, row] == 0
    if aggregation == MEAN:
        n = work.counts[cell, row]
        return (_total(work, plan.cells[column, 1], row) / n if n > 0 else np.nan), False
    if aggregation == TREND:
        return _slope(work, plan.cells[column], row), False
    return _sum_or_ratio(plan, work, column, row), work.counts[cell, row] == 0


@inner
def _of_top(aggregation: int, events: Events, top: float, index: int) -> float:
    if top == -np.inf:
        return np.nan
    if aggregation == SINCE_LAST:
        return index - top
    if aggregation == SINCE_FIRST:
        return index + top
    if aggregation == LAST:
        return float(events.value[int(top)])
    return top if aggregation == MAX else -top


@inner
def _total(work: Work, cell: int, row: int) -> float:
    return float(work.sums[cell, 2 * row] + work.sums[cell, 2 * row + 1])


@inner
def _sum_or_ratio(plan: Plan, work: Work, column: int, row: int) -> float:
    cells = plan.cells[column]
    if work.counts[cells[0], row] > 0 and work.counts[cells[1], row] == 0:
        return np.nan
    total = _total(work, cells[2], row)
    if plan.aggregation[column] == SUM:
        return total
    below = _total(work, cells[3], row)
    return total / below if below > 0 else np.nan


@inner
def _slope(work: Work, cells: Ints, row: int) -> float:
    """Return the least-squares slope a year; NaN unless values stand on two days.

    Days are whole, so the spread is exact; the rise is formed in two floats, so that it does not depend on the day
    from which days are counted.
    """
    n = work.counts[cells[0], row]
    x, xx = np.int64(_total(work, cells[2], row)), np.int64(_total(work, cells[3], row))
    spread = n * xx - x * x
    if spread == 0:
        return np.nan
    high, low = 0.0, 0.0
    for factor, cell in ((float(n), cells[4]), (-float(x), cells[1])):
        for part in range(2):
            product, lost = _product(factor, work.sums[cell, 2 * row + part])
            after = high + product
            taken = after - high
            low += (high - (after - taken)) + (product - taken) + lost
            high = after
    return float(DAYS_A_YEAR * (high + low) / spread)


@inner
def _product(one: float, other: float) -> tuple[float, float]:
    """Return a rounded product and what rounding lost (Dekker 1971)."""
    split = 134217729.0  # 2**27 + 1
    product = one * other
    a, b = split * one, split * other
    a, b = a - (a - one), b - (b - other)
    c, d = one - a, other - b
    return product, ((a * b - product) + a * d + c * b) + c * d


@inner
def _empty(work: Work, n: int) -> None:
    for cell in range(len(work.counted)):
        if work.counted[cell]:
            work.counts[cell, : n + 1] = 0
            work.counted[cell] = False
    for cell in range(len(work.summed)):
        if work.summed[cell]:
            work.sums[cell, : 2 * n + 2] = 0.0
            work.summed[cell] = False
    for cell in range(len(work.topped)):
        if work.topped[cell]:
            work.tops[cell, :n] = -np.inf
            work.topped[cell] = False
