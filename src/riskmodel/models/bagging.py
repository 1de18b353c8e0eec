"""Refits on resampled households: what another draw of young people would have made of the same family."""

from __future__ import annotations

import numpy as np

from riskmodel.models.band import Band
from riskmodel.models.calibration import Calibration, fit_calibration
from riskmodel.models.families import fit
from riskmodel.models.intervals import CalibrationRows, bagged_band
from riskmodel.models.spec import CalibrationKind, ModelsSpec
from riskmodel.tables.cohort import BoolArray, FloatArray
from riskmodel.tables.features import FeatureMatrix


def bag(
    family: str,
    features: FeatureMatrix,
    rows: CalibrationRows,
    calibration: Calibration,
    *,
    kind: CalibrationKind,
    spec: ModelsSpec,
    seed: int,
) -> Band:
    """Return the bagged band of one family.

    Parameters
    ----------
    family : str
    features : FeatureMatrix
        Of the same rows.
    rows : CalibrationRows
    calibration : Calibration
        Of the final model.
    kind : str
        How each refit is calibrated.
    spec : ModelsSpec
    seed : int

    Returns
    -------
    Band
    """
    outcome = rows.outcome.astype(np.int8)

    def refit(drawn: FloatArray, left: BoolArray) -> FloatArray:
        weight, person = rows.weight * drawn, rows.units[0]
        model = fit(family, features, outcome, weight, spec=spec, seed=seed, threads=1, person=person)
        return model.raw_score(features.take(left))

    def calibrate(raw: FloatArray, left: BoolArray) -> Calibration:
        return fit_calibration(raw, outcome[left], rows.weight[left], kind=kind)

    return bagged_band(rows, calibration, refit, calibrate=calibrate, bags=spec.uncertainty.bags, seed=seed)
