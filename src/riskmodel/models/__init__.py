"""Five families of models behind one protocol, and what turns their scores into offers of support."""

from riskmodel.models.calibration import CalibratedModel, Calibration, fit_calibration
from riskmodel.models.capacity import offers
from riskmodel.models.crossfit import crossfit, fold_models, out_of_fold
from riskmodel.models.families import fit, from_state
from riskmodel.models.protocol import RiskModel, smallest_group
from riskmodel.models.selection import Resampled, Selection, select
from riskmodel.models.spec import SIMPLEST_FIRST, CapacitySpec, ModelsSpec
from riskmodel.models.training import Timeline

__all__ = [
    "SIMPLEST_FIRST",
    "CalibratedModel",
    "Calibration",
    "CapacitySpec",
    "ModelsSpec",
    "Resampled",
    "RiskModel",
    "Selection",
    "Timeline",
    "crossfit",
    "fit",
    "fit_calibration",
    "fold_models",
    "from_state",
    "offers",
    "out_of_fold",
    "select",
    "smallest_group",
]
