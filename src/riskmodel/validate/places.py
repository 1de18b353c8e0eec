"""Areas and schools as folds: small ones put together, so that each can be judged and none stands out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from riskmodel.errors import DataError, StudyError
from riskmodel.tables.cohort import BoolArray, IntArray, TextArray

NOT_KNOWN = ("", "unknown", "Unknown")


@dataclass(frozen=True)
class Places:
    """Which group of places each row is held out with.

    Parameters
    ----------
    code : ndarray of int64, shape (n,)
        Number of the row's group.
    names : tuple of str
        Of each group, in its place: ``area 3``, or ``area group 7`` for several together. They do not tell which place it is.
    members : mapping of str to tuple of str
        The places of each group, as the data call them; stays inside.
    """

    code: IntArray
    names: tuple[str, ...]
    members: Mapping[str, tuple[str, ...]]


def group_places(
    place: TextArray,
    subject_id: IntArray,
    happened: BoolArray,
    *,
    kind: str,
    people: int,
    outcomes: int,
) -> Places:
    """Put small places together until each group has enough young people, and enough with the outcome.

    A place that has enough is a group. The others are joined in the order of their codes, which follow the map for small
    areas of the census; what is left at the end joins the last group of joined ones, or else the smallest group. Rows without a known
    place are a group of their own, however small. Nothing is drawn.

    Parameters
    ----------
    place : ndarray of str, shape (n,)
    subject_id : ndarray of int64, shape (n,)
    happened : ndarray of bool, shape (n,)
    kind : str
        ``area`` or ``school``.
    people, outcomes : int
        The fewest different young people, and of them with the outcome, in a group.

    Returns
    -------
    Places

    Raises
    ------
    StudyError
        If no place is known.
    DataError
        If there are not two groups of known places.
    """
    names, code = np.unique(place, return_inverse=True)
    known = [one for one, name in enumerate(names) if name not in NOT_KNOWN]
    if not known:
        raise StudyError(
            [
                f"split.design leave_one_{kind}_out: the data hold no {kind} for anybody; give the {kind}, or use another design"
            ]
        )

    def counts(members: Sequence[int]) -> tuple[int, int]:
        rows = np.isin(code, members)
        return len(np.unique(subject_id[rows])), len(np.unique(subject_id[rows & happened]))

    def enough(members: Sequence[int]) -> bool:
        found = counts(members)
        return found[0] >= people and found[1] >= outcomes

    groups = _joined(known, enough=enough, size=lambda members: counts(members)[0])
    if len(groups) < 2 or not all(enough(one) for one in groups):
        raise DataError(
            expected=f"at least two groups of {kind}s, each with {people} young people and {outcomes} of them with the outcome",
            found=f"{len(groups)}, from {len(known)} {kind}s",
            where="split",
            next_step="Lower split.group_people and split.group_outcomes, or use another design.",
        )
    return _named(groups, names, code, kind=kind)


def _joined(
    known: Sequence[int], *, enough: Callable[[list[int]], bool], size: Callable[[list[int]], int]
) -> list[list[int]]:
    alone = [[one] for one in known if enough([one])]
    together: list[list[int]] = []
    waiting: list[int] = []
    for one in known:
        if [one] in alone:
            continue
        waiting.append(one)
        if enough(waiting):
            together.append(waiting)
            waiting = []
    if waiting:
        smallest = [together[-1]] if together else sorted(alone, key=size)[:1]
        if not smallest:
            return [waiting]
        smallest[0].extend(waiting)
    return sorted([*alone, *together], key=min)


def _named(groups: Sequence[Sequence[int]], names: TextArray, code: IntArray, *, kind: str) -> Places:
    group_of = np.full(len(names), len(groups), dtype=np.int64)
    titles, members = [], {}
    for number, group in enumerate(groups):
        group_of[list(group)] = number
        titles.append(f"{kind} {number + 1}" if len(group) == 1 else f"{kind} group {number + 1}")
        members[titles[-1]] = tuple(str(names[one]) for one in group)
    if (group_of == len(groups)).any():
        titles.append(f"no known {kind}")
        members[titles[-1]] = ()
    return Places(group_of[code], tuple(titles), members)
