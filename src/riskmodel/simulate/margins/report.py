"""Simulates boroughs, counts their margins and writes the page that compares them with what is published."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from riskmodel.simulate.borough import simulate
from riskmodel.simulate.margins import margins
from riskmodel.simulate.margins.targets import reasons_for_misses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from riskmodel.simulate.margins.targets import Target
    from riskmodel.simulate.spec import SimulateSpec


@dataclass(frozen=True)
class Compared:
    """One target and what each simulated borough has."""

    target: Target
    simulated: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean over the boroughs; not a number if one of them could not be counted."""
        return sum(self.simulated) / len(self.simulated)

    @property
    def holds(self) -> bool:
        """Whether the mean is within the tolerance."""
        return self.target.holds(self.mean)


@dataclass(frozen=True)
class MarginsReport:
    """Every margin of some boroughs of one kind.

    Parameters
    ----------
    size : int
        Residents aged 5 to 17 of each borough.
    seeds : tuple of int
        The seeds of the boroughs.
    rows : tuple of Compared
        In the order of the targets.
    """

    size: int
    seeds: tuple[int, ...]
    rows: tuple[Compared, ...]

    @property
    def misses(self) -> tuple[Compared, ...]:
        """The margins that do not hold."""
        return tuple(row for row in self.rows if not row.holds)

    def share(self, *, drawn: bool = True) -> float:
        """Return the share of margins within tolerance, without those the borough is drawn from if asked."""
        counted = [row for row in self.rows if drawn or not row.target.drawn]
        return sum(row.holds for row in counted) / len(counted)

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON-shaped values; null where nothing could be counted."""
        return {
            "size": self.size,
            "seeds": list(self.seeds),
            "margins": len(self.rows),
            "within_tolerance": self.share(),
            "within_tolerance_not_drawn": self.share(drawn=False),
            "rows": [
                {
                    "name": row.target.name,
                    "target": row.target.value,
                    "low": row.target.low,
                    "high": row.target.high,
                    "mean": _or_null(row.mean),
                    "simulated": [_or_null(value) for value in row.simulated],
                    "holds": row.holds,
                    "drawn": row.target.drawn,
                    "assumed": row.target.assumed,
                    "source": row.target.source,
                    "tolerance": row.target.why,
                }
                for row in self.rows
            ],
            "misses": {row.target.name: reasons_for_misses().get(row.target.name) for row in self.misses},
        }


def compare(spec: SimulateSpec, seeds: Sequence[int], *, tell: Callable[[int], None]) -> MarginsReport:
    """Simulate one borough for each seed in a temporary folder and count its margins.

    Parameters
    ----------
    spec : SimulateSpec
        What boroughs are wanted.
    seeds : sequence of int
        One borough for each.
    tell : callable
        Called with the number of boroughs done, before each.

    Returns
    -------
    MarginsReport
        Every margin; nothing of the boroughs is kept.
    """
    found = []
    for number, seed in enumerate(seeds):
        tell(number)
        with TemporaryDirectory(prefix="riskmodel-margins-") as scratch:
            place = Path(scratch) / "borough"
            simulate(spec, seed=seed, out=place)
            found.append(margins(place / "extracts"))
    rows = tuple(
        Compared(column[0].target, tuple(margin.simulated for margin in column))
        for column in zip(*found, strict=True)
    )
    return MarginsReport(size=spec.size, seeds=tuple(seeds), rows=rows)


def page(report: MarginsReport) -> str:
    """Return the report as a Markdown page."""
    drawn = sum(row.target.drawn for row in report.rows)
    held = sum(row.holds for row in report.rows)
    return f"""# Margins of the simulated borough

How close {len(report.seeds)} simulated boroughs of {report.size:,} residents aged 5 to 17 (seeds {_list(report.seeds)}) come to what is published
about Waltham Forest, and about England where nothing else is known. Everything is counted again from the extracts, as a stranger
would: neither the truth nor the parameters are read. Shares and chances are in per cent.

**{held} of {len(report.rows)} margins are within tolerance ({100 * report.share():.1f}%).** {drawn} of them are *drawn*: the borough takes the published
number itself as a constant, and they can miss only through what comes after. Without these, {100 * report.share(drawn=False):.1f}% are within tolerance.
The equations were tuned to these very margins, so this page shows that the borough fits them, not that it predicts others.

*Range* is where the mean over the boroughs has to lie: sampling noise of the published figure (two standard errors) and its rounding,
at least 5% of it (assumed: definitions differ a little), or what the last column of `targets.yaml` says and why. Odds ratios and
chances are for a serious violence offence before 18.

## Misses

{_misses(report)}

## Every margin

| Margin | Target | Range | Simulated: mean | lowest to highest | Holds | Source |
|---|---|---|---|---|---|---|
{_lines(report)}

## Sources

{_sources(report)}

Made by `riskmodel simulate --report --size {report.size} --seeds {len(report.seeds)}`; targets, tolerances and their reasons are in
`src/riskmodel/simulate/margins/targets.yaml`.
"""


def _lines(report: MarginsReport) -> str:
    numbers = _numbers(report)
    return "\n".join(
        f"| {row.target.name}{' (drawn)' if row.target.drawn else ''} | {_value(row.target.value)} "
        f"| {_value(max(row.target.low, 0.0))} to {_value(row.target.high)} | {_value(row.mean)} "
        f"| {_value(min(row.simulated))} to {_value(max(row.simulated))} | {'yes' if row.holds else '**no**'} "
        f"| {numbers[row.target.source]}{' (assumed)' if row.target.assumed else ''} |"
        for row in report.rows
    )


def _misses(report: MarginsReport) -> str:
    if not report.misses:
        return "None."
    reasons = reasons_for_misses()
    return "\n".join(
        f"- **{row.target.name}**: {_value(row.mean)}, target {_value(row.target.value)}. "
        f"{reasons.get(row.target.name, 'No reason found yet.')}"
        for row in report.misses
    )


def _numbers(report: MarginsReport) -> dict[str, int]:
    """Return the number of each source, in the order in which they come."""
    return {source: n for n, source in enumerate(dict.fromkeys(row.target.source for row in report.rows), 1)}


def _sources(report: MarginsReport) -> str:
    return "\n".join(f"{number}. {source}" for source, number in _numbers(report).items())


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _or_null(value: float) -> float | None:
    return None if isnan(value) else round(value, 6)


def _value(value: float) -> str:
    """Return a number with three figures or so."""
    if isnan(value):
        return "undefined"
    places = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{places}f}"
