"""Published stop and search, month by month: no identifier, never linked, kept for the audit of enforcement.

Searches of the whole population are drawn from rates by group. Nothing in them comes from what anybody did:
that searches differ by group while behaviour does not is what the simulated borough is for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from riskmodel.simulate.clock import FloatArray, IntArray, first_day
from riskmodel.simulate.extracts.justice import seen_group
from riskmodel.simulate.extracts.press import Press, named, pick
from riskmodel.simulate.population import GROUPS, LSOAS_BY_DECILE
from riskmodel.tables.days import from_day

if TYPE_CHECKING:
    from riskmodel.simulate.recording import Scene

# All-age residents of Waltham Forest by group, Census 2021 (the order of GROUPS).
_RESIDENTS = np.array([0.528, 0.150, 0.065, 0.200, 0.058])
_WHITE_RATE = 13.4  # searches a year per 1,000 White residents: Waltham Forest 2021 (data.police.uk, Census)
_RESIDENTS_OVER_5_TO_17 = 278_428 / 45_000
_AGES = {"10-17": 0.21, "18-24": 0.37, "25-34": 0.22, "over 34": 0.14, "": 0.06}  # Met, 2018
_GENDERS = {"Male": 0.93, "Female": 0.055, "": 0.015}
_TYPES = {"Person search": 0.745, "Person and Vehicle search": 0.24, "Vehicle search": 0.015}
_OBJECTS = {
    "Controlled drugs": ("Misuse of Drugs Act 1971 (section 23)", 0.61, 0.655),
    "Offensive weapons": ("Police and Criminal Evidence Act 1984 (section 1)", 0.145, 0.235),
    "Stolen goods": ("Police and Criminal Evidence Act 1984 (section 1)", 0.145, 0.055),
    "Evidence of offences under the Act": ("Police and Criminal Evidence Act 1984 (section 1)", 0.06, 0.025),
    "Anything to threaten or harm anyone": (
        "Criminal Justice and Public Order Act 1994 (section 60)",
        0.03,
        0.02,
    ),
    "Firearms": ("Firearms Act 1968 (section 47)", 0.01, 0.01),
}  # share of searches of White people, then of everyone over-searched: Waltham Forest reason mix 2019 to 2021, rounded
_FOUND = np.array(
    [0.29, 0.14, 0.25, 0.22, 0.10, 0.13]
)  # positive outcome by object (order of _OBJECTS; assumed)
_OUTCOMES = {
    "Arrest": 0.58, "Community resolution": 0.18, "Khat or Cannabis warning": 0.12,
    "Penalty Notice for Disorder": 0.07, "Summons / charged by post": 0.045, "Caution (simple or conditional)": 0.005,
}  # Met, 2018  # fmt: skip
_NOTHING = "A no further action disposal"
_SELF_DEFINED = (
    "White - English/Welsh/Scottish/Northern Irish/British",
    "Black/African/Caribbean/Black British - African",
    "Mixed/Multiple ethnic groups - White and Black Caribbean",
    "Asian/Asian British - Pakistani",
    "Other ethnic group - Any other ethnic group",
    "Other ethnic group - Not stated",
)
_HOUR_WEIGHT = np.array([5, 3, 2, 1, 1, 1, 1, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 9, 9, 8, 8, 8, 8, 7])


def write_stop_search(scene: Scene, press: Press, *, size: int, rng: np.random.Generator) -> None:
    """Write ``stop_search/YYYY-MM-borough-stop-and-search.csv`` for each month of the window.

    Parameters
    ----------
    size : int
        Residents aged 5 to 17, from which the whole population follows.
    """
    weight = np.array([scene.recording.exposure_weight[group] for group in GROUPS])
    exposure = scene.recording.exposure_ratio**weight
    yearly = size * _RESIDENTS_OVER_5_TO_17 * _RESIDENTS * _WHITE_RATE / 1000 * exposure
    lower = np.maximum(0.3, 1 - scene.recording.lower_bar * np.log(exposure))
    for month in range(scene.window.first_month, scene.window.last_month + 1):
        group = np.repeat(np.arange(len(GROUPS)), rng.poisson(yearly / 12))
        label = from_day(int(first_day(np.array([month]))[0])).strftime("%Y-%m")
        columns = _searches(scene, group=group, month=month, lower=lower, rng=rng)
        press.write(f"stop_search/{label}-borough-stop-and-search.csv", columns)


def _searches(
    scene: Scene, *, group: IntArray, month: int, lower: FloatArray, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Return one month of searches in the published columns, in order of time."""
    n = len(group)
    group = group[rng.permutation(n)]
    what = _draw_object(group, scene.recording.bias, rng)
    positive = rng.random(n) < _FOUND[what] * lower[group]
    _, outcome = pick(_OUTCOMES, n, rng)
    place = _draw_place(scene, n, rng)
    said = np.where(rng.random(n) < 0.14, len(GROUPS), group)
    linked = np.where(rng.random(n) < 0.6, 2, (positive & (rng.random(n) < 0.75)).astype(np.int64))
    strip = np.where(rng.random(n) < 0.6, 2, (rng.random(n) < 0.04).astype(np.int64))
    return {
        "Type": pick(_TYPES, n, rng)[0],
        "Date": _instants(month, n, rng),
        "Part of a policing operation": named(("False",), np.zeros(n, np.int8)),
        "Policing operation": pa.nulls(n, pa.string()),
        "Latitude": pa.array([f"{value:.6f}" for value in place[0]], pa.string()),
        "Longitude": pa.array([f"{value:.6f}" for value in place[1]], pa.string()),
        "Gender": pick(_GENDERS, n, rng)[0],
        "Age range": pick(_AGES, n, rng)[0],
        "Self-defined ethnicity": named(_SELF_DEFINED, said),
        "Officer-defined ethnicity": named((*GROUPS, ""), seen_group(group, rng)),
        "Legislation": named(tuple(law for law, _, _ in _OBJECTS.values()), what),
        "Object of search": named(tuple(_OBJECTS), what),
        "Outcome": named((*_OUTCOMES, _NOTHING), np.where(positive, outcome, len(_OUTCOMES))),
        "Outcome linked to object of search": named(("False", "True", ""), linked),
        "Removal of more than just outer clothing": named(("False", "True", ""), strip),
    }


def _draw_object(group: IntArray, bias: float, rng: np.random.Generator) -> IntArray:
    """Draw what was looked for: weapons more often for Black and Mixed people, as published (at a bias of 1)."""
    white, other = np.array([[white, other] for _, white, other in _OBJECTS.values()]).T
    shares = np.stack([white, np.maximum(white + bias * (other - white), 0)])
    shares /= shares.sum(axis=1, keepdims=True)
    reach = np.cumsum(shares, axis=1)[:, :-1]
    kind = np.isin(group, (GROUPS.index("Black"), GROUPS.index("Mixed"))).astype(np.int64)
    drawn: IntArray = (rng.random(len(group))[:, None] >= reach[kind]).sum(axis=1)
    return drawn


def _draw_place(scene: Scene, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Draw snapped points of an invented map; more searches where areas are more deprived."""
    areas = len(scene.borough.decile)
    weight = np.exp(-scene.recording.exposure_by_area * (scene.borough.decile - LSOAS_BY_DECILE.argmax()))
    area = rng.choice(areas, n, p=weight / weight.sum())
    spot = rng.integers(0, 5, (2, n))
    width = int(np.ceil(np.sqrt(areas)))
    return 51.5 + 0.008 * (area // width) + 0.001 * spot[0], 0.008 * (area % width) + 0.001 * spot[1]


def _instants(month: int, n: int, rng: np.random.Generator) -> pa.Array:
    """Return instants of the month in order, to five minutes, as published."""
    start, after = first_day(np.array([month, month + 1]))
    day = rng.integers(start, after, n)
    hour = rng.choice(24, n, p=_HOUR_WEIGHT / _HOUR_WEIGHT.sum())
    seconds = np.sort(day * 86_400 + hour * 3600 + 300 * rng.integers(0, 12, n))
    return pa.array([datetime.fromtimestamp(int(value), UTC).isoformat() for value in seconds], pa.string())
