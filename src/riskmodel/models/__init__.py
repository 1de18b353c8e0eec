"""Five families of models behind one protocol, and what turns their scores into offers of support."""

from riskmodel.models.calibration import CalibratedModel, Calibration, fit_calibration
from riskmodel.models.capacity import offers
from riskmodel.models.crossfit import crossfit
from riskmodel.models.families import fit, from_state
from riskmodel.models.protocol import RiskModel, smallest_group
from riskmodel.models.selection import Resampled, Selection, select
from riskmodel.models.spec import SIMPLEST_FIRST, CapacitySpec, ModelsSpec
from riskmodel.models.usable import with_usable_families

__all__ = [
    "SIMPLEST_FIRST",
    "CalibratedModel",
    "Calibration",
    "CapacitySpec",
    "ModelsSpec",
    "Resampled",
    "RiskModel",
    "Selection",
    "crossfit",
    "fit",
    "fit_calibration",
    "from_state",
    "offers",
    "select",
    "smallest_group",
    "with_usable_families",
]
