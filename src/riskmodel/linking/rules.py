"""The deterministic pass: records that share a number, or agree on everything, and do not contradict each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel.linking.clusters import Clusters
from riskmodel.linking.identities import Records

IntArray = npt.NDArray[np.int64]

PASSES = ("upn", "nhs_number", "exact", "model")
_EXACT = ("forename", "surname", "birth_date", "sex", "postcode")


@dataclass(frozen=True)
class Rules:
    """What the deterministic pass needs to know of each record.

    A number that is shared is not enough: it may be copied from a brother's or sister's record. Two of forename,
    surname and birth date must agree too, in sound or to the day. A twin's number copied would still pass only if
    the forenames sound alike.
    """

    forename: IntArray
    surname: IntArray
    birth_date: IntArray

    @classmethod
    def of(cls, records: Records) -> Rules:
        """Return the codes of the records."""
        return cls(
            records.codes("forename_sound"), records.codes("surname_sound"), records.codes("birth_date")
        )

    def agree(self, left: IntArray, right: IntArray) -> npt.NDArray[np.bool_]:
        """Return which pairs agree on two of forename, surname and birth date."""
        same = [
            (codes[left] == codes[right]) & (codes[left] >= 0)
            for codes in (self.forename, self.surname, self.birth_date)
        ]
        agreeing: npt.NDArray[np.bool_] = np.sum(same, axis=0) >= 2
        return agreeing


def link_by_rules(records: Records, clusters: Clusters) -> dict[str, int]:
    """Join records by UPN, then NHS number, then equality of every field; return the joins each made."""
    rules = Rules.of(records)
    made = {}
    for column in ("upn", "nhs_number"):
        left, right = pairs_within(records.codes(column))
        sound = rules.agree(left, right)
        made[column] = clusters.join_all(left[sound], right[sound])
    left, right = pairs_within(_together(records))
    made["exact"] = clusters.join_all(left, right)
    return made


def _together(records: Records) -> IntArray:
    """Return one number for each combination of every field; -1 where any is missing."""
    codes = np.stack([records.codes(column) for column in _EXACT])
    whole = (codes >= 0).all(axis=0)
    together = np.full(len(records), -1, np.int64)
    together[whole] = np.unique(codes[:, whole], axis=1, return_inverse=True)[1].ravel()
    return together


def pairs_within(code: IntArray) -> tuple[IntArray, IntArray]:
    """Return every pair of places with the same code, the first before the second; -1 pairs with nothing.

    Parameters
    ----------
    code : ndarray of int, shape (n,)
        Groups should be small: pairs grow with the square.
    """
    order = np.argsort(code, kind="stable")
    order = order[code[order] >= 0]
    group = code[order]
    lefts, rights = [], []
    for step in range(1, len(order)):
        same = np.flatnonzero(group[step:] == group[:-step])
        if not len(same):
            break
        lefts.append(order[same])
        rights.append(order[same + step])
    if not lefts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    left, right = np.concatenate(lefts), np.concatenate(rights)
    by_record = np.lexsort((right, left))
    return left[by_record], right[by_record]
