"""Five families of models behind one protocol, and what turns their scores into offers of support."""

from riskmodel.models.abstention import Reliance, measure_reliance
from riskmodel.models.bagging import bag
from riskmodel.models.band import Band
from riskmodel.models.calibration import CalibratedModel, Calibration, fit_calibration
from riskmodel.models.calibration_choice import CurveChoice, FoldRisks, calibrate, fold_risks
from riskmodel.models.capacity import offers
from riskmodel.models.crossfit import crossfit, out_of_fold
from riskmodel.models.families import fit, from_state, load_libraries
from riskmodel.models.intervals import CalibrationRows, monotone_band
from riskmodel.models.protocol import RiskModel, smallest_group
from riskmodel.models.recalibration import recalibrate_in_the_large
from riskmodel.models.selection import Resampled, Selection, select
from riskmodel.models.spec import SIMPLEST_FIRST, CapacitySpec, ModelsSpec
from riskmodel.models.training import Timeline
from riskmodel.models.trying import Limit, Step, Trials
from riskmodel.models.tuned import Search, Tuned
from riskmodel.models.tuning import Trial, require_optuna, search
from riskmodel.models.usable import with_usable_families

__all__ = [
    "SIMPLEST_FIRST",
    "Band",
    "CalibratedModel",
    "Calibration",
    "CalibrationRows",
    "CapacitySpec",
    "CurveChoice",
    "FoldRisks",
    "Limit",
    "ModelsSpec",
    "Reliance",
    "Resampled",
    "RiskModel",
    "Search",
    "Selection",
    "Step",
    "Timeline",
    "Trial",
    "Trials",
    "Tuned",
    "bag",
    "calibrate",
    "crossfit",
    "fit",
    "fit_calibration",
    "fold_risks",
    "from_state",
    "load_libraries",
    "measure_reliance",
    "monotone_band",
    "offers",
    "out_of_fold",
    "recalibrate_in_the_large",
    "require_optuna",
    "search",
    "select",
    "smallest_group",
    "with_usable_families",
]
