"""From raw scores to risk estimates: outside the explained score, and never against its order."""

from __future__ import annotations

from dataclasses import dataclass
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
from riskmodel.models.regression import expit, fit_binomial
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
        ``sigmoid``: 1 / (1 + exp(-(intercept + slope x raw))) (Platt 1999). ``isotonic``: straight lines between the
        knots (Zadrozny and Elkan 2002), plus a millionth of the sigmoid, so that rows with different raw scores keep
        their order where the curve is flat. ``none``: the raw score is taken as log-odds.
    intercept, slope : float
        Of the sigmoid.
    knots_raw, knots_risk : tuple of float
        Of the isotonic curve; empty for the other kinds.
    """

    kind: CalibrationKind
    intercept: float = 0.0
    slope: float = 1.0
    knots_raw: tuple[float, ...] = ()
    knots_risk: tuple[float, ...] = ()

    def risk(self, raw: FloatArray) -> FloatArray:
        """Return risk estimates in [0, 1], shape (n,)."""
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
        return {
            "kind": self.kind,
            "intercept": self.intercept,
            "slope": self.slope,
            "knots_raw": list(self.knots_raw),
            "knots_risk": list(self.knots_risk),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        knots = {name: tuple(state[name]) for name in ("knots_raw", "knots_risk")}
        return cls(state["kind"], state["intercept"], state["slope"], **knots)


@dataclass(frozen=True)
class CalibratedModel:
    """A model, the curve that turns its raw score into a risk estimate, and how sure and how well read that must be.

    Parameters
    ----------
    model : RiskModel
    calibration : Calibration
    band : Band, optional
        Limits of the risk at each raw score; without one there are no intervals.
    reliance : Reliance, optional
        When a record is too thin for an estimate; without one, never.
    """

    model: RiskModel
    calibration: Calibration
    band: Band | None = None
    reliance: Reliance | None = None

    def __post_init__(self) -> None:
        if self.calibration.kind == "none" and self.model.unit != LOG_ODDS:
            raise StudyError(
                [
                    (
                        f"'models.calibration' is none, but the score of '{self.model.family}' is a number of "
                        f"{self.model.unit} and no probability: choose sigmoid or isotonic"
                    )
                ]
            )

    def risk(self, raw: FloatArray) -> FloatArray:
        """Return risk estimates in [0, 1] for raw scores, shape (n,)."""
        return self.calibration.risk(raw)

    def around(self, risk: FloatArray, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits of risk estimates, which may be out of fold; NaN without a band."""
        nothing = np.full(len(risk), np.nan)
        return (nothing, nothing) if self.band is None else self.band.around(risk, raw)

    def interval(self, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits of this model's own risk estimates; NaN without a band."""
        return self.around(self.risk(raw), raw)

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
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what ``to_state`` wrote."""
        band, reliance = state["band"], state["reliance"]
        return cls(
            from_state(state["model"]),
            Calibration.from_state(state["calibration"]),
            band=None if band is None else Band.from_state(band),
            reliance=None if reliance is None else Reliance.from_state(reliance),
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
    """Fit the curve on out-of-fold raw scores.

    Parameters
    ----------
    raw : ndarray of float64, shape (n,)
        Out-of-fold scores; rows that are NaN are left out.
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
        Rows of weight 0 are left out.
    kind : str

    Returns
    -------
    Calibration
        Where a higher raw score does not go with a higher risk, the model has learned nothing that holds for others:
        everybody's estimate is then the base rate (``learned`` is false, and the card says so). A curve that turned
        the order round would contradict the explanation of the score.

    Raises
    ------
    DataError
        If the outcome is the same for everyone.
    """
    if kind == "none":
        return Calibration("none")
    used = np.isfinite(raw) & (weight > 0)
    raw, happened, weight = raw[used], outcome[used].astype(np.float64), weight[used]
    if len(np.unique(happened)) < 2:
        raise DataError(
            expected="scored rows with the outcome and scored rows without it",
            found=f"the same outcome in all {len(raw)} rows",
            where="calibration",
            next_step="Look at the outcome, the index dates and the folds in the study.",
        )
    intercept, slope = (float(c) for c in _line(raw, happened, weight))
    if not slope > FLAT:
        base = float(np.average(happened, weights=weight))
        return Calibration("sigmoid", float(np.log(base / (1 - base))), FLAT)
    if kind == "sigmoid":
        return Calibration("sigmoid", intercept, slope)
    knots_raw, knots_risk = _isotonic(raw, happened, weight)
    return Calibration("isotonic", intercept, slope, knots_raw, knots_risk)


def _line(raw: FloatArray, happened: FloatArray, weight: FloatArray) -> FloatArray:
    level, place = np.unique(raw, return_inverse=True)
    cases = mass_by_part(place, weight * happened, len(level))
    return fit_binomial(level[:, None], cases, mass_by_part(place, weight, len(level)), ridge=_RIDGE)


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
