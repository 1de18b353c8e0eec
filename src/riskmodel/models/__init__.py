"""Five families of models behind one protocol, and what turns their scores into offers of support."""

from riskmodel.models.abstention import Reliance, measure_reliance
from riskmodel.models.bagging import bag
from riskmodel.models.band import Band
from riskmodel.models.calibration import CalibratedModel, Calibration, fit_calibration
from riskmodel.models.capacity import offers
from riskmodel.models.crossfit import crossfit
from riskmodel.models.families import fit, from_state
from riskmodel.models.intervals import CalibrationRows, monotone_band
from riskmodel.models.protocol import RiskModel, smallest_group
from riskmodel.models.selection import Resampled, Selection, select
from riskmodel.models.spec import SIMPLEST_FIRST, CapacitySpec, ModelsSpec
from riskmodel.models.usable import with_usable_families

__all__ = [
    "SIMPLEST_FIRST",
    "Band",
    "CalibratedModel",
    "Calibration",
    "CalibrationRows",
    "CapacitySpec",
    "ModelsSpec",
    "Reliance",
    "Resampled",
    "RiskModel",
    "Selection",
    "bag",
    "crossfit",
    "fit",
    "fit_calibration",
    "from_state",
    "measure_reliance",
    "monotone_band",
    "offers",
    "select",
    "smallest_group",
    "with_usable_families",
]
