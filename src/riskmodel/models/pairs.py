"""Two features looked at together: a table of what they add beyond what each adds by itself.

Disclosure. A cell of a table is a finer place than a bin, so it is made safe before anything is learned: cuts are taken
out until every cell in which somebody stands holds enough different people. No cell is patched afterwards, so the table
cannot tell that one had been small. "Missing" is a row of cells like others. It has no cut to take out, so a pair is passed
over where too few people miss a value, or both.

Meaning. The table is purified against the product of the two features' own distributions (Hooker 2007, J. Comput. Graph.
Stat. 16:709; Lengerich et al. 2020, AISTATS): what a feature adds whatever the other is belongs to its curve. Then half
of a cell is exactly the interventional Shapley value of either feature.

Direction. What a feature adds in all, its curve and its tables together, never moves against its direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from riskmodel.models.bins import choose_cuts, mass_by_part, parts_of
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureInfo, FeatureMatrix

MOST_LEVELS = 6
"""Bins of a feature in a table, so that it can be read on a page."""

Cuts = tuple[float, ...]


@dataclass(frozen=True)
class Binned:
    """A feature that can be learned from: its column and cuts, and who stands in each part."""

    column: int
    cuts: Cuts
    part: IntArray
    people: IntArray


@dataclass(frozen=True)
class Pair:
    """What two features add to the score together.

    Parameters
    ----------
    names : tuple of two str
    cuts : tuple of two tuple of float
        Where the steps of each are; a value equal to a cut is above it.
    scores : tuple of tuple of float
        One row for each part of the first feature (missing, then from the lowest bin), one column for each of the second.
    """

    names: tuple[str, str]
    cuts: tuple[Cuts, Cuts]
    scores: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        shape = tuple(len(cuts) + 2 for cuts in self.cuts)
        if (len(self.scores), *{len(row) for row in self.scores}) != shape:
            raise ValueError("a pair has a score for each two parts of its features, missing included")

    def heights(self, features: FeatureMatrix) -> FloatArray:
        """Return what the two add in each row, shape (n,)."""
        first, second = self._parts(features)
        return np.asarray(self.scores)[first, second]

    def cells(self, features: FeatureMatrix) -> IntArray:
        """Return the number of each row's cell, shape (n,)."""
        first, second = self._parts(features)
        return first * (len(self.cuts[1]) + 2) + second

    def to_state(self) -> dict[str, Any]:
        """Return names, cuts and scores."""
        return {
            "names": list(self.names),
            "cuts": [list(cuts) for cuts in self.cuts],
            "scores": [list(row) for row in self.scores],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        first, second = state["names"]
        low, high = (tuple(cuts) for cuts in state["cuts"])
        return cls((first, second), (low, high), tuple(tuple(row) for row in state["scores"]))

    def _parts(self, features: FeatureMatrix) -> tuple[IntArray, IntArray]:
        first, second = (
            parts_of(features.column(name), cuts) for name, cuts in zip(self.names, self.cuts, strict=True)
        )
        return first, second


@dataclass(frozen=True)
class Grid:
    """Where a pair is cut, before anything is learned; ``first`` and ``second`` count usable features from 0."""

    first: int
    second: int
    cuts: tuple[Cuts, Cuts]

    @property
    def sides(self) -> tuple[tuple[int, Cuts], tuple[int, Cuts]]:
        """Each feature's number and its cuts."""
        return (self.first, self.cuts[0]), (self.second, self.cuts[1])


def choose_grids(
    usable: Sequence[Binned],
    ranked: Iterable[tuple[int, int]],
    weight: FloatArray,
    person: IntArray,
    *,
    most: int,
    min_people: int,
) -> list[Grid]:
    """Return the first pairs whose every cell can be made safe, with their cuts.

    Parameters
    ----------
    usable : sequence of Binned
    ranked : iterable of tuple of two int
        Numbers of usable features, the pair to be tried first first.
    weight : ndarray of float64, shape (n,)
    person : ndarray of int64, shape (n,)
        From 0.
    most : int
        Pairs at most.
    min_people : int
    """
    grids: list[Grid] = []
    for first, second in ranked:
        if len(grids) == most:
            break
        grid = safe_grid(usable, (first, second), weight, person, min_people=min_people)
        if grid is not None:
            grids.append(grid)
    return grids


def safe_grid(
    usable: Sequence[Binned],
    pair: tuple[int, int],
    weight: FloatArray,
    person: IntArray,
    *,
    min_people: int,
) -> Grid | None:
    """Return a pair's cuts, so that every cell holds nobody or enough people.

    Returns
    -------
    Grid or None
        None if no cuts of both features do.
    """
    first, second = (usable[number] for number in pair)
    cuts = (
        coarse_cuts(first, weight, person, min_people=min_people),
        coarse_cuts(second, weight, person, min_people=min_people),
    )
    seen = _seen(coarse_parts(first, cuts[0])[first.part], coarse_parts(second, cuts[1])[second.part], person)
    safe = _safe_cuts(seen, cuts, min_people)
    return None if safe is None else Grid(*pair, safe)


def coarse_cuts(binned: Binned, weight: FloatArray, person: IntArray, *, min_people: int) -> Cuts:
    """Return those of a feature's cuts that part it into at most ``MOST_LEVELS`` bins of about the same weight."""
    part = np.where(binned.part == 0, np.nan, binned.part)
    chosen = choose_cuts(part, weight, person, max_bins=MOST_LEVELS, min_people=min_people)
    return tuple(binned.cuts[int(first) - 2] for first in chosen)  # part 2 begins at the first cut


def coarse_parts(binned: Binned, cuts: Cuts) -> IntArray:
    """Return the part by fewer cuts of each part by all of them."""
    return np.concatenate([[0, 1], parts_of(np.array(binned.cuts, dtype=np.float64), cuts)])


def _safe_cuts(seen: BoolArray, cuts: tuple[Cuts, Cuts], min_people: int) -> tuple[Cuts, Cuts] | None:
    """Take out cuts until no cell is small: each time the one that leaves the fewest small cells."""
    left = (list(cuts[0]), list(cuts[1]))
    while all(left) and _small(seen, min_people):
        tries = [(axis, gone) for axis in (0, 1) for gone in range(len(left[axis]))]
        axis, gone = min(
            tries, key=lambda one: (_small(_without(seen, *one), min_people), -len(left[one[0]]), one)
        )
        seen = _without(seen, axis, gone)
        del left[axis][gone]
    return (tuple(left[0]), tuple(left[1])) if all(left) else None


def _seen(first: IntArray, second: IntArray, person: IntArray) -> BoolArray:
    """Return who has a row in each cell, shape (parts of one, parts of the other, people)."""
    seen = np.zeros((int(first.max()) + 1, int(second.max()) + 1, int(person.max()) + 1), dtype=np.bool_)
    seen[first, second, person] = True
    return seen


def _without(seen: BoolArray, axis: int, gone: int) -> BoolArray:
    """Put the parts on both sides of a cut together; part 0 is "missing", so the first cut is after part 1."""
    starts = np.delete(np.arange(seen.shape[axis]), gone + 2)
    return np.asarray(np.logical_or.reduceat(seen, starts, axis=axis))


def _small(seen: BoolArray, min_people: int) -> int:
    people = np.count_nonzero(seen, axis=2)
    return int(((people > 0) & (people < min_people)).sum())


@dataclass(frozen=True)
class Tables:
    """A sum of curves that pairs are taken into, one after the other: levelled, purified, and centred.

    Parameters
    ----------
    usable : sequence of Binned
    infos : sequence of FeatureInfo
        Of the usable features: their names, and the direction that the score may move in.
    weight : ndarray of float64, shape (n,)
        Of the training rows.
    heights : sequence of ndarray of float64
        Of each usable feature's curve, with what tables say of the feature alone.
    slack : sequence of ndarray of float64
        How far further tables may fall at each cut of a feature with a direction, so that the sum keeps it.
    base : float
        To be added to the base of the curves.
    pairs : tuple of Pair
    moves : tuple of float
        Mean absolute score of each pair over the training rows.
    """

    usable: Sequence[Binned]
    infos: Sequence[FeatureInfo]
    weight: FloatArray
    heights: Sequence[FloatArray]
    slack: Sequence[FloatArray]
    base: float = 0.0
    pairs: tuple[Pair, ...] = ()
    moves: tuple[float, ...] = ()

    @classmethod
    def before_any(
        cls,
        usable: Sequence[Binned],
        infos: Sequence[FeatureInfo],
        weight: FloatArray,
        heights: Sequence[FloatArray],
    ) -> Self:
        """Start from the curves."""
        slack = [
            np.maximum(info.direction * np.diff(own[1:]), 0) for info, own in zip(infos, heights, strict=True)
        ]
        return cls(usable, infos, weight, heights, slack)

    def take(self, grid: Grid, learned: FloatArray) -> Self:
        """Take a pair in.

        Parameters
        ----------
        grid : Grid
        learned : ndarray of float64, shape (parts of one, parts of the other)
        """
        parts = [coarse_parts(self.usable[number], cuts) for number, cuts in grid.sides]
        cell = [part[self.usable[number].part] for part, (number, _) in zip(parts, grid.sides, strict=True)]
        total = self.weight.sum()
        first, second = (
            mass_by_part(where, self.weight, size) / total
            for where, size in zip(cell, learned.shape, strict=True)
        )
        table, slack = self._levelled(grid, learned)
        alone = (table @ second, first @ table)
        both = float(first @ table @ second)
        pure = table - alone[0][:, None] - alone[1][None, :] + both
        here = pure[cell[0], cell[1]]
        mean = float(self.weight @ here / total)
        heights = list(self.heights)
        for (number, _), own, part in zip(grid.sides, alone, parts, strict=True):
            heights[number] = heights[number] + own[part]
        scores = tuple(tuple(row) for row in (pure - mean).tolist())
        return replace(
            self,
            heights=heights,
            slack=slack,
            base=self.base + mean - both,
            pairs=(
                *self.pairs,
                Pair((self.infos[grid.first].name, self.infos[grid.second].name), grid.cuts, scores),
            ),
            moves=(*self.moves, float(self.weight @ np.abs(here - mean) / total)),
        )

    def strongest_first(self) -> tuple[Pair, ...]:
        """Return the pairs that move anybody's score."""
        order = sorted(range(len(self.pairs)), key=lambda i: -self.moves[i])
        return tuple(self.pairs[i] for i in order if self.moves[i] > 0)

    def _levelled(self, grid: Grid, learned: FloatArray) -> tuple[FloatArray, list[FloatArray]]:
        """Move a table so that curve and tables of a feature together keep its direction; return the slack left, too."""
        signs = [self.infos[number].direction for number, _ in grid.sides]
        at = [np.isin(self.usable[number].cuts, cuts) for number, cuts in grid.sides]
        risen = [
            sign * np.concatenate([[0.0, 0.0], np.cumsum(self.slack[number][where])])
            for sign, where, (number, _) in zip(signs, at, grid.sides, strict=True)
        ]
        alone = risen[0][:, None] + risen[1][None, :]
        table = learned + alone
        for axis, sign in enumerate(signs):
            if sign:
                known = np.moveaxis(table, axis, 0)[1:]  # a view: whether a value is missing has no direction
                known[:] = sign * _rising(sign * known)
        table -= alone
        slack = list(self.slack)
        for axis, (number, _) in enumerate(grid.sides):
            steps = signs[axis] * np.diff(np.moveaxis(table, axis, 0)[1:], axis=0)
            slack[number] = slack[number].copy()
            slack[number][at[axis]] = np.maximum(
                slack[number][at[axis]] + np.minimum(steps.min(axis=1), 0), 0
            )
        return table, slack


def _rising(table: FloatArray) -> FloatArray:
    """Return the middle between the lowest table above that rises along axis 0 and the highest below; itself if it rises."""
    above = np.maximum.accumulate(table, axis=0)
    below = np.minimum.accumulate(table[::-1], axis=0)[::-1]
    return np.asarray((above + below) / 2)
