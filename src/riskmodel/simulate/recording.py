"""What the agencies get to know: the chance that something is recorded, and the delay until it is.

Health and schools record what reaches them. The police see suspects in proportion to how often a person is
stopped, which hangs on ethnic group and area and on nothing the person does: that is the bias an audit has to
find. How strong it is, one number says (``SimulateSpec.bias``); at 0 nobody's records differ by group or area.
Nothing here changes a life.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.clock import NOT_YET
from riskmodel.simulate.lives import Happenings, Lives
from riskmodel.simulate.population import GROUPS, Borough
from riskmodel.tables.days import to_day

if TYPE_CHECKING:
    from riskmodel.simulate.clock import BoolArray, FloatArray, IntArray, Window
    from riskmodel.simulate.spec import SimulateSpec

EXPOSURE_BY_AREA = 0.20
"""Log growth of exposure for one standard deviation of deprivation, as measured: half of London's searches were in
9% of its neighbourhoods in 2021/22 (Ashby 2022)."""

LOWER_BAR = 0.08
"""How far positive outcomes of searches fall as the ratio of exposure rises by a factor e (fitted: 0.91 on
average for Black over White, Waltham Forest 2019 to 2021)."""


@dataclass(frozen=True)
class Shift:
    """From ``day`` on, the chance that harm is recorded is multiplied, by agency."""

    day: int
    factor: dict[str, float]


@dataclass(frozen=True)
class Closure:
    """An agency that records and offers nothing from ``first_day`` to ``last_day``, both included."""

    agency: str
    first_day: int
    last_day: int

    def covers(self, agency: str, day: npt.NDArray[np.integer]) -> BoolArray:
        """Return which days the agency is closed on."""
        return (agency == self.agency) & (day >= self.first_day) & (day <= self.last_day)


@dataclass(frozen=True)
class Recording:
    """The parameters of the recording layer. Assumed unless a source is named.

    Parameters
    ----------
    bias : float
        See `SimulateSpec`; it has gone into the next four already.
    exposure_ratio : float
        Black to White ratio of stop and search.
    exposure_by_area : float
        See `EXPOSURE_BY_AREA`.
    lower_bar : float
        See `LOWER_BAR`.
    exposure_weight : dict
        Exponent of the ratio for each group, so that a ratio of 1 removes every difference.
    emergency_base, emergency_slope : float
        Chance that harm leads to an emergency attendance coded as assault: base + slope x severity, where
        severity is uniform on 0 to 1. On average one half: half or more of violence treated is unknown to the
        police and the reverse (Cardiff model).
    police_victim_base, police_victim_slope : float
        The same for a police record as a victim of violence with injury.
    suspect_violence, suspect_offence : float
        Chance that an act is recorded against a person of exposure 1: chance = 1 - (1 - this) ** exposure.
    justice_after_suspect : float
        Chance that a recorded suspect aged 10 or over becomes a youth justice case.
    other_victim : float
        Chance that other crime suffered is recorded.
    delay_days : dict
        Mean delay of being recorded, by agency; delays are exponential, in whole days, at least one.
    faulty_rows : float
        Share of rows spoilt on purpose.
    unlinked_keys : float
        Share of agency keys that the linking party could not match.
    group_unknown : float
        Share whose ethnic group is not recorded by schools or social care.
    corrections : float
        Share of records that have an earlier, wrong version.
    shift : Shift, optional
        A change in how often harm is recorded.
    closure : Closure, optional
        A service that is closed for a while.
    """

    exposure_ratio: float
    faulty_rows: float
    bias: float = 1.0
    corrections: float = 0.0
    shift: Shift | None = None
    closure: Closure | None = None
    exposure_weight: dict[str, float] = field(
        default_factory=lambda: {"White": 0.0, "Black": 1.0, "Mixed": 1.0, "Asian": -0.3, "Other": 0.2}
    )
    exposure_by_area: float = EXPOSURE_BY_AREA
    lower_bar: float = LOWER_BAR
    emergency_base: float = 0.30
    emergency_slope: float = 0.40
    police_victim_base: float = 0.20
    police_victim_slope: float = 0.30
    suspect_violence: float = 0.10
    suspect_offence: float = 0.08
    justice_after_suspect: float = 0.75
    other_victim: float = 0.35
    delay_days: dict[str, float] = field(
        default_factory=lambda: {
            "HOUSING": 30.0, "HEALTH": 12.0, "POLICE": 6.0, "YJ": 35.0, "SUPPORT": 10.0,
        }
    )  # fmt: skip
    unlinked_keys: float = 0.004
    group_unknown: float = 0.01

    @classmethod
    def of(cls, spec: SimulateSpec) -> Recording:
        """Return the recording layer that a spec asks for."""
        shift, closed = spec.label_shift, spec.closed_service
        return cls(
            exposure_ratio=spec.stop_ratio,
            faulty_rows=spec.faulty_rows,
            bias=spec.bias,
            corrections=spec.corrections,
            exposure_by_area=spec.bias * EXPOSURE_BY_AREA,
            lower_bar=spec.bias * LOWER_BAR,
            shift=None
            if shift is None
            else Shift(to_day(shift.day), {"HEALTH": shift.emergency, "POLICE": shift.police}),
            closure=None
            if closed is None
            else Closure(closed.agency, to_day(closed.first_day), to_day(closed.last_day)),
        )

    def to_json(self) -> dict[str, object]:
        """Return every parameter under its name."""
        return asdict(self)

    def exposure(self, borough: Borough) -> FloatArray:
        """Return how exposed to stop and search each person is; White people in an average area have 1."""
        weight = np.array([self.exposure_weight[group] for group in GROUPS])
        by_group = self.exposure_ratio ** weight[borough.group]
        exposure: FloatArray = (by_group * np.exp(self.exposure_by_area * borough.deprivation)).astype(
            np.float32
        )
        return exposure

    def harm_chance(self, agency: str, severity: FloatArray, day: IntArray) -> FloatArray:
        """Return the chance that HEALTH or POLICE records a harm of this severity on this day."""
        base, slope = {
            "HEALTH": (self.emergency_base, self.emergency_slope),
            "POLICE": (self.police_victim_base, self.police_victim_slope),
        }[agency]
        chance = base + slope * severity
        if self.shift is not None:
            chance = chance * np.where(day >= self.shift.day, self.shift.factor[agency], 1.0)
        limited: FloatArray = np.minimum(chance, 1.0) * self.is_open(agency, day)
        return limited

    def is_open(self, agency: str, day: npt.NDArray[np.integer]) -> BoolArray:
        """Return on which days an agency records what happens."""
        if self.closure is None:
            return np.ones(len(day), np.bool_)
        return ~self.closure.covers(agency, day)


@dataclass(frozen=True)
class Noted:
    """What one agency could record of true events of one kind; arrays of equal length.

    Parameters
    ----------
    kind, agency : str
        What happened, and who may record it.
    person, day : ndarray
        To whom, or by whom, and when.
    chance : ndarray
        The probability that it is ever recorded.
    recorded : ndarray of bool
        Whether a record was made by the last day of the extracts.
    """

    kind: str
    agency: str
    person: IntArray
    day: IntArray
    chance: FloatArray
    recorded: BoolArray

    @classmethod
    def of(
        cls,
        kind: str,
        agency: str,
        events: Happenings,
        *,
        chance: FloatArray,
        seen: BoolArray,
        in_time: BoolArray,
    ) -> Noted:
        """Return what was noted of events: ``in_time`` says it of those that were seen, in the same order."""
        recorded = seen.copy()
        recorded[seen] = in_time
        return cls(kind, agency, events.person, events.day, np.broadcast_to(chance, len(events)), recorded)

    def where(self, kind: str, kept: BoolArray) -> Noted:
        """Return the events that are kept, under the name of a kind."""
        return Noted(
            kind, self.agency, self.person[kept], self.day[kept], self.chance[kept], self.recorded[kept]
        )


@dataclass(frozen=True)
class Scene:
    """Everything a writer of extracts reads: the place, the lives and the recording layer.

    ``new_school`` is the day on which a new secondary school opens, if one does.
    """

    window: Window
    borough: Borough
    lives: Lives
    recording: Recording
    new_school: int = int(NOT_YET)

    def witnessed(self, *kinds: str) -> Happenings:
        """Return the events of these kinds that fell in the window while the person lived here, by day."""
        person = np.concatenate([self.lives.happened[kind].person for kind in kinds])
        day = np.concatenate([self.lives.happened[kind].day for kind in kinds])
        kept = self.window.covers(day) & self.borough.people.here(person, day)
        person, day = person[kept], day[kept]
        order = np.lexsort((person, day))
        return Happenings(person[order], day[order])

    def age_years(self, person: IntArray, day: IntArray) -> FloatArray:
        """Return ages in years (birthdays are on the first of the month)."""
        born = self.borough.people.birth_month[person].astype("datetime64[M]").astype("datetime64[D]")
        ages: FloatArray = ((day - born.astype(np.int64)) / 365.25).astype(np.float32)
        return ages

    def known(self, day: npt.NDArray[np.integer], agency: str, rng: np.random.Generator) -> IntArray:
        """Draw the day on which each event is recorded by an agency; a closed one records when it opens again."""
        delay = 1 + rng.exponential(self.recording.delay_days[agency], len(day))
        recorded = (day + delay).astype(np.int32)
        closure = self.recording.closure
        if closure is not None:
            recorded = np.where(closure.covers(agency, recorded), closure.last_day + 1, recorded)
        return recorded

    def in_time(self, recorded: IntArray) -> BoolArray:
        """Return which records were made by the last day of the extract."""
        return recorded <= self.window.last_day


def suspect_chance(base: float | FloatArray, exposure: FloatArray) -> FloatArray:
    """Return the chance that an act is recorded against a person, given how exposed the person is."""
    chance: FloatArray = 1 - (1 - np.asarray(base, np.float32)) ** exposure
    return chance
