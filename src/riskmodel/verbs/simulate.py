"""``riskmodel simulate``: write the extracts of a borough that does not exist."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmodel import console
from riskmodel.errors import StudyError
from riskmodel.verbs.common import add_common, command_error, refuse_existing, show

if TYPE_CHECKING:
    from riskmodel.simulate import SimulateSpec
    from riskmodel.simulate.margins.report import MarginsReport

HELP = "write the extracts of a borough that does not exist"
REPORT_SIZE = 60_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--out", type=Path, help="a new folder: extracts/ and truth/; with --report a Markdown file"
    )
    parser.add_argument("--size", type=int, help="residents aged 5 to 17 (default: 45000)")
    parser.add_argument("--seed", type=int, help="same seed, same bytes (default: the scenario's)")
    parser.add_argument(
        "--scenario",
        type=Path,
        help="a study such as configs/studies/bias-strong.yaml: its borough and its seed",
    )
    parser.add_argument(
        "--shards",
        type=int,
        help="districts to write (default: one up to 200,000 residents, then one per 100,000)",
    )
    parser.add_argument(
        "--identities", action="store_true", help="also what agencies hand to a linking party: identities/"
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="simulate boroughs in a temporary folder and compare their margins with what is published",
    )
    parser.add_argument("--seeds", type=int, default=5, help="boroughs to compare with --report (default: 5)")
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write a simulated borough and print how many rows each file has."""
    from riskmodel.simulate import simulate

    if arguments.report:
        return _report(arguments)
    if arguments.out is None:
        raise command_error("--out is missing: name the folder to make")
    spec, seed = _wanted(arguments)
    refuse_existing(arguments.out)
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        progress("Simulating a borough", 0, 1)
        made = simulate(spec, seed=seed, out=arguments.out, identities=arguments.identities)
    rows = dict(sorted(made.extracts.items()))
    table = console.table(["file", "rows"], [[name, f"{n:,}"] for name, n in rows.items()])
    show(arguments, {"out": str(arguments.out), "districts": made.districts, "rows": rows}, table)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    """Compare boroughs with what is published; write the page, and the numbers beside it, if asked."""
    from riskmodel.files import write_json, write_text
    from riskmodel.simulate.margins.report import compare, page

    if arguments.seeds < 1:
        raise command_error("--seeds: at least 1")
    arguments.seed = arguments.seed or 1
    arguments.size = arguments.size or REPORT_SIZE
    spec, first = _wanted(arguments)
    seeds = range(first, first + arguments.seeds)
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        report = compare(spec, seeds, tell=lambda done: progress("Simulating boroughs", done, len(seeds)))
    if arguments.out is not None:
        write_text(arguments.out, page(report))
        write_json(arguments.out.with_suffix(".json"), report.to_json())
    show(arguments, report.to_json(), _words(report))
    return 0


def _words(report: MarginsReport) -> str:
    """Return the margins as a table for the terminal."""
    rows = [
        [
            row.target.name,
            f"{row.target.value:.4g}",
            f"{row.target.low:.4g} to {row.target.high:.4g}",
            f"{row.mean:.4g}",
            "yes" if row.holds else "NO",
        ]
        for row in report.rows
    ]
    table = console.table(["margin", "target", "range", "simulated", "holds"], rows)
    held = sum(row.holds for row in report.rows)
    return f"{table}\n\n{held} of {len(report.rows)} margins within tolerance ({100 * report.share():.1f}%)"


def _wanted(arguments: argparse.Namespace) -> tuple[SimulateSpec, int]:
    """Return the borough and the seed: the scenario's, with what the command says instead."""
    from pydantic import ValidationError

    from riskmodel.simulate import SimulateSpec

    base, seed = _scenario(arguments.scenario)
    said = {
        name: getattr(arguments, name) for name in ("size", "shards") if getattr(arguments, name) is not None
    }
    try:
        spec = SimulateSpec.model_validate({**base, **said})
    except ValidationError as error:
        faults = [
            f"--{_option(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise StudyError(faults, where="the command") from None
    seed = seed if arguments.seed is None else arguments.seed
    if seed is None:
        raise command_error("--seed is missing; without a --scenario there is no other")
    return spec, seed


def _option(place: tuple[int | str, ...]) -> str:
    return str(place[0]) if place else "shards"


def _scenario(path: Path | None) -> tuple[dict[str, Any], int | None]:
    """Return what a scenario says of its borough, and its seed."""
    from riskmodel.study import SimulatedData, load_study

    if path is None:
        return {}, None
    study = load_study(path)
    if not isinstance(study.data, SimulatedData):
        raise command_error(
            f"--scenario: the data of '{path}' are not simulated; choose one with 'kind: simulated'"
        )
    return study.data.borough().model_dump(exclude={"shards"}), study.seed
