"""``logistic``: a short sum of yes-or-no columns, at most 30 parameters.

1. Columns. Every feature becomes a ladder of indicators (*at least this much*) at a few cuts, plus *missing*. With all
   steps of one sign, a ladder is monotone. Columns that part everyone in the data in the same way are kept once, and
   of more than 200 those most associated with the outcome, in their direction (Fan and Song 2010, Ann. Stat. 38:3567).
2. Path. The elastic net on the quadratic approximation of the likelihood at the last chosen model, with the sign of
   a step held to the feature's direction (Friedman, Hastie, Tibshirani 2010, J. Stat. Softw. 33:1, whose inner problem
   it is). Gram matrix once, then the path costs the same for any number of rows.
3. Choice. The first column to enter the path, the first two, and so on (above eight in steps of a fifth) are fitted exactly, by Newton's method on
   distinct weighted patterns; a column whose step goes against its direction is dropped and the rest fitted again until
   none does. The set with the lowest BIC is chosen, with the weight of the rarer outcome as sample size (Volinsky and
   Raftery 2000, Biometrics 56:256). Steps 2 and 3 are repeated at the new choice until it stays, at most three times.

BIC and not internal cross-validation: one fit instead of six, no folds to leak between, and the same choice every time.
Where too few people miss a value for a column of its own, missing is taken as the lowest bin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmodel.models.additive import AdditiveModel, Curve
from riskmodel.models.bins import choose_cuts, mass_by_part, parts_of, people_by_part
from riskmodel.models.regression import deviance, expit, fit_binomial
from riskmodel.models.spec import LogisticSpec, ModelsSpec
from riskmodel.models.training import TrainingRows
from riskmodel.tables.cohort import FloatArray, IntArray

_RETAKES = 3
_ALPHAS = 100
_SMALLEST_ALPHA = 0.01  # of the alpha at which the first column enters
_CHUNK = 8192
_MOST_COLUMNS = 200


@dataclass(frozen=True)
class Ladder:
    """The columns that features became.

    Parameters
    ----------
    indicators : ndarray of uint8, shape (n, m)
    feature : ndarray of int64, shape (m,)
        The matrix column that each indicator speaks of.
    cut : ndarray of float64, shape (m,)
        "At least this much"; NaN for "missing".
    direction : ndarray of int64, shape (m,)
        Sign that its coefficient must have, or 0.
    """

    indicators: npt.NDArray[np.uint8]
    feature: IntArray
    cut: FloatArray
    direction: IntArray

    def take(self, columns: IntArray) -> Ladder:
        """Return the chosen columns, in the order given."""
        return Ladder(
            self.indicators[:, columns], self.feature[columns], self.cut[columns], self.direction[columns]
        )


@dataclass(frozen=True)
class Patterns:
    """The distinct patterns of some columns, which stand for all rows without loss.

    Parameters
    ----------
    columns : ndarray of int64, shape (k,)
        Columns of the ladder, ascending.
    indicators : ndarray of float64, shape (m, k)
    cases, weight : ndarray of float64, shape (m,)
        Weight of the rows with the pattern that had the outcome, and in all.
    """

    columns: IntArray
    indicators: FloatArray
    cases: FloatArray
    weight: FloatArray

    @classmethod
    def of(cls, ladder: Ladder, columns: tuple[int, ...], rows: TrainingRows) -> Patterns:
        """Find the distinct patterns."""
        ascending = np.unique(np.array(columns, dtype=np.int64))
        indicators = ladder.indicators[:, ascending]
        packed = np.packbits(indicators, axis=1)
        words = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
        words[:, : packed.shape[1]] = packed
        key = np.zeros(len(packed), dtype=np.int64)
        for word in words.view(np.uint64).T:
            level = np.unique(word, return_inverse=True)[1]
            key = np.unique(key * (int(level.max()) + 1) + level, return_inverse=True)[1]
        first = np.unique(key, return_index=True)[1]
        cases = mass_by_part(key, rows.weight * rows.outcome, len(first))
        weight = mass_by_part(key, rows.weight, len(first))
        return cls(ascending, indicators[first].astype(np.float64), cases, weight)


@dataclass(frozen=True)
class Fitted:
    """An exact fit of some columns: intercept first in ``coefficients``."""

    columns: tuple[int, ...]
    coefficients: FloatArray
    bic: float


def fit_logistic(rows: TrainingRows, *, spec: ModelsSpec, seed: int, threads: int) -> AdditiveModel:  # noqa: ARG001
    """Build the columns, choose among the sets on the path, and fit exactly."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # The matrices are small: a second thread costs more than it gives, and one gives the same bits everywhere.
    with threadpool_limits(limits=1):
        ladder = screen(build_ladder(rows, spec.logistic), rows)
        return _as_curves(ladder, _choose(ladder, rows, spec.logistic), rows)


def _choose(ladder: Ladder, rows: TrainingRows, spec: LogisticSpec) -> Fitted:
    chosen = fit_columns(ladder, (), rows, ridge=spec.ridge)
    for _ in range(_RETAKES):
        entered = _path(ladder, chosen, rows, spec)
        tried = [entered[:size] for size in sizes(len(entered))]
        fits = [fit_columns(ladder, columns, rows, ridge=spec.ridge) for columns in tried]
        best = min([chosen, *fits], key=lambda one: (one.bic, len(one.columns), one.columns))
        if best.columns == chosen.columns:
            break
        chosen = best
    return chosen


def sizes(most: int) -> list[int]:
    """Return how many columns to try: 1 to 8, then each about a fifth more, and the most."""
    tried = []
    size = 1
    while size < most:
        tried.append(size)
        size = max(size + 1, size * 6 // 5)
    return [*tried, most] if most else []


def build_ladder(rows: TrainingRows, spec: LogisticSpec) -> Ladder:
    """Return the indicators of every feature that can part enough people from enough others."""
    seen: set[bytes] = set()
    columns: list[npt.NDArray[np.uint8]] = []
    meaning: list[tuple[int, float, int]] = []

    def add(column: npt.NDArray[np.uint8], feature: int, cut: float, direction: int) -> None:
        pattern = np.packbits(column ^ column[0]).tobytes()  # a column and its opposite part the same people
        if pattern not in seen:
            seen.add(pattern)
            columns.append(column)
            meaning.append((feature, cut, direction))

    may_be_missing = []
    for j, info in enumerate(rows.features.infos):
        values = rows.features.values[:, j]
        cuts = choose_cuts(
            values, rows.weight, rows.person, max_bins=spec.max_bins, min_people=spec.min_people
        )
        part = parts_of(values, cuts)
        for step, cut in enumerate(cuts, start=2):
            add((part >= step).astype(np.uint8), j, cut, info.direction)
        people = people_by_part(np.minimum(part, 1), rows.person, 2)
        if people.min() >= spec.min_people:
            may_be_missing.append((j, (part == 0).astype(np.uint8)))
    for (
        j,
        column,
    ) in may_be_missing:  # last: of two that part the same people, the one with a direction is kept
        add(column, j, np.nan, 0)
    return Ladder(
        np.column_stack(columns) if columns else np.empty((len(rows), 0), dtype=np.uint8),
        np.array([feature for feature, _, _ in meaning], dtype=np.int64),
        np.array([cut for _, cut, _ in meaning], dtype=np.float64),
        np.array([direction for _, _, direction in meaning], dtype=np.int64),
    )


def screen(ladder: Ladder, rows: TrainingRows) -> Ladder:
    """Keep the columns most associated with the outcome, by the score test of each alone."""
    total, share = rows.weight.sum(), rows.weight @ rows.outcome / rows.weight.sum()
    answers = np.vstack([rows.weight, rows.weight * (rows.outcome - share)])
    mass, above = sum(
        (answers[:, part] @ block for part, block in _blocks(ladder)), np.zeros((2, len(ladder.cut)))
    )
    score = above / np.sqrt(mass * (1.0 - mass / total))
    strength = np.where(ladder.direction == 0, np.abs(score), score * ladder.direction)
    strongest = np.argsort(-strength, kind="stable")[:_MOST_COLUMNS]
    return ladder.take(np.sort(strongest))


def fit_columns(ladder: Ladder, columns: tuple[int, ...], rows: TrainingRows, *, ridge: float) -> Fitted:
    """Fit the columns exactly, dropping those whose step goes against its direction."""
    columns = tuple(sorted(columns))
    patterns = Patterns.of(ladder, columns, rows)
    while True:
        chosen = patterns.indicators[:, np.searchsorted(patterns.columns, columns)]
        coefficients = fit_binomial(chosen, patterns.cases, patterns.weight, ridge=ridge)
        against = coefficients[1:] * ladder.direction[list(columns)] < 0
        if not against.any():
            break
        columns = tuple(c for c, wrong in zip(columns, against, strict=True) if not wrong)
    cost = deviance(coefficients[0] + chosen @ coefficients[1:], patterns.cases, patterns.weight)
    cases = patterns.cases.sum()
    rarer = min(cases, patterns.weight.sum() - cases)
    return Fitted(columns, coefficients, cost + len(columns) * float(np.log(rarer)))


def _path(ladder: Ladder, at: Fitted, rows: TrainingRows, spec: LogisticSpec) -> tuple[int, ...]:
    """Return the columns in the order in which they enter the path, no more than allowed."""
    from sklearn.linear_model import enet_path

    if len(ladder.cut) == 0:
        return ()
    gram, target = _approximation(ladder, at, rows)
    # A square root of the Gram matrix stands for all rows: same inner products, as few rows as columns.
    values, vectors = np.linalg.eigh(gram)
    kept = values > values[-1] * 1e-10
    root = (vectors[:, kept] * np.sqrt(values[kept])).T
    answer = (vectors[:, kept] / np.sqrt(values[kept])).T @ target
    # Free columns enter twice, once for each sign, as the path allows no negative coefficient.
    column = np.concatenate([np.flatnonzero(ladder.direction >= 0), np.flatnonzero(ladder.direction <= 0)])
    sign = np.repeat([1.0, -1.0], [(ladder.direction >= 0).sum(), (ladder.direction <= 0).sum()])
    signed = root[:, column] * sign
    largest = float((signed.T @ answer).max()) / (len(root) * spec.l1_ratio)
    if largest <= 0:
        return ()
    alphas = largest * np.geomspace(1.0, _SMALLEST_ALPHA, _ALPHAS)
    _, path, _ = enet_path(
        signed, answer, l1_ratio=spec.l1_ratio, alphas=alphas, positive=True, max_iter=20_000, tol=1e-3
    )
    return _order_of_entry(path, column)[: spec.max_parameters - 1]


def _order_of_entry(path: FloatArray, column: IntArray) -> tuple[int, ...]:
    """Return the columns that enter, the first first; of several at once the one with the largest coefficient."""
    entered = np.flatnonzero((path > 0).any(axis=1))
    step = (path[entered] > 0).argmax(axis=1)
    size = path[entered, step]
    order = np.lexsort((column[entered], -size, step))
    return tuple(dict.fromkeys(column[entered][order].tolist()))


def _blocks(ladder: Ladder) -> Iterator[tuple[slice, FloatArray]]:
    """Give the indicators as numbers, few rows at a time: all at once would take eight times the memory."""
    for start in range(0, len(ladder.indicators), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield part, ladder.indicators[part].astype(np.float64)


def _approximation(ladder: Ladder, at: Fitted, rows: TrainingRows) -> tuple[FloatArray, FloatArray]:
    """Return X'WX and X'Wz of the weighted least squares problem at a fit, centred and scaled to spread 1."""
    m = ladder.indicators.shape[1]
    gram, target = np.zeros((m, m)), np.zeros(m)
    sums, total, total_target = np.zeros(m), 0.0, 0.0
    for part, block in _blocks(ladder):
        log_odds = at.coefficients[0] + block[:, list(at.columns)] @ at.coefficients[1:]
        risk = expit(log_odds)
        work = rows.weight[part] * risk * (1.0 - risk)
        answer = work * log_odds + rows.weight[part] * (rows.outcome[part] - risk)
        # Products of 0/1 columns in float32 are exact to 1e-7, which is plenty for choosing columns, in half the time.
        heavy = (block * np.sqrt(work)[:, None]).astype(np.float32)
        gram += heavy.T @ heavy
        target += block.T @ answer
        sums += block.T @ work
        total += float(work.sum())
        total_target += float(answer.sum())
    mean = sums / total
    gram -= total * np.outer(mean, mean)
    target -= mean * total_target
    spread = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    return gram / np.outer(spread, spread), target / spread


def _as_curves(ladder: Ladder, fitted: Fitted, rows: TrainingRows) -> AdditiveModel:
    """Add up the steps of each feature to a curve."""
    base = float(fitted.coefficients[0])
    columns = np.array(fitted.columns, dtype=np.int64)
    curves = []
    for j in np.unique(ladder.feature[columns]):
        mine = ladder.feature[columns] == j
        cut, step = ladder.cut[columns][mine], fitted.coefficients[1:][mine]
        missing = np.isnan(cut)
        order = np.argsort(cut[~missing])
        cuts = tuple(cut[~missing][order].tolist())
        heights = np.concatenate([[step[missing].sum(), 0.0], np.cumsum(step[~missing][order])])
        part = parts_of(rows.features.values[:, j], cuts)
        mass = mass_by_part(part, rows.weight, len(heights))
        curve, mean = Curve.centred(rows.features.names[j], cuts, heights, mass)
        curves.append(curve)
        base += mean
    return AdditiveModel("logistic", rows.features.spec_hash, base, tuple(curves))
