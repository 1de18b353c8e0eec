"""The published numbers of ``targets.yaml``, each with the range in which a simulated value holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import product
from typing import TYPE_CHECKING, Any

import yaml

from riskmodel.simulate.margins.counting import COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskmodel.simulate.margins.count import Count

_FLOOR = 0.05
"""Definitions of extracts and of published tables differ a little: 5% is always allowed (assumed)."""

_PLAIN = {
    "odds_ratio", "per_10k", "referrals_per_10k", "suspended_ratio", "first_entrants", "injuries_per_10k",
    "searches_per_1000", "search_ratio", "found_ratio",
}  # fmt: skip
"""What is counted in its own unit; everything else is a share, published in per cent."""


@dataclass(frozen=True)
class Target:
    """One published number.

    Parameters
    ----------
    name : str
        What is counted, unique.
    value : float
        The published (or assumed) number, in per cent for shares.
    low, high : float
        The range in which a simulated number holds, in the same unit.
    why : str
        Where the range comes from.
    source : str
        Who published the number.
    count : str
        The function of `counting` that counts it.
    arguments : mapping
        Its arguments.
    drawn : bool
        Whether the borough takes the published number itself as a constant.
    """

    name: str
    value: float
    low: float
    high: float
    why: str
    source: str
    count: str
    arguments: Mapping[str, Any]
    drawn: bool = False

    @property
    def assumed(self) -> bool:
        """Whether nobody published it."""
        return self.source.startswith("assumed")

    def holds(self, simulated: float, *, widened: float = 1.0) -> bool:
        """Return whether a simulated number is in the range, made wider by a factor for small boroughs."""
        low = self.value - widened * (self.value - self.low)
        return low <= simulated <= self.value + widened * (self.high - self.value)

    def of(self, count: Count) -> float:
        """Return the simulated number of one borough, in the unit of the target."""
        found = COUNTED[self.count](count, **self.arguments)
        return found if self.count in _PLAIN else 100 * found


@cache
def _book() -> dict[str, Any]:
    text = resources.files("riskmodel.simulate.margins").joinpath("targets.yaml").read_text(encoding="utf-8")
    book: dict[str, Any] = yaml.safe_load(text)
    return book


def reasons_for_misses() -> Mapping[str, str]:
    """Return why a margin is missed, as far as it is known, by its name."""
    reasons: Mapping[str, str] = _book()["misses"]
    return reasons


@cache
def targets() -> tuple[Target, ...]:
    """Return every target, in the order of the file; the linked tables come first."""
    book = _book()
    found = (*_linked(book), *(_target(row, book["sources"]) for row in book["margins"]))
    names = [target.name for target in found]
    if len(set(names)) < len(names):
        raise ValueError("targets.yaml: two margins have one name")
    return found


def _target(row: dict[str, Any], sources: Mapping[str, str]) -> Target:
    """Return the target of one row of the file."""
    known = {"name", "count", "target", "tolerance", "n", "rounding", "why", "source", "drawn"}
    value = float(row["target"])
    if "tolerance" in row:
        within, why = float(row["tolerance"]), row["why"]
    else:
        within, why = _noise(value, row["n"], row["rounding"]), f"sampling noise of {row['n']:,} and rounding"
    return Target(
        name=row["name"],
        value=value,
        low=value - within,
        high=value + within,
        why=why,
        source=sources[row["source"]],
        count=row["count"],
        arguments={key: part for key, part in row.items() if key not in known},
        drawn=bool(row.get("drawn", False)),
    )


def _noise(per_cent: float, n: float, rounding: float) -> float:
    """Return two standard errors of a share of n people and the rounding, in points; at least the floor."""
    share = per_cent / 100
    return max(200 * math.sqrt(share * (1 - share) / n) + rounding, _FLOOR * per_cent)


def _linked(book: Mapping[str, Any]) -> Iterator[Target]:
    """Return the targets of the linked tables: shares, odds ratios, chances, groups and ages."""
    linked = book["linked"]
    n, whom, source = linked["n"], linked["whom"], book["sources"]
    for factor, row in linked["factors"].items():
        for column in ("all", "any", "violence"):
            what = {
                "count": "share",
                "of": factor,
                "among": column,
                "drawn": (factor, column) == ("male", "all"),
            }
            yield _share(f"{row['words']}, {whom[column]}", row[column], n[column], what, source)
        yield _odds(factor, row, n, source["linked"])
        holders = row["all"] / 100 * n["all"]
        rounding = 0.5 if row["chance"] == int(row["chance"]) else 0.05
        yield _target(
            {"name": f"chance of serious violence, {row['words']}", "count": "chance", "of": factor,
             "target": row["chance"], "n": round(holders), "rounding": rounding, "source": "linked"}, source,
        )  # fmt: skip
    for group, row in linked["groups"].items():
        for column, per_cent in row.items():
            what = {"count": "group", "of": group, "among": column, "drawn": column == "all"}
            yield _share(f"{group}, {whom[column]}", per_cent, n[column], what, source)
    for age, per_cent in linked["first_ages"].items():
        yield _target(
            {"name": f"first serious violence at {age}", "count": "age_at_first", "of": age, "target": per_cent,
             "n": n["violence"], "rounding": 0.5, "source": "linked"}, source,
        )  # fmt: skip


def _share(name: str, per_cent: float, n: int, what: Mapping[str, Any], sources: Mapping[str, str]) -> Target:
    return _target(
        {**what, "name": name, "target": per_cent, "n": n, "rounding": 0.5, "source": "linked"}, sources
    )


def _odds(factor: str, row: Mapping[str, Any], n: Mapping[str, int], source: str) -> Target:
    """Return the target of an odds ratio: its range is sampling noise and rounding of both shares, multiplied."""
    value, violent, rest = float(row["odds_ratio"]), n["violence"], n["all"] - n["violence"]
    inside, everyone = row["violence"] / 100, row["all"] / 100
    outside = max((everyone * n["all"] - inside * violent) / rest, 0.5 / rest)
    cells = (inside * violent, (1 - inside) * violent, outside * rest, (1 - outside) * rest)
    noise = 2 * math.sqrt(sum(1 / cell for cell in cells))
    reach = math.exp(noise + _rounding(inside, outside, whole=row["all"] == int(row["all"])))
    return Target(
        name=f"odds ratio of serious violence, {row['words']}",
        value=value,
        low=value / reach,
        high=value * reach,
        why="sampling noise and rounding of the published shares",
        source=source,
        count="odds_ratio",
        arguments={"of": factor},
    )


def _rounding(inside: float, outside: float, *, whole: bool) -> float:
    """Return how far the log odds ratio moves when both shares move by half a per cent, together half of it."""
    half = 0.005 if whole else 0.0
    moves = [
        abs(_logit(inside + a) - _logit(outside + b) - _logit(inside) + _logit(outside))
        for a, b in product((-half, half), repeat=2)
    ]
    return max(moves) / 2


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
