"""Worse data, same model: what the trained model would do if an agency were missing, codes were wrong, or harm more common.

Nothing is trained again, because in use nobody would know. Each way of spoiling the data (``Spoiled``) gives new features or
new weights for the same rows; the model scores and offers again, and every number is laid beside that of the data as they
are, in the same resamples of people. People whose spoiled record is too thin are offered nothing, as in use.

``missing``: nothing could be read from one agency, and the features say so. ``late``: the agency's records are known a year
later than they were, and nothing says so: what happened looks as if it had not. ``codes``: in a share of rows, everything
that rests on the same codes is that of another young person at the same date (drawn with the seed). ``prevalence``: those
with the outcome count more or less, all else alike (a prior shift); the offers stay, precision and calibration move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate.estimate import Estimate, ratio
from riskmodel.validate.metrics import Drawn, ScoredRows, draw_metrics
from riskmodel.validate.resample import Resamples
from riskmodel.validate.spec import RobustnessSpec, ValidateSpec

SHOWN = ("auroc", "precision_at_capacity", "recall_at_capacity", "calibration_intercept")

Kind = Literal["missing", "late", "codes", "prevalence"]


@dataclass(frozen=True)
class Spoiled:
    """One way in which the data may be worse.

    Parameters
    ----------
    kind : str
        ``missing``, ``late``, ``codes`` or ``prevalence``.
    what : str
        The agency, or the share of wrong rows, or how many times as common the outcome is.
    features : FeatureMatrix or None
        What the model reads then; None where it reads the same.
    times_as_common : float
        How much more those with the outcome count.
    """

    kind: Kind
    what: str
    features: FeatureMatrix | None = None
    times_as_common: float = 1.0


@dataclass(frozen=True)
class Said:
    """What the model says about rows: raw score, risk estimate, whether it abstains, and chance of an offer."""

    raw: FloatArray
    risk: FloatArray
    thin: BoolArray
    offered: FloatArray


@dataclass(frozen=True)
class Shift:
    """The model under one way of spoiling the data.

    Parameters
    ----------
    kind, what : str
    metrics : mapping of str to Estimate
        Every name of ``SHOWN``, under spoiled data.
    change : mapping of str to Estimate
        The same, less the value for the data as they are; paired.
    offers_moved : float
        Share of offers that go to somebody else, or to nobody.
    abstained : float
        Share of rows whose record is too thin.
    """

    kind: Kind
    what: str
    metrics: Mapping[str, Estimate]
    change: Mapping[str, Estimate]
    offers_moved: float
    abstained: float


@dataclass(frozen=True)
class RobustnessReport:
    """The model on the data as they are, and under each way of spoiling them, worst recall first.

    Parameters
    ----------
    as_is : mapping of str to Estimate
    apparent : bool
        The model learned from these very people, so that its numbers are too good.
    shifts : tuple of Shift
    """

    as_is: Mapping[str, Estimate]
    apparent: bool
    shifts: tuple[Shift, ...]

    def to_json(self) -> dict[str, Any]:
        """Return ``robustness.json``."""
        return asdict(self)


def robustness(
    rows: ScoredRows,
    say: Callable[[FeatureMatrix], Said],
    spoiled: Iterable[Spoiled],
    resamples: Resamples,
    spec: ValidateSpec,
    *,
    apparent: bool,
    abstained: float,
    threads: int = 2,
) -> RobustnessReport:
    """Score again under each way of spoiling the data.

    Parameters
    ----------
    rows : ScoredRows
        What the model says of the data as they are.
    say : callable
        What it says of other features of the same rows.
    spoiled : iterable of Spoiled
    resamples : Resamples
        Aligned with the rows.
    spec : ValidateSpec
    apparent : bool
    abstained : float
        Share of rows as they are whose record is too thin.
    threads : int
        The result does not depend on it.

    Returns
    -------
    RobustnessReport
    """

    def drawn(one: ScoredRows) -> Drawn:
        return draw_metrics(one, resamples, spec, threads=threads)

    before = drawn(rows)
    shifts = []
    for one in spoiled:
        after, thin = _rescored(rows, one, say, abstained)
        metrics, change = _beside(drawn(after), before, after)
        moved = _moved(rows.offered, after.offered)
        shifts.append(Shift(one.kind, one.what, metrics, change, moved, thin))
    as_is, _ = _beside(before, before, rows)
    return RobustnessReport(as_is, apparent, tuple(sorted(shifts, key=_recall_lost)))


def without_agency(features: FeatureMatrix, agency: str) -> FeatureMatrix:
    """Return the features as if nothing could be read from an agency."""
    gone = np.array([info.agency == agency for info in features.infos])
    values = features.values.copy()
    values[:, gone] = np.nan
    return FeatureMatrix(values, features.infos)


def with_wrong_codes(features: FeatureMatrix, date: IntArray, *, share: float, seed: int) -> FeatureMatrix:
    """Return the features with a share of rows wrong, independently for each set of codes.

    Parameters
    ----------
    features : FeatureMatrix
    date : ndarray of int, shape (n,)
        Index date of each row; the other young person's record is read at the same date.
    share : float
        Rows that are wrong, for each set of codes, in expectation.
    seed : int

    Returns
    -------
    FeatureMatrix
    """
    rng = np.random.default_rng(seed)
    values = features.values.copy()
    together: dict[tuple[str, ...], list[int]] = {}
    for j, info in enumerate(features.infos):
        together.setdefault(info.codes, []).append(j)
    for columns in together.values():
        other = _others(date, rng)
        wrong = np.flatnonzero(rng.random(len(features)) < share)
        values[wrong[:, None], columns] = features.values[other[wrong][:, None], columns]
    return FeatureMatrix(values, features.infos)


def spoil(
    features: FeatureMatrix,
    date: IntArray,
    spec: RobustnessSpec,
    *,
    used: Sequence[str],
    late: Iterable[tuple[str, FeatureMatrix]],
    seed: int,
) -> Iterator[Spoiled]:
    """Give every way of spoiling the data that a study asks for; each is made when it is asked for.

    Parameters
    ----------
    features : FeatureMatrix
    date : ndarray of int, shape (n,)
    spec : RobustnessSpec
    used : sequence of str
        Features the model uses: agencies of none of them are passed over.
    late : iterable of (str, FeatureMatrix)
        Features as they would be if one agency were a year late; may be made when asked for.
    seed : int
    """
    if spec.agencies:
        for agency in dict.fromkeys(info.agency for info in features.infos if info.name in used):
            yield Spoiled("missing", agency, without_agency(features, agency))
    for agency, delayed in late:
        yield Spoiled("late", agency, delayed)
    for share in spec.wrong_codes:
        yield Spoiled("codes", f"{share:g}", with_wrong_codes(features, date, share=share, seed=seed))
    for times in spec.prevalence:
        yield Spoiled("prevalence", f"{times:g}", times_as_common=times)


def _rescored(
    rows: ScoredRows, one: Spoiled, say: Callable[[FeatureMatrix], Said], abstained: float
) -> tuple[ScoredRows, float]:
    weight = np.where(rows.outcome == 1, rows.weight * one.times_as_common, rows.weight)
    if one.features is None:
        return replace(rows, weight=weight), abstained
    said = say(one.features)
    after = replace(rows, raw=said.raw, risk=said.risk, offered=said.offered, weight=weight)
    return after, float(said.thin.mean())


def _beside(after: Drawn, before: Drawn, rows: ScoredRows) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    people = {"n_subjects": rows.n_subjects, "n_outcomes": rows.n_outcomes}
    metrics = {n: Estimate.from_draws(after.points[n], after.draws[n], **people) for n in SHOWN}
    change = {
        n: Estimate.from_draws(after.points[n] - before.points[n], after.draws[n] - before.draws[n], **people)
        for n in SHOWN
    }
    return metrics, change


def _moved(before: FloatArray, after: FloatArray) -> float:
    """Return the share of offers that do not stay with whom they were; 0 where there were none."""
    made = np.array([before.sum()])
    moved = np.array([np.maximum(before - after, 0.0).sum()])
    return float(np.nan_to_num(ratio(moved, made)[0]))


def _recall_lost(one: Shift) -> tuple[float, float]:
    change = one.change["recall_at_capacity"].estimate
    return (0.0 if change is None else round(change, 6), -one.offers_moved)


def _others(date: IntArray, rng: np.random.Generator) -> IntArray:
    """Return another row of the same date for each row, drawn without replacement; of a date with one row, itself."""
    other = np.arange(len(date))
    for one in np.unique(date):
        rows = np.flatnonzero(date == one)
        order = rng.permutation(len(rows))
        other[rows[order]] = rows[np.roll(order, 1)]
    return other
