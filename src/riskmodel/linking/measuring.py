"""How right a linkage is where the truth is known, overall and by group, with intervals and causes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from riskmodel.errors import DataError
from riskmodel.linking.groups import by_person
from riskmodel.linking.identities import Records
from riskmodel.linking.rules import pairs_within

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

DRAWS = 1_000
LEVEL = 0.95
_COLUMNS = ("agency", "key", "subject_id")


def read_truth(path: Path, records: Records) -> IntArray:
    """Read a Parquet file of ``agency``, ``key``, ``subject_id`` and return each record's person, from 0 on.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or does not say who some record is.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path, columns=list(_COLUMNS))
    except (OSError, pa.ArrowInvalid) as error:
        found = "another file, or other columns" if path.is_file() else "no file"
        raise _fault(path, f"a Parquet file with columns {', '.join(_COLUMNS)}", found) from error
    told = dict(
        zip(
            zip(table["agency"].to_pylist(), table["key"].to_pylist(), strict=True),
            table["subject_id"].to_pylist(),
            strict=True,
        )
    )
    keys = zip(records.table["agency"].to_pylist(), records.table["key"].to_pylist(), strict=True)
    subject = [told.get(both) for both in keys]
    unknown = subject.count(None)
    if unknown:
        raise _fault(path, "a subject_id for every record", f"none for {unknown} records")
    return np.unique(np.array(subject), return_inverse=True)[1].astype(np.int64)


def _fault(path: Path, expected: str, found: str) -> DataError:
    return DataError(
        expected=expected, found=found, where=path.name, next_step="Give the truth of these identities."
    )


@dataclass(frozen=True)
class Tally:
    """Pairs of each true person: found, wrongly linked and missed.

    A wrong pair is counted half with each of its two people, so that sums over people are sums over pairs.
    """

    found: npt.NDArray[np.float64]
    wrong: npt.NDArray[np.float64]
    missed: npt.NDArray[np.float64]


def tally(person: IntArray, truth: IntArray) -> Tally:
    """Count pairs by true person.

    Parameters
    ----------
    person, truth : ndarray of int, shape (n_records,)
        The linked and the true person of each record; true people are numbered from 0.
    """
    both = np.unique(person * (int(truth.max(initial=0)) + 1) + truth, return_inverse=True)[1]
    together = np.bincount(both)[both] - 1
    same = np.bincount(truth)[truth] - 1
    linked = np.bincount(np.unique(person, return_inverse=True)[1])
    linked_with = linked[np.unique(person, return_inverse=True)[1]] - 1
    return Tally(
        *(
            np.bincount(truth, weights=part / 2).astype(np.float64)
            for part in (together, linked_with - together, same - together)
        )
    )


def rates(counts: Tally, people: BoolArray, *, rng: np.random.Generator) -> dict[str, object]:
    """Return pairwise precision and recall of some people, with 95% intervals.

    The intervals come from a bootstrap over people, because the pairs of one person succeed or fail together. Where
    no error was seen the bootstrap cannot vary; the limit is then 1 - 3 / people (the rule of three).
    """
    cells, number = np.unique(
        np.stack([counts.found[people], counts.wrong[people], counts.missed[people]], axis=1),
        axis=0,
        return_counts=True,
    )
    total = number @ cells if len(number) else np.zeros(3)
    drawn = rng.multinomial(number.sum(), number / number.sum(), DRAWS) @ cells if len(number) else None
    found, wrong, missed = (float(part) for part in total)
    return {
        "people": int(number.sum()),
        "true_pairs": found + missed,
        "missed_pairs": missed,
        "wrong_pairs": wrong,
        "precision": _interval(found, wrong, None if drawn is None else drawn[:, [0, 1]], int(number.sum())),
        "recall": _interval(found, missed, None if drawn is None else drawn[:, [0, 2]], int(number.sum())),
    }


def _interval(
    right: float, other: float, drawn: npt.NDArray[np.float64] | None, people: int
) -> dict[str, float | None]:
    """Return a rate with its interval; null where there is nothing to divide by."""
    if right + other == 0 or drawn is None:
        return {"value": None, "low": None, "high": None}
    if other == 0:
        return {"value": 1.0, "low": round(max(0.0, 1 - 3 / people), 5), "high": 1.0}
    sums = drawn.sum(axis=1)
    shares = drawn[:, 0][sums > 0] / sums[sums > 0]
    low, high = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {
        "value": round(right / (right + other), 5),
        "low": round(float(low), 5),
        "high": round(float(high), 5),
    }


def measured(
    records: Records, person: IntArray, truth: IntArray, groups: dict[str, list[str]], *, seed: int
) -> dict[str, object]:
    """Return precision and recall overall and by group, and why pairs were missed.

    Parameters
    ----------
    records : Records
        What was linked.
    person, truth : ndarray of int, shape (n_records,)
        Linked and true people.
    groups : dict
        For each way of grouping, what each record says; a person is in the group that most of its records say.
    seed : int
        Of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    counts = tally(person, truth)
    everybody = np.ones(len(counts.found), np.bool_)
    causes = Causes.of(records, person, truth)
    by: dict[str, object] = {}
    why: dict[str, object] = {}
    for name, values in groups.items():
        code, names = by_person(truth, values)
        group = np.zeros(len(everybody), np.int64)
        group[truth] = code
        by[name] = {word: rates(counts, group == place, rng=rng) for place, word in enumerate(names)}
        why[name] = {word: causes.over(group[causes.person] == place) for place, word in enumerate(names)}
    return {
        "overall": rates(counts, everybody, rng=rng),
        "by": by,
        "causes": {"overall": causes.over(np.ones(len(causes.person), np.bool_)), "by": why},
        "interval": f"{LEVEL:.0%}, bootstrap over people, {DRAWS} draws",
    }


@dataclass(frozen=True)
class Causes:
    """What the two records of each true pair disagree on, and whether the pair was missed."""

    person: IntArray
    missed: BoolArray
    faults: dict[str, BoolArray]

    @classmethod
    def of(cls, records: Records, person: IntArray, truth: IntArray) -> Causes:
        """Compare the two records of every true pair."""
        left, right = pairs_within(truth)
        faults: dict[str, BoolArray] = {}
        for column in ("forename", "surname"):
            same, missing = _compared(records.codes(column), left, right)
            sounds_same, _ = _compared(records.codes(f"{column}_sound"), left, right)
            faults[f"{column} spelt differently, sounds the same"] = ~same & ~missing & sounds_same
            faults[f"{column} sounds different"] = ~missing & ~sounds_same
            faults[f"{column} missing"] = missing
        for column in ("birth_date", "postcode", "sex"):
            same, missing = _compared(records.codes(column), left, right)
            word = column.replace("_", " ")
            faults[f"{word} differs"] = ~same & ~missing
            faults[f"{word} missing"] = missing
        return cls(truth[left], person[left] != person[right], faults)

    def over(self, rows: BoolArray) -> dict[str, object]:
        """Return for each fault the share of missed pairs, and of all true pairs, that have it.

        A group is missed more often when its records have a fault more often (``of_all``) or when the fault is
        forgiven less often (``missed_if``: the share of pairs with the fault that were missed).
        """
        missed = self.missed & rows
        return {
            fault: {
                "of_missed": _share(has & missed, missed),
                "of_all": _share(has & rows, rows),
                "missed_if": _share(has & missed, has & rows),
            }
            for fault, has in self.faults.items()
        }


def _compared(code: IntArray, left: IntArray, right: IntArray) -> tuple[BoolArray, BoolArray]:
    """Return which pairs have the same value, and in which one is missing."""
    missing = (code[left] < 0) | (code[right] < 0)
    return (code[left] == code[right]) & ~missing, missing


def _share(part: BoolArray, whole: BoolArray) -> float | None:
    count = int(whole.sum())
    return round(int(part.sum()) / count, 4) if count else None
