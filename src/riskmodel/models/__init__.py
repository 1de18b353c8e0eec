"""Five families of models behind one protocol, and what turns their scores into offers of support."""

from riskmodel.models.calibration import CalibratedModel, Calibration, fit_calibration
from riskmodel.models.calibration_choice import CurveChoice, FoldRisks, calibrate, fold_risks
from riskmodel.models.capacity import offers
from riskmodel.models.crossfit import crossfit
from riskmodel.models.families import fit, from_state
from riskmodel.models.protocol import RiskModel, smallest_group
from riskmodel.models.recalibration import recalibrate_in_the_large
from riskmodel.models.selection import Resampled, Selection, select
from riskmodel.models.spec import SIMPLEST_FIRST, CapacitySpec, ModelsSpec

__all__ = [
    "SIMPLEST_FIRST",
    "CalibratedModel",
    "Calibration",
    "CapacitySpec",
    "CurveChoice",
    "FoldRisks",
    "ModelsSpec",
    "Resampled",
    "RiskModel",
    "Selection",
    "calibrate",
    "crossfit",
    "fit",
    "fit_calibration",
    "fold_risks",
    "from_state",
    "offers",
    "recalibrate_in_the_large",
    "select",
    "smallest_group",
]
