"""How likely support was to be offered on each day, from what was on record before it; and what that makes of each row.

A Poisson regression of offers on stretches of days in which the record did not change (a piecewise exponential model: Holford 1980,
Biometrics 36:299; Friedman 1982, Annals of Statistics 10:101). From it follows the chance that no support was offered to a row while it
was followed. Its inverse is a weight: rows to which nothing was offered also stand for those like them to which something was (inverse probability
of censoring weights: Robins and Finkelstein 2000, Biometrics 56:779).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from riskmodel.audit.groups import Grouping
from riskmodel.audit.histories import Stretches
from riskmodel.tables.cohort import Cohort, FloatArray, IntArray
from riskmodel.validate.resample import Resamples, one_blas_thread

_WIDE = 5.0  # standard deviation of the prior of the log rate ratio of what offers closely follow
_USUAL = 0.5  # of other facts, to begin with
_LEAST_AND_MOST = (0.02, 1.5)
_TOLERANCES = (1e-5, 1e-5, 1e-5, 1e-9)  # of the solver, round by round
_BENDS = (0.9, 0.98)  # shares of the scores above which their slope may differ
_AT_A_TIME = 16

CLOSE = -1


@dataclass(frozen=True)
class OfferHazard:
    """What a model of offers says of each row.

    Parameters
    ----------
    names : tuple of str
        Of the columns of the model, the constant first.
    scale : ndarray of float64, shape (p,)
        Standard deviation of the prior of each log rate ratio; that of the constant has none.
    coefficients : ndarray of float64, shape (p,)
        Log rate ratios over their scale; the first is the log rate of a day.
    cumulative : ndarray of float64, shape (n,)
        Expected offers while the row was followed; the chance that there was none is ``exp(-cumulative)``.
    slopes : sparse array, shape (n, p)
        How ``cumulative`` changes with the coefficients.
    scores : sparse array, shape (n, p)
        What each row adds to the equations that the coefficients solve.
    inverse : ndarray of float64, shape (p, p)
        Of the information.
    """

    names: tuple[str, ...]
    scale: FloatArray
    coefficients: FloatArray
    cumulative: FloatArray
    slopes: Any
    scores: Any
    inverse: FloatArray

    @property
    def rate_ratios(self) -> dict[str, float]:
        """By how much the rate of offers is multiplied, by column, without the constant."""
        found = np.exp(self.scale * self.coefficients)[1:]
        return dict(zip(self.names[1:], found.tolist(), strict=True))

    def moved(self, resamples: Resamples, *, threads: int = 2) -> FloatArray:
        """Return how far each resample moves the coefficients, by one step of Newton's method from the fit; shape (replicates, p)."""
        columns = self.scores.tocsc()
        drawn = [
            resamples.sums(columns[:, at : at + _AT_A_TIME].toarray(), threads=threads)
            for at in range(0, columns.shape[1], _AT_A_TIME)
        ]
        with one_blas_thread():
            found: FloatArray = (np.concatenate(drawn, axis=1) - self.scores.sum(axis=0)) @ self.inverse
        return found


@dataclass(frozen=True)
class Design:
    """What may have decided on offers, stretch by stretch.

    Parameters
    ----------
    columns : sparse array, shape (stretches, p)
    names : tuple of str
    block : ndarray of int64, shape (p,)
        Columns of one block, such as the groups of one attribute, have the same prior; those of ``CLOSE`` may all but decide on an offer,
        and theirs is wide.
    """

    columns: Any
    names: tuple[str, ...]
    block: IntArray


def fit_offers(design: Design, stretches: Stretches, weight: FloatArray) -> OfferHazard:
    """Fit the model of offers: the most likely log rate ratios, given normal priors around 0.

    How far the facts of a block matter is read from the data: the standard deviation of their prior is the one under which the data are
    most likely (MacKay 1992, Neural Computation 4:415). Without priors, a model with many facts would fit the very people to whom support
    was offered, and too few others would then stand for them. With one prior for all, an attribute that decides on offers would be
    taken for less than it is.

    Parameters
    ----------
    design : Design
    stretches : Stretches
    weight : ndarray of float64, shape (n,)
        Censoring weight of each row's outcome, 0 where it could not be seen.
    """
    from scipy import sparse

    with one_blas_thread():
        fitted = _Fit(design, stretches, weight)
        for tolerance in _TOLERANCES:
            fitted.set_prior()
            fitted.solve(tolerance)
        m, n = len(stretches), len(weight)
        by_row = (stretches.row, np.arange(m))
        rows = sparse.csr_array((fitted.expected, by_row), shape=(n, m))
        offered = sparse.csr_array((stretches.offered * 1.0, by_row), shape=(n, m))
        return OfferHazard(
            names=("constant", *design.names),
            scale=np.append(1.0, fitted.scale),
            coefficients=fitted.coefficients,
            cumulative=rows.sum(axis=1),
            slopes=rows @ fitted.columns,
            scores=(sparse.diags_array(weight) @ ((offered - rows) @ fitted.columns)).tocsr(),
            inverse=fitted.inverse,
        )


class _Fit:
    """The model of offers on the way to its priors; every column is multiplied by the standard deviation of its prior."""

    def __init__(self, design: Design, stretches: Stretches, weight: FloatArray) -> None:
        from sklearn.linear_model import PoissonRegressor

        self.design, self.stretches = design, stretches
        self.weight = weight[stretches.row]
        exposed, offers = self.weight * stretches.days, self.weight * stretches.offered
        # In units of the mean time between offers: gradients are then of the order of 1, as the solver's tolerance expects.
        self.rate = offers.sum() / exposed.sum()
        self.exposed = exposed * self.rate
        self.offers = np.divide(offers, self.exposed, out=np.zeros(len(offers)), where=self.exposed > 0)
        self.scale = np.where(design.block == CLOSE, _WIDE, _USUAL)
        self.model = PoissonRegressor(alpha=1 / self.exposed.sum(), solver="newton-cholesky", warm_start=True)
        self.solve(_TOLERANCES[0])

    def solve(self, tolerance: float) -> None:
        """Solve for the coefficients, and take the information there."""
        from scipy import sparse

        scaled = (self.design.columns @ sparse.diags_array(self.scale)).tocsr()
        self.model.set_params(tol=tolerance)
        self.model.fit(scaled, self.offers, sample_weight=self.exposed)
        self.columns = sparse.hstack([np.ones((len(self.stretches), 1)), scaled], format="csr")
        self.coefficients = np.append(self.model.intercept_ + np.log(self.rate), self.model.coef_)
        self.expected = np.exp(self.columns @ self.coefficients) * self.stretches.days
        information = (
            self.columns.T @ sparse.diags_array(self.weight * self.expected) @ self.columns
        ).toarray()
        prior = np.diag(np.append(0.0, np.ones(len(self.scale))))
        self.inverse = np.linalg.inv(information + prior)

    def set_prior(self) -> None:
        """Give the prior of each block the standard deviation that its coefficients speak for."""
        told = 1 - np.diag(self.inverse)[1:]  # how far the data, not the prior, decide on each
        for block in range(CLOSE + 1, int(self.design.block.max(initial=CLOSE)) + 1):
            own = self.design.block == block
            spread = np.sqrt((self.model.coef_[own] ** 2).sum() / max(float(told[own].sum()), 1e-9))
            new = np.clip(self.scale[own] * spread, *_LEAST_AND_MOST)
            self.model.coef_[own] *= self.scale[own] / new
            self.scale[own] = new


def design(
    stretches: Stretches, cohort: Cohort, raw: FloatArray, groupings: tuple[Grouping, ...], *, cut: int
) -> Design:
    """Return what may have decided on offers, stretch by stretch.

    The model's score by its rank, age, index date, the audited groups (offers may depend on them, and the audit compares them), all
    these once more for the weeks after what most offers follow, the later part of follow-up, and the recent record.

    Parameters
    ----------
    stretches : Stretches
    cohort : Cohort
        Of the rows.
    raw : ndarray of float64, shape (n,)
        Raw scores.
    groupings : tuple of Grouping
        Of one attribute each.
    cut : int
        Days after the index date at which the later part begins.
    """
    from scipy import sparse

    base, names, block = _standing(cohort, raw, groupings)
    m, at_all = len(stretches), sparse.csr_array(base)[stretches.row]
    soon = sparse.diags_array(stretches.soon.astype(np.float64)) @ at_all
    recent = [np.zeros(0, dtype=np.int64), *stretches.spans]
    columns = np.repeat(np.arange(len(recent)), [len(one) for one in recent]) - 1
    marks = sparse.csr_array(
        (np.ones(len(columns)), (np.concatenate(recent), columns)), shape=(m, len(stretches.spans))
    )
    later = (stretches.start >= cut).astype(np.float64)[:, None]
    n_blocks = max(block) + 1
    of_recent = np.full(len(stretches.names), 2 * n_blocks)
    of_recent[list(stretches.close)] = CLOSE
    whole = sparse.hstack([at_all, soon, later, marks], format="csr")
    blocks = np.concatenate([block, np.add(block, n_blocks), [0], of_recent]).astype(np.int64)
    return Design(whole, (*names, *(f"{one}, soon" for one in names), "later", *stretches.names), blocks)


def _standing(
    cohort: Cohort, raw: FloatArray, groupings: tuple[Grouping, ...]
) -> tuple[FloatArray, list[str], list[int]]:
    """Return what does not change while a row is followed: columns, names and blocks."""
    ordered = np.sort(raw)
    rank = (np.searchsorted(ordered, raw, "left") + np.searchsorted(ordered, raw, "right")) / (2 * len(raw))
    columns = [rank, *(np.maximum(rank - bend, 0) / (1 - bend) for bend in _BENDS)]
    names = ["score", *(f"score above {bend}" for bend in _BENDS)]
    if (cohort.age >= 0).any():
        columns.append(np.where(cohort.age >= 0, cohort.age - cohort.age[cohort.age >= 0].mean(), 0.0))
        names.append("age")
    block = [0] * len(names)
    _, date = np.unique(cohort.index_day, return_inverse=True)
    dates = Grouping("date", tuple((f"{one}",) for one in range(int(date.max()) + 1)), date.astype(np.int64))
    for number, grouping in enumerate((dates, *groupings), start=1):
        size = np.bincount(grouping.code, minlength=len(grouping.labels))
        for g in np.flatnonzero((size > 0) & (np.arange(len(size)) != size.argmax())).tolist():
            columns.append((grouping.code == g).astype(np.float64))
            names.append(f"{grouping.attribute}: {grouping.groups[g]}")
            block.append(number)
    return np.column_stack(columns), names, block
