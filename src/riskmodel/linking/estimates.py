"""What the model itself says went wrong: links it doubts and links it would expect, without any truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel.linking.groups import by_person
from riskmodel.linking.link import Linkage
from riskmodel.linking.rules import pairs_within

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Expected:
    """For each record, half of every pair it is in: links made, expected false ones, expected missed ones."""

    linked: FloatArray
    false: FloatArray
    missed: FloatArray

    def over(self, rows: npt.NDArray[np.bool_]) -> dict[str, float | None]:
        """Return the sums over some records, with the precision and recall they imply."""
        linked, false, missed = (float(part[rows].sum()) for part in (self.linked, self.false, self.missed))
        right = linked - false
        return {
            "linked_pairs": round(linked, 1),
            "false_pairs": round(false, 1),
            "missed_pairs": round(missed, 1),
            "precision": round(right / linked, 4) if linked else None,
            "recall": round(right / (right + missed), 4) if right + missed > 0 else None,
        }


def expect(linkage: Linkage) -> Expected:
    """Return the expected errors of a linkage by its own probabilities.

    A linked pair that was compared is false with one minus its probability, unless it shares a number; one that was
    not compared was linked through others and counts as right. A pair that was compared and not linked is missed
    with its probability, unless its forenames are plainly different (a twin agrees on all else) or its numbers
    differ. Pairs that share no blocking key are never compared, so what is missed there cannot be seen.
    """
    pairs, person, count = linkage.pairs, linkage.person, len(linkage.records)
    together = person[pairs.left] == person[pairs.right]
    same, different = _numbers(linkage)
    linked = [_halves(side, np.ones(len(side)), count) for side in pairs_within(person)]
    doubted = np.where(together & ~same, 1 - pairs.probability, 0.0)
    hoped = np.where(~together & pairs.alike & ~different, pairs.probability, 0.0)
    return Expected(
        linked=linked[0] + linked[1],
        false=_halves(pairs.left, doubted, count) + _halves(pairs.right, doubted, count),
        missed=_halves(pairs.left, hoped, count) + _halves(pairs.right, hoped, count),
    )


def _halves(place: npt.NDArray[np.int64], value: FloatArray, count: int) -> FloatArray:
    """Return half of each value added up at its record."""
    return np.bincount(place, weights=value / 2, minlength=count).astype(np.float64)


def _numbers(linkage: Linkage) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which pairs share a number, and which have two different ones of a kind."""
    same = np.zeros(len(linkage.pairs), np.bool_)
    different = np.zeros(len(linkage.pairs), np.bool_)
    for column in ("upn", "nhs_number"):
        code = linkage.records.codes(column)
        left, right = code[linkage.pairs.left], code[linkage.pairs.right]
        same |= (left == right) & (left >= 0)
        different |= (left != right) & (left >= 0) & (right >= 0)
    return same, different


def estimated(linkage: Linkage, groups: dict[str, list[str]]) -> dict[str, object]:
    """Return expected errors overall and by group; nothing, with a status, where the model could not be trained.

    Parameters
    ----------
    linkage : Linkage
        What was linked.
    groups : dict
        For each way of grouping, what each record says.
    """
    if not linkage.pairs.trained:
        return {"status": "too few records to train the model", "overall": None, "by": {}}
    expected = expect(linkage)
    by: dict[str, object] = {}
    for name, values in groups.items():
        code, names = by_person(linkage.person, values)
        by[name] = {group: expected.over(code == number) for number, group in enumerate(names)}
    everybody = np.ones(len(linkage.records), np.bool_)
    return {"status": "ok", "overall": expected.over(everybody), "by": by}
