"""What the agencies get to know: the chance that something is recorded, and the delay until it is.

Health and schools record what reaches them. The police see suspects in proportion to how often a person is
stopped, which hangs on ethnic group and area and on nothing the person does: that is the bias an audit has to
find. Nothing here changes a life.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.lives import Happenings, Lives
from riskmodel.simulate.population import GROUPS, Borough

if TYPE_CHECKING:
    from riskmodel.simulate.clock import BoolArray, FloatArray, IntArray, Window
    from riskmodel.simulate.spec import SimulateSpec


@dataclass(frozen=True)
class Recording:
    """The parameters of the recording layer. Assumed unless a source is named.

    Parameters
    ----------
    exposure_ratio : float
        Black to White ratio of stop and search (see `SimulateSpec`).
    exposure_weight : dict
        Exponent of the ratio for each group, so that a ratio of 1 removes every difference.
    exposure_by_area : float
        Log growth of exposure for one standard deviation of deprivation; half of London's searches were in 9%
        of its neighbourhoods in 2021/22 (Ashby 2022).
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
    """

    exposure_ratio: float
    faulty_rows: float
    exposure_weight: dict[str, float] = field(
        default_factory=lambda: {"White": 0.0, "Black": 1.0, "Mixed": 0.7, "Asian": -0.1, "Other": 0.2}
    )
    exposure_by_area: float = 0.20
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
        return cls(exposure_ratio=spec.exposure_ratio, faulty_rows=spec.faulty_rows)

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


@dataclass(frozen=True)
class Scene:
    """Everything a writer of extracts reads: the place, the lives and the recording layer."""

    window: Window
    borough: Borough
    lives: Lives
    recording: Recording

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
        """Draw the day on which each event is recorded by an agency."""
        delay = 1 + rng.exponential(self.recording.delay_days[agency], len(day))
        return (day + delay).astype(np.int32)

    def in_time(self, recorded: IntArray) -> BoolArray:
        """Return which records were made by the last day of the extract."""
        return recorded <= self.window.last_day


def suspect_chance(base: float, exposure: FloatArray) -> FloatArray:
    """Return the chance that an act is recorded against a person, given how exposed the person is."""
    chance: FloatArray = 1 - (1 - np.float32(base)) ** exposure
    return chance
