"""People as clusters of records: joined pair by pair, unless what is joined could not be one person."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskmodel.linking.identities import Records
from riskmodel.linking.linkage import Pairs

IntArray = npt.NDArray[np.int64]

KEYS_AN_AGENCY = 2
"""A person has one key at an agency, sometimes a second from a double registration, never more."""

TWICE_BITS = 6.0
"""Evidence that must be added, in log2 odds, before two keys of one agency are taken for one person: about one
person in a hundred is registered twice, so that is how much less likely such a pair is beforehand."""

CONTRADICTED = 0.5
"""Clusters are not joined if more than this share of their pairs contradict each other (see `_contradict`)."""


class Clusters:
    """Records joined into people.

    Parameters
    ----------
    records : Records
        Each begins as a person of its own.
    """

    def __init__(self, records: Records) -> None:
        count = len(records)
        self._parent = list(range(count))
        self._members: list[list[int]] = [[place] for place in range(count)]
        self._agency = records.codes("agency").tolist()
        self._forename = records.texts("forename")
        self._surname = records.texts("surname")
        self._sound = records.codes("forename_sound").tolist()
        self._sex = records.codes("sex").tolist()
        self._birth = records.codes("birth_date").tolist()
        self._numbers = (records.codes("upn").tolist(), records.codes("nhs_number").tolist())

    def find(self, record: int) -> int:
        """Return the record that stands for the person whom a record belongs to."""
        parent = self._parent
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    def join_all(self, left: IntArray, right: IntArray) -> int:
        """Join pairs whatever the rest of their clusters says; return how many joins were made."""
        return sum(self._join(one, other) for one, other in zip(left.tolist(), right.tolist(), strict=True))

    def join_likely(self, pairs: Pairs, *, threshold: float) -> int:
        """Join the pairs that are likely enough, the likeliest first, unless the clusters could not be one person.

        Parameters
        ----------
        pairs : Pairs
            Scored pairs.
        threshold : float
            The least probability of a pair.

        Returns
        -------
        int
            How many joins were made.
        """
        chosen = np.flatnonzero((pairs.probability >= threshold) & pairs.alike)
        order = chosen[np.lexsort((pairs.right[chosen], pairs.left[chosen], -pairs.weight[chosen]))]
        least = np.log2(threshold / (1 - threshold)) + TWICE_BITS
        made = 0
        for one, other, weight in zip(
            pairs.left[order].tolist(), pairs.right[order].tolist(), pairs.weight[order].tolist(), strict=True
        ):
            root, branch = self.find(one), self.find(other)
            if root != branch and self._could_be_one(root, branch, sure=weight >= least):
                made += self._join(root, branch)
        return made

    def labels(self) -> IntArray:
        """Return for each record the place of the first record of the same person."""
        return np.array(
            [self._members[self.find(record)][0] for record in range(len(self._parent))], np.int64
        )

    def _join(self, one: int, other: int) -> bool:
        one, other = sorted((self.find(one), self.find(other)))
        if one == other:
            return False
        self._parent[other] = one
        self._members[one] = sorted([*self._members[one], *self._members[other]])
        self._members[other] = []
        return True

    def _could_be_one(self, one: int, other: int, *, sure: bool) -> bool:
        """Return whether two clusters may be one person."""
        mine, theirs = self._members[one], self._members[other]
        return (
            self._keys_fit(mine, theirs, sure=sure)
            and self._numbers_fit(mine, theirs)
            and self._contradictions(mine, theirs) <= CONTRADICTED * len(mine) * len(theirs)
        )

    def _keys_fit(self, mine: list[int], theirs: list[int], *, sure: bool) -> bool:
        """Return whether no agency would have too many keys, or two of people that it may well tell apart."""
        agencies = [self._agency[record] for record in (*mine, *theirs)]
        if max(agencies.count(agency) for agency in set(agencies)) > KEYS_AN_AGENCY:
            return False
        twice = [(a, b) for a in mine for b in theirs if self._agency[a] == self._agency[b]]
        return not twice or (sure and all(self._registered_twice(a, b) for a, b in twice))

    def _registered_twice(self, one: int, other: int) -> bool:
        """Return whether two records of one agency may be one person: twins share all but forename and perhaps sex."""
        sexes = {self._sex[one], self._sex[other]} - {-1}
        return self._sound[one] == self._sound[other] and len(sexes) < 2

    def _numbers_fit(self, mine: list[int], theirs: list[int]) -> bool:
        """Return whether no kind of number is held by both clusters with nothing in common."""
        for number in self._numbers:
            here = {number[record] for record in mine} - {-1}
            there = {number[record] for record in theirs} - {-1}
            if here and there and not here & there:
                return False
        return True

    def _contradictions(self, mine: list[int], theirs: list[int]) -> int:
        return sum(self._contradict(one, other) for one in mine for other in theirs)

    def _contradict(self, one: int, other: int) -> bool:
        """Return whether two records have different birth dates and forenames that are not alike."""
        births = self._birth[one], self._birth[other]
        return births[0] != births[1] and -1 not in births and not self._alike(one, other)

    def _alike(self, one: int, other: int) -> bool:
        mine, theirs = self._forename[one], self._forename[other]
        return (
            not mine
            or not theirs
            or self._sound[one] == self._sound[other]
            or mine[:3] == theirs[:3]
            or mine == self._surname[other]
        )
