"""The equations of a life: how often each thing happens to a young person, and what it makes more likely.

Every process is written the same way. For a person of a given age, in a given month,

    rate = yearly rate / 12 x age curve
           x exp(poverty, conduct, frailty, male: standing dispositions)
           x exp(adversity effect x number of adversities at home now)
           x (1 + momentum effect x momentum)
           x (1 - support effect), while support taken up lasts

Momentum is what recent events leave behind: each event adds its ``jump``, and momentum fades by a fixed share
each month (a self-exciting process; Mohler and others 2011, JASA 106:100). So earlier harm raises later harm,
people harmed and people who harm overlap, and suspension or care leave a mark that records can show. It is weak:
most of what records show goes back to standing dispositions, and the highest hazards stay far from certain.

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

MOMENTUM_CAP = 4.0
"""Nobody's momentum goes beyond this, so that no rate runs away (assumed; reached by very few)."""

WORRY_KEPT = 0.95
"""Share of worry left after a month: half is gone after thirteen and a half months (assumed)."""

WORRY_EASED = 6.0
"""By how much care eases worry, for a while (fitted: those looked after miss less school than others in need)."""

MOST_LIKELY = 0.9
"""Nothing follows from anything with more than this probability (assumed)."""

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
    (10, 0.04),
    (12, 0.11),
    (13, 0.25),
    (14, 0.76),
    (15.5, 1.15),
    (17, 1.6),
    (19, 1.4),
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
_REFERRAL_AGES: Curve = ((0, 1.4), (2, 0.861), (8, 0.8), (12, 1.0), (15, 1.436), (17, 1.1), (18, 0.0))
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
# to the margins that `margins/targets.yaml` lists; docs/reference/simulated-margins.md says how close they come.
PROCESSES: Mapping[str, Process] = {
    "harm": Process(
        0.0158, _HARM_AGES, poverty=0.247, conduct=0.5, frailty=0.47, male=0.4, adversity=0.28,
        momentum=0.12, jump=0.4, eased=True,
    ),
    "violence": Process(
        0.0025, _VIOLENCE_AGES, poverty=0.54, conduct=1.293, frailty=0.4, male=1.85, adversity=0.35,
        momentum=0.183, jump=0.25, eased=True,
    ),
    "offence": Process(
        0.0064, _OFFENCE_AGES, poverty=0.48, conduct=1.26, frailty=0.35, male=0.947, adversity=0.2,
        momentum=0.2, jump=0.1,
    ),
    "suspension": Process(
        0.00705, _SUSPENSION_AGES, poverty=0.5, conduct=1.72, frailty=0.15, male=0.45, adversity=0.2,
        jump=0.15, in_school=True,
    ),
    "referral": Process(
        0.0195, _REFERRAL_AGES, poverty=0.367, conduct=0.94, frailty=0.3, adversity=0.828,
        momentum=0.2, jump=0.1,
    ),
    "missing": Process(
        0.004, _TEEN_AGES, poverty=0.2, conduct=0.6, frailty=0.5, adversity=0.35,
        momentum=0.3, jump=0.25,
    ),
    "self_harm": Process(
        0.006, _TEEN_AGES, poverty=0.1, conduct=0.2, frailty=0.6, male=-0.9, adversity=0.35,
        momentum=0.2, jump=0.15,
    ),
    "distress": Process(
        0.02, _TEEN_AGES, poverty=0.1, conduct=0.45, frailty=0.35, male=-0.2, adversity=0.3,
        momentum=0.1,
    ),
    "other_victim": Process(
        0.02, _HARM_AGES, poverty=0.15, conduct=0.3, frailty=0.35, male=0.1, adversity=0.3,
        momentum=0.2, jump=0.05,
    ),
}  # fmt: skip

# What follows from what: (cause, consequence) -> probability at average conduct, and its log ratio for one standard
# deviation of conduct. The consequence adds its own jump. These hang on what was done or suffered, never on whether
# the police knew: so no police decision changes a life.
FOLLOWS: Mapping[tuple[str, str], tuple[float, float]] = {
    ("violence", "suspension_after"): (0.4, 0.0),
    ("violence", "exclusion"): (0.0015, 0.0),
    ("violence", "placement"): (0.28, 0.0),
    ("violence", "referral_after"): (0.25, 0.0),
    ("violence", "care"): (0.012, 0.0),
    ("offence", "suspension_after"): (0.2, 0.0),
    ("offence", "placement"): (0.04, 0.0),
    ("suspension", "exclusion"): (0.00414, 0.4),
    ("suspension", "placement"): (0.047, 0.141),
    ("harm", "referral_after"): (0.05, 0.0),
    ("referral", "care"): (0.006, 1.1),
    ("missing", "referral_after"): (0.15, 0.0),
    ("missing", "care"): (0.02, 0.0),
}
JUMPS: Mapping[str, float] = {
    "suspension_after": 0.10,
    "exclusion": 0.4,
    "placement": 0.3,
    "referral_after": 0.1,
    "care": 0.4,
}


@dataclass(frozen=True)
class Sessions:
    """How many sessions of one kind a pupil misses in a term, on average: exp of a sum.

    Parameters
    ----------
    level : float
        Log sessions of an average pupil of eleven or less.
    teen : float
        What is added to it by the age of sixteen.
    habit : float
        For one standard deviation of a habit that lasts a life.
    conduct : tuple of float
        For one standard deviation of conduct: up to eleven, and what is added by sixteen.
    strain : float
        For one unit of strain (see `STRAIN`).
    """

    level: float
    teen: float
    habit: float
    conduct: tuple[float, float]
    strain: float


# Levels are fitted to persistent absence in a year and ever, of all pupils and of those with a social worker.
ABSENCES: Mapping[str, Sessions] = {
    "authorised": Sessions(1.494, 0.0, 0.72, (0.06, 0.0), 1.0),
    "unauthorised": Sessions(-0.85, 1.25, 1.2, (0.33, 0.237), 1.8),
}
STRAIN: Mapping[str, float] = {"poverty": 0.1, "home": 0.121, "momentum": 0.1, "worry": 0.6}
"""What keeps people from school: poverty (one standard deviation), each adversity at home, momentum, worry."""

STEADINESS = 1.8
"""Shape of the gamma distribution that sessions missed in a term vary by around their mean (assumed)."""

MOST_MISSED = 110
"""Sessions of about 127 in a term that anybody misses at most (assumed)."""

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


def following(cause: str, effect: str, people: People) -> FloatArray:
    """Return how likely the effect follows an event of the cause, for each person; shape (n_people,)."""
    chance, conduct = FOLLOWS[cause, effect]
    likely: FloatArray = np.minimum(chance * np.exp(conduct * people.conduct), MOST_LIKELY).astype(np.float32)
    return likely


def expected_jump(cause: str, people: People) -> FloatArray:
    """Return what one event of this kind adds to each person's momentum on average, with all that follows from it."""
    after = sum(
        (following(source, effect, people) * JUMPS[effect] for source, effect in FOLLOWS if source == cause),
        np.zeros(len(people), np.float32),
    )
    jump: FloatArray = (PROCESSES[cause].jump + after).astype(np.float32)
    return jump


def adversity_factor(effect: float, count: npt.NDArray[np.integer]) -> FloatArray:
    """Return what each number of adversities at home multiplies a rate by."""
    table = np.exp(effect * np.minimum(np.arange(128), 40)).astype(np.float32)
    factors: FloatArray = table[count]
    return factors
