"""From raw scores to risk estimates: outside the explained score, and never against its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from riskmodel.errors import DataError, StudyError
from riskmodel.files import read_json, write_json
from riskmodel.models.abstention import Reliance
from riskmodel.models.band import Band
from riskmodel.models.bins import choose_cuts, mass_by_part, parts_of
from riskmodel.models.families import from_state
from riskmodel.models.protocol import RiskModel
from riskmodel.models.regression import deviance, expit, fit_binomial
from riskmodel.models.spec import LOG_ODDS, CalibrationKind
from riskmodel.tables.cohort import BoolArray, FloatArray
from riskmodel.tables.features import FeatureMatrix

TIE_BREAK = 1e-6
"""Share of the sigmoid in an isotonic estimate: enough to keep the order of raw scores, too little to be seen."""

FLAT = 1e-6
"""Slope of the curve of a model that has learned nothing: it keeps the order and moves no estimate that is shown."""

_RIDGE = 1e-6  # so small that it matters only when the outcome is perfectly separated
_MOST_STEPS = 200
_FEWEST_ROWS = 10


@dataclass(frozen=True)
class Calibration:
    """A rising curve from raw score to risk estimate.

    Parameters
    ----------
    kind : str
        ``none``: the raw score is taken as log-odds. ``sigmoid``: 1 / (1 + exp(-(intercept + slope x raw))) (Platt 1999).
        ``beta``: the raw score is taken as log-odds of a probability p, and log-odds of the risk are
        c + a ln p - b ln(1 - p) with a and b of at least 0 (Kull, Silva Filho and Flach 2017). ``isotonic``: straight
        lines between the knots (Zadrozny and Elkan 2002), plus a millionth of the sigmoid, so that rows with different
        raw scores keep their order where the curve is flat.
    intercept, slope : float
        Of the sigmoid.
    beta : tuple of float
        a, b and c; empty for the other kinds.
    knots_raw, knots_risk : tuple of float
        Of the isotonic curve; empty for the other kinds.
    shift : float
        Log-odds added to every estimate by a recalibration in the large.
    """

    kind: CalibrationKind
    intercept: float = 0.0
    slope: float = 1.0
    beta: tuple[float, ...] = ()
    knots_raw: tuple[float, ...] = ()
    knots_risk: tuple[float, ...] = ()
    shift: float = 0.0

    def risk(self, raw: FloatArray) -> FloatArray:
        """Return risk estimates in [0, 1], shape (n,)."""
        risk = self._curve(raw)
        return risk if self.shift == 0.0 else shifted(risk, self.shift)

    def _curve(self, raw: FloatArray) -> FloatArray:
        if self.kind == "beta":
            a, b, c = self.beta
            return expit(c + _beta_columns(raw) @ np.array([a, b]))
        sigmoid = expit(self.intercept + self.slope * raw)
        if self.kind != "isotonic":
            return sigmoid
        steps = np.interp(raw, self.knots_raw, self.knots_risk)
        return (1.0 - TIE_BREAK) * steps + TIE_BREAK * sigmoid

    @property
    def learned(self) -> bool:
        """Whether a higher raw score went with a higher risk among people that the model had not seen."""
        return self.kind == "none" or self.slope > FLAT

    def to_state(self) -> dict[str, Any]:
        """Return the curve as JSON-ready data."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        read: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in state.items()}
        return cls(**read)


def shifted(risk: FloatArray, log_odds: float) -> FloatArray:
    """Return risks whose odds are multiplied; 0 and 1 stay what they are."""
    odds = np.exp(log_odds)
    return np.asarray(risk * odds / (1.0 - risk + risk * odds))


@dataclass(frozen=True)
class Recalibration:
    """What a recalibration in the large was done on; counts are rounded, as a model's file may be read by others.

    Parameters
    ----------
    on : str
        Which rows, in words.
    n_rows, n_outcomes : int or None
        Rounded; None if too small to be shown.
    expected : float
        Mean risk estimate before.
    shift : float
        Log-odds by which every estimate was moved.
    """

    on: str
    n_rows: int | None
    n_outcomes: int | None
    expected: float
    shift: float


@dataclass(frozen=True)
class CalibratedModel:
    """A model, the curve that turns its raw score into a risk estimate, and how sure and how well read that must be.

    Parameters
    ----------
    model : RiskModel
    calibration : Calibration
    band : Band, optional
        Limits of the risk at each raw score, before the curve was moved; without one there are no intervals.
    reliance : Reliance, optional
        When a record is too thin for an estimate; without one, never.
    recalibration : Recalibration, optional
        How the curve was moved since it was fitted.
    """

    model: RiskModel
    calibration: Calibration
    band: Band | None = None
    reliance: Reliance | None = None
    recalibration: Recalibration | None = None

    def __post_init__(self) -> None:
        if self.calibration.kind in ("none", "beta") and self.model.unit != LOG_ODDS:
            raise StudyError(
                [
                    (
                        f"'models.calibration' is {self.calibration.kind}, but the score of '{self.model.family}' is a number of "
                        f"{self.model.unit} and no probability: choose sigmoid or isotonic"
                    )
                ]
            )

    def risk(self, raw: FloatArray) -> FloatArray:
        """Return risk estimates in [0, 1] for raw scores, shape (n,)."""
        return self.calibration.risk(raw)

    def around(self, risk: FloatArray, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits of out-of-fold estimates, which no recalibration moved; NaN without a band."""
        nothing = np.full(len(risk), np.nan)
        return (nothing, nothing) if self.band is None else self.band.around(risk, raw)

    def interval(self, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits of this model's own risk estimates, moved as these were; NaN without a band."""
        lower, upper = self.around(replace(self.calibration, shift=0.0).risk(raw), raw)
        return shifted(lower, self.calibration.shift), shifted(upper, self.calibration.shift)

    def too_thin(self, features: FeatureMatrix) -> BoolArray:
        """Return for which rows the record is too thin for an estimate, shape (n,)."""
        if self.reliance is None:
            return np.zeros(len(features), dtype=np.bool_)
        return self.reliance.too_thin(features)

    def to_state(self) -> dict[str, Any]:
        """Return everything as JSON-ready data."""
        return {
            "model": self.model.to_state(),
            "calibration": self.calibration.to_state(),
            "band": None if self.band is None else self.band.to_state(),
            "reliance": None if self.reliance is None else self.reliance.to_state(),
            "recalibration": None if self.recalibration is None else asdict(self.recalibration),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        band, reliance, moved = state["band"], state["reliance"], state["recalibration"]
        return cls(
            from_state(state["model"]),
            Calibration.from_state(state["calibration"]),
            band=None if band is None else Band.from_state(band),
            reliance=None if reliance is None else Reliance.from_state(reliance),
            recalibration=None if moved is None else Recalibration(**moved),
        )

    def save(self, path: Path) -> None:
        """Write JSON, whole or not at all."""
        write_json(path, self.to_state())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote."""
        return cls.from_state(read_json(path))


def fit_calibration(
    raw: FloatArray, outcome: npt.NDArray[np.int8], weight: FloatArray, *, kind: CalibrationKind
) -> Calibration:
    """Fit one curve on out-of-fold raw scores; see ``fit_calibrations``."""
    return fit_calibrations(raw, outcome, weight, kinds=(kind,))[kind]


def fit_calibrations(
    raw: FloatArray,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    *,
    kinds: Sequence[CalibrationKind],
) -> dict[CalibrationKind, Calibration]:
    """Fit curves of several kinds on out-of-fold raw scores.

    Parameters
    ----------
    raw : ndarray of float64, shape (n,)
        Out-of-fold scores; rows that are NaN are left out.
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
        Rows of weight 0 are left out.
    kinds : sequence of str

    Returns
    -------
    dict of str to Calibration
        Where a higher raw score does not go with a higher risk, the model has learned nothing that holds for others:
        everybody's estimate is then the base rate (``learned`` is false, and the card says so). A curve that turned
        the order round would contradict the explanation of the score.

    Raises
    ------
    DataError
        If the outcome is the same for everyone.
    """
    if set(kinds) == {"none"}:
        return {"none": Calibration("none")}
    used = np.isfinite(raw) & (weight > 0)
    raw, happened, weight = raw[used], outcome[used].astype(np.float64), weight[used]
    if len(np.unique(happened)) < 2:
        raise DataError(
            expected="scored rows with the outcome and scored rows without it",
            found=f"the same outcome in all {len(raw)} rows",
            where="calibration",
            next_step="Look at the outcome, the index dates and the folds in the study.",
        )
    levels = _Levels.of(raw, happened, weight)
    intercept, slope = (float(c) for c in levels.fit(levels.score[:, None]))
    if not slope > FLAT:
        base = float(np.average(happened, weights=weight))
        flat = Calibration("sigmoid", float(np.log(base / (1 - base))), FLAT)
        return {kind: Calibration("none") if kind == "none" else flat for kind in kinds}
    line = Calibration("sigmoid", intercept, slope)

    def curve(kind: CalibrationKind) -> Calibration:
        if kind == "beta":
            return replace(line, kind=kind, beta=_beta(levels))
        if kind == "isotonic":
            knots_raw, knots_risk = _isotonic(raw, happened, weight)
            return replace(line, kind=kind, knots_raw=knots_raw, knots_risk=knots_risk)
        return line if kind == "sigmoid" else Calibration("none")

    return {kind: curve(kind) for kind in kinds}


@dataclass(frozen=True)
class _Levels:
    """Distinct scores, and the weight with the outcome and in all at each: they stand for all rows without loss."""

    score: FloatArray
    cases: FloatArray
    weight: FloatArray

    @classmethod
    def of(cls, raw: FloatArray, happened: FloatArray, weight: FloatArray) -> Self:
        level, place = np.unique(raw, return_inverse=True)
        cases = mass_by_part(place, weight * happened, len(level))
        return cls(level, cases, mass_by_part(place, weight, len(level)))

    def fit(self, columns: FloatArray) -> FloatArray:
        return fit_binomial(columns, self.cases, self.weight, ridge=_RIDGE)


def _beta_columns(raw: FloatArray) -> FloatArray:
    """Return ln p and -ln(1 - p) for log-odds, without overflow, shape (n, 2)."""
    return np.column_stack([-np.logaddexp(0.0, -raw), np.logaddexp(0.0, raw)])


def _beta(levels: _Levels) -> tuple[float, float, float]:
    """Return a, b and c of the best rising curve.

    The likelihood is concave: if its peak has a or b below 0, the best of the allowed curves lies on an edge, where one of
    them is 0. Not both, for then the best sigmoid of the score (a = b) would not rise, and it does.
    """
    columns = _beta_columns(levels.score)
    c, a, b = levels.fit(columns)
    if min(a, b) >= 0.0:
        return float(a), float(b), float(c)
    edges = []
    for kept in (0, 1):
        one = columns[:, [kept]]
        c, slope = levels.fit(one)
        if slope > 0.0:
            cost = deviance(c + one[:, 0] * slope, levels.cases, levels.weight)
            edges.append((cost, kept, float(slope), float(c)))
    _, kept, slope, c = min(edges)
    return (slope, 0.0, c) if kept == 0 else (0.0, slope, c)


def _isotonic(
    raw: FloatArray, happened: FloatArray, weight: FloatArray
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return knots at the mean raw score of groups of at least ten rows, rising."""
    from sklearn.isotonic import isotonic_regression

    most = max(2, min(_MOST_STEPS, len(raw) // _FEWEST_ROWS))
    cuts = choose_cuts(raw, weight, np.arange(len(raw)), max_bins=most, min_people=_FEWEST_ROWS)
    part = parts_of(raw, cuts) - 1
    mass = mass_by_part(part, weight, len(cuts) + 1)
    middle = mass_by_part(part, weight * raw, len(mass)) / mass
    risk = isotonic_regression(mass_by_part(part, weight * happened, len(mass)) / mass, sample_weight=mass)
    return tuple(middle.tolist()), tuple(risk.tolist())
