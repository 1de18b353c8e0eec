"""Recalibration in the large: when an outcome becomes more or less common, every estimate moves by one number.

It changes nobody's rank and no explanation. It mends estimates that are too high or too low *on average*; if a
model has come to order people worse, or its slope is wrong, it must be trained again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from riskmodel.disclosure import Disclosure
from riskmodel.errors import DataError
from riskmodel.models.calibration import CalibratedModel, Recalibration, shifted
from riskmodel.tables.cohort import FloatArray

FEWEST = 20
"""Rows of each outcome: a shift of every estimate must not hang on a few young people."""

_FURTHEST = 30.0  # log-odds: farther than any two rates that are not 0 or 1
_HALVINGS = 60


def recalibrate_in_the_large(
    calibrated: CalibratedModel,
    raw: FloatArray,
    outcome: npt.NDArray[np.int8],
    weight: FloatArray,
    *,
    on: str,
    disclosure: Disclosure | None = None,
) -> CalibratedModel:
    """Move every risk estimate so that as many are expected to come to harm as did.

    The intercept of the calibration is updated and nothing else (Steyerberg et al. 2004, Stat. Med. 23:2567, method 2).
    There is no argument for a group: an intercept of its own for each group would be fitted by an audited attribute.

    Parameters
    ----------
    calibrated : CalibratedModel
    raw : ndarray of float64, shape (n,)
        Raw scores of newer rows, or out-of-fold scores of rows that the model learned from; NaN is left out.
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
        Rows of weight 0 are left out.
    on : str
        Which rows these are, in words; kept with the model.
    disclosure : Disclosure, optional
        Rounds the counts that are kept.

    Returns
    -------
    CalibratedModel
        The same model; ``recalibration`` says what was done. Doing it again on the same rows changes nothing.

    Raises
    ------
    DataError
        If fewer than 20 of the rows have the outcome, or fewer than 20 do not.
    """
    used = np.isfinite(raw) & (weight > 0)
    happened, mass = outcome[used].astype(np.float64), weight[used]
    rarer = int(min(happened.sum(), len(happened) - happened.sum()))
    if rarer < FEWEST:
        raise DataError(
            expected=f"at least {FEWEST} rows with the outcome and {FEWEST} without it",
            found=f"fewer than {FEWEST} of one kind",
            where=f"recalibration on {on}",
            next_step="Use a longer period, or leave the estimates as they are.",
        )
    risk = calibrated.risk(raw[used])
    shift = _shift(risk, float(mass @ happened), mass)
    door = disclosure or Disclosure()
    return replace(
        calibrated,
        calibration=replace(calibrated.calibration, shift=calibrated.calibration.shift + shift),
        recalibration=Recalibration(
            on=on,
            n_rows=door.count(len(happened)),
            n_outcomes=door.count(int(happened.sum())),
            expected=float(np.average(risk, weights=mass)),
            shift=shift,
        ),
    )


def _shift(risk: FloatArray, observed: float, weight: FloatArray) -> float:
    """Return the log-odds at which the expected number is the observed one, by halving: it rises without a break."""
    low, high = -_FURTHEST, _FURTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if float(weight @ shifted(risk, middle)) < observed:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
