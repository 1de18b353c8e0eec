"""The equations of a life: how often each thing happens to a young person, and what it makes more likely.

Every process is written the same way. For a person of a given age, in a given month,

    rate = yearly rate / 12 x age curve
           x exp(poverty, conduct, frailty, male: standing dispositions)
           x exp(adversity effect x number of adversities at home now)
           x (1 + momentum effect x momentum)
           x (1 - support effect), while support taken up lasts

Momentum is what recent events leave behind: each event adds its ``jump``, and momentum fades by a fixed share
each month (a self-exciting process; Mohler and others 2011, JASA 106:100). So earlier harm raises later harm,
people harmed and people who harm overlap, and suspension or care leave a mark that records can show.

There is no ethnic group in these equations, and no field in `Process` could hold one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.population import LAST_AGE, People

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmodel.simulate.clock import FloatArray

MOMENTUM_KEPT = 0.93
"""Share of momentum left after a month: half is gone after nine and a half months (assumed)."""

MOMENTUM_CAP = 8.0
"""Nobody's momentum goes beyond this, so that no rate runs away (assumed; reached by very few)."""

SUPPORT_MONTHS = 6
"""How long support lasts once taken up (assumed)."""

Curve = tuple[tuple[float, float], ...]

# Age (years) and relative rate, straight lines between. Violence follows the age at first serious violence of
# Waltham Forest (MoJ and DfE linked data, 2023); the others are assumed.
_HARM_AGES: Curve = (
    (0, 0.02),
    (5, 0.08),
    (9, 0.22),
    (11, 0.48),
    (13, 0.85),
    (15, 1.2),
    (17, 1.45),
    (19, 1.5),
)
_VIOLENCE_AGES: Curve = (
    (7.9, 0.0),
    (10, 0.1),
    (12, 0.3),
    (13, 0.6),
    (14, 0.9),
    (15.5, 1.25),
    (17, 1.1),
    (19, 0.8),
)
_OFFENCE_AGES: Curve = ((9.9, 0.0), (10, 0.05), (13, 0.5), (15, 1.0), (17, 1.4), (19, 1.4))
_SUSPENSION_AGES: Curve = (
    (4.5, 0.0),
    (5, 0.08),
    (10, 0.18),
    (11.3, 0.5),
    (12.5, 1.0),
    (15.5, 1.2),
    (16.4, 0.5),
    (18, 0.1),
)
_REFERRAL_AGES: Curve = ((0, 1.4), (2, 1.0), (8, 0.8), (12, 1.0), (15, 1.3), (17, 1.1), (18, 0.0))
_TEEN_AGES: Curve = ((9.9, 0.0), (11, 0.3), (13, 0.8), (15, 1.3), (17, 1.2), (19, 1.0))


@dataclass(frozen=True)
class Process:
    """One kind of event: how often it happens and what it depends on.

    Parameters
    ----------
    yearly : float
        Events a year for an average girl at relative age rate 1.
    ages : tuple of (age in years, relative rate)
        Straight lines between, the ends carried on.
    poverty, conduct, frailty : float
        Log rate ratio for one standard deviation.
    male : float
        Log rate ratio of boys to girls.
    adversity : float
        Log rate ratio for each adversity running at home.
    momentum : float
        Growth of the rate for each unit of momentum.
    jump : float
        What one event adds to momentum.
    in_school : bool
        Happens in school months only.
    eased : bool
        Lowered by support while it lasts.
    """

    yearly: float
    ages: Curve
    poverty: float = 0.0
    conduct: float = 0.0
    frailty: float = 0.0
    male: float = 0.0
    adversity: float = 0.0
    momentum: float = 0.0
    jump: float = 0.0
    in_school: bool = False
    eased: bool = False


# Relations are assumed in size and sign-checked against domain evidence: exclusion HR 2.05 (Cornish and Brennan
# 2025), adversity OR 1.8 (Fitton 2020), male OR for serious violence 6 to 8 (MoJ and DfE 2023). Levels are fitted
# to the margins that `margins.py` lists.
PROCESSES: Mapping[str, Process] = {
    "harm": Process(
        0.0134, _HARM_AGES, poverty=0.20, conduct=0.48, frailty=0.36, male=0.40, adversity=0.36,
        momentum=0.8, jump=1.0, eased=True,
    ),
    "violence": Process(
        0.0054, _VIOLENCE_AGES, poverty=0.26, conduct=0.80, frailty=0.45, male=1.60, adversity=0.40,
        momentum=0.8, jump=0.8, eased=True,
    ),
    "offence": Process(
        0.0110, _OFFENCE_AGES, poverty=0.22, conduct=0.65, frailty=0.40, male=1.00, adversity=0.20,
        momentum=0.8, jump=0.15,
    ),
    "suspension": Process(
        0.0125, _SUSPENSION_AGES, poverty=0.25, conduct=1.40, frailty=0.15, male=0.25, adversity=0.20,
        momentum=0.40, jump=0.30, in_school=True,
    ),
    "referral": Process(
        0.0096, _REFERRAL_AGES, poverty=0.40, conduct=0.30, frailty=0.30, adversity=0.85, momentum=0.4, jump=0.30,
    ),
    "missing": Process(
        0.004, _TEEN_AGES, poverty=0.20, conduct=0.50, frailty=0.50, adversity=0.35, momentum=0.8, jump=0.5,
    ),
    "self_harm": Process(
        0.006, _TEEN_AGES, poverty=0.10, conduct=0.20, frailty=0.60, male=-0.9, adversity=0.35, momentum=0.4, jump=0.3,
    ),
    "distress": Process(
        0.020, _TEEN_AGES, poverty=0.10, conduct=0.45, frailty=0.35, male=-0.2, adversity=0.30, momentum=0.2,
    ),
    "other_victim": Process(
        0.020, _HARM_AGES, poverty=0.15, conduct=0.25, frailty=0.30, male=0.1, adversity=0.30, momentum=0.4, jump=0.1,
    ),
}  # fmt: skip

# What follows from what: (cause, consequence) -> probability (assumed). The consequence adds its own jump. These
# hang on what was done or suffered, never on whether the police knew: so no police decision changes a life.
FOLLOWS: Mapping[tuple[str, str], float] = {
    ("violence", "suspension_after"): 0.22,
    ("violence", "exclusion"): 0.018,
    ("violence", "placement"): 0.07,
    ("violence", "referral_after"): 0.06,
    ("violence", "care"): 0.004,
    ("suspension", "exclusion"): 0.010,
    ("suspension", "placement"): 0.11,
    ("harm", "referral_after"): 0.05,
    ("referral", "care"): 0.085,
    ("missing", "referral_after"): 0.15,
    ("missing", "care"): 0.02,
}
JUMPS: Mapping[str, float] = {
    "suspension_after": 0.15,
    "exclusion": 0.9,
    "placement": 0.7,
    "referral_after": 0.1,
    "care": 0.8,
}
# What leads to a referral for support, and how likely (assumed); half of those referred take it up.
SUPPORT_AFTER: Mapping[str, float] = {
    "violence": 0.15, "harm": 0.12, "suspension": 0.06, "referral": 0.10, "missing": 0.15,
}  # fmt: skip
OFFERED = 0.75
TAKEN_UP = 0.65


def age_curve(process: Process) -> FloatArray:
    """Return the monthly rate of an average girl for each month of age up to the last."""
    ages, relative = zip(*process.ages, strict=True)
    months = np.arange(12 * LAST_AGE + 12)
    curve: FloatArray = (process.yearly / 12 * np.interp(months / 12, ages, relative)).astype(np.float32)
    return curve


def standing_level(process: Process, people: People) -> FloatArray:
    """Return what each person's standing dispositions multiply the rate by; shape (n_people,)."""
    score = (
        process.poverty * people.poverty
        + process.conduct * people.conduct
        + process.frailty * people.frailty
        + process.male * people.male
    )
    level: FloatArray = np.exp(score).astype(np.float32)
    return level


def expected_jump(cause: str) -> float:
    """Return what one event of this kind adds to momentum on average, with all that follows from it."""
    after = sum(chance * JUMPS[effect] for (source, effect), chance in FOLLOWS.items() if source == cause)
    return PROCESSES[cause].jump + after


def adversity_factor(effect: float, count: npt.NDArray[np.integer]) -> FloatArray:
    """Return what each number of adversities at home multiplies a rate by."""
    table = np.exp(effect * np.minimum(np.arange(128), 40)).astype(np.float32)
    factors: FloatArray = table[count]
    return factors
