"""The council's index of residents: who lived at which address when, and how deprived each area is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskmodel.simulate.clock import ISO, NOT_YET, DayText, IntArray
from riskmodel.simulate.extracts.press import TWICE, KeyRing, Numbering, Press

if TYPE_CHECKING:
    from riskmodel.simulate.recording import Scene

_FAULTS = (
    ("end_date", "1999-01-01"),  # ends before it starts
    ("start_date", "2019-02-31"),  # no such day
    ("person_key", "R99999999"),  # not on the spine
    ("lsoa", "S09999999"),  # no such area
    TWICE,
)


def lsoa_text(numbering: Numbering, number: npt.NDArray[np.integer]) -> pa.Array:
    """Return the invented identifiers of areas."""
    names = numbering.text("S", np.arange(1_000_000, 1_000_001 + int(number.max(initial=0))))
    return names.take(pa.array(number))


def stays(scene: Scene) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
    """Return person, area, address, first and last day (not included) of each stay of each person, by time."""
    people, homes = scene.borough.people, scene.borough.homes
    starts = np.searchsorted(homes.household, people.household, side="left")
    counts = np.searchsorted(homes.household, people.household, side="right") - starts
    person = np.repeat(np.arange(len(people)), counts)
    offset = np.arange(len(person)) - np.repeat(np.cumsum(counts) - counts, counts)
    home = np.repeat(starts, counts) + offset
    start = np.maximum(homes.start[home], people.from_day[person])
    end = np.minimum(homes.end[home], people.to_day[person])
    window = scene.window
    kept = (start < end) & (start <= window.last_day) & (end > window.first_day)
    parts = (person, homes.lsoa[home], homes.address[home], start, end)
    person, lsoa, address, start, end = (part[kept].astype(np.int32) for part in parts)
    return person, lsoa, address, start, end


def write_housing(scene: Scene, keys: KeyRing, press: Press, rng: np.random.Generator) -> None:
    """Write ``housing/residence.csv`` and ``housing/lsoa.csv``.

    A stay is on the index to the 19th birthday at most, because the index given to the analysts is one of
    children and young people. A stay that ended but whose end is not yet recorded still looks open.
    """
    person, lsoa, address, start, end = stays(scene)
    recorded_start = scene.known(start, "HOUSING", rng)
    recorded_end = np.maximum(scene.known(end, "HOUSING", rng), recorded_start)
    recorded_end = np.where(scene.in_time(recorded_end), recorded_end, NOT_YET)
    shown_end = np.where(recorded_end == NOT_YET, NOT_YET, end)
    order = np.lexsort((start, keys.number("HOUSING", person)))
    order = order[scene.in_time(recorded_start)[order]]
    person, lsoa, address = person[order], lsoa[order], address[order]
    day = DayText(ISO)
    columns = {
        "person_key": keys.of("HOUSING", person),
        "uprn_key": 500_000_000 + keys.numbering.of(address.astype(np.int64)),
        "lsoa": lsoa_text(keys.numbering, lsoa),
        "start_date": day.of(start[order]),
        "end_date": day.of(shown_end[order]),
        "recorded_start": day.of(recorded_start[order]),
        "recorded_end": day.of(recorded_end[order]),
    }
    press.write("housing/residence.csv", columns, _FAULTS)
    decile = scene.borough.decile
    areas = {
        "lsoa": lsoa_text(keys.numbering, np.arange(len(decile))),
        "imd_decile": decile,
        "ward": keys.numbering.text("W", scene.borough.ward, digits=3),
    }
    press.write("housing/lsoa.csv", areas)
