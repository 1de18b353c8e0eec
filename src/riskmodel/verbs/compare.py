"""``riskmodel compare``: two runs on the same young people, in pairs, overall and by group."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from riskmodel import console
from riskmodel.verbs.common import add_common, command_error, show

if TYPE_CHECKING:
    from riskmodel.audit.compare import Comparison, ComparisonRow

EVERYONE = "everyone"
HELP = "compare two runs on the same young people, in pairs, overall and by group"
_BY_GROUP = "recall_at_capacity"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("first", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument(
        "second", type=Path, metavar="RUN", help="another; differences are this one less the first"
    )
    parser.add_argument(
        "--family",
        nargs="+",
        default=[],
        metavar="FAMILY",
        help="a family of both runs, or one of each; by default the selected ones",
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare and print."""
    from riskmodel.comparing import compare_runs
    from riskmodel.jobs import STORE

    if len(arguments.family) > 2:
        raise command_error(f"--family: expected one or two families; found {len(arguments.family)}")
    pair = [*arguments.family, None, None][:2] if len(arguments.family) != 1 else 2 * arguments.family
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        first, second, found = compare_runs(
            arguments.first,
            arguments.second,
            families=(pair[0], pair[1]),
            store=arguments.first.resolve().parent / STORE,
            progress=progress,
        )
    sides = {
        name: {"run": str(folder), "family": one.family}
        for name, folder, one in (("first", arguments.first, first), ("second", arguments.second, second))
    }
    value = {**sides, "split": first.part.name, "rows": found.to_json()}
    show(arguments, value, _words(found, first.family, second.family, first.part.name))
    return 0


def _words(found: Comparison, first: str, second: str, split: str) -> str:
    head = [f"first: {first}", f"second: {second}", "difference (95% interval)"]
    everyone = [row for row in found.rows if row.attribute == EVERYONE]
    blocks = [console.table(["metric", *head], [[row.metric, *_cells(row)] for row in everyone])]
    hidden = []
    for attribute in dict.fromkeys(row.attribute for row in found.rows if row.attribute != EVERYONE):
        rows = found.of(_BY_GROUP, attribute=attribute)
        if all(row.status == "suppressed" for row in rows):
            hidden.append(attribute)
            continue
        blocks.append(
            console.table([f"{attribute}: {_BY_GROUP}", *head], [[row.group, *_cells(row)] for row in rows])
        )
    if hidden:
        blocks.append(
            f"Hidden in every group, because too few people stand behind it: {_BY_GROUP} by {', '.join(hidden)}."
        )
    note = (
        f"Split: {split}. Differences are the second less the first, from the same resamples of people for both. They are looked at "
        "one by one: of twenty intervals, one misses by chance. --json has every metric by group."
    )
    return "\n\n".join([*blocks, note])


def _cells(row: ComparisonRow) -> list[str]:
    if row.difference is None or row.first is None or row.second is None:
        return ["", "", row.status]
    return [
        f"{row.first:.3f}",
        f"{row.second:.3f}",
        f"{row.difference:+.3f} ({row.lower:+.3f} to {row.upper:+.3f})",
    ]
