"""``riskmodel intake``: take official extracts into an event log, delivery by delivery."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmodel import console
from riskmodel.verbs.common import add_common, command_error, show

if TYPE_CHECKING:
    from riskmodel.intake import BroughtIn
    from riskmodel.intake.deliveries import Beside

HELP = "take official extracts into an event log"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="extracts with spine.csv and manifest.json, or a folder of shards of them",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="the event log: a new folder, or one that holds earlier deliveries",
    )
    parser.add_argument(
        "--declare",
        action="append",
        default=[],
        metavar="COLUMN=WHY",
        help="why a column that looks like a direct identifier is none",
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Take extracts in, write the event log and the quarantine, and print what became of every row."""
    from riskmodel.intake import shards_of

    declared = _declared(arguments.declare)
    shards = shards_of(arguments.folder)
    sources = {arguments.out / name: source for name, source in shards.items()}
    sources = sources or {arguments.out: arguments.folder}
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        made = {}
        for number, (out, source) in enumerate(sources.items()):
            title = f"Taking in {out.name}" if shards else "Taking in the records"
            progress(title, number, len(sources))
            made[out.name] = _bring_in(source, out, declared)
    if shards:
        _show_shards(arguments, made)
    else:
        _show(arguments, made[arguments.out.name])
    return 0


def _bring_in(source: Path, out: Path, declared: Mapping[str, str]) -> BroughtIn:
    from riskmodel.intake import bring_in

    return bring_in(source, out, declared=declared, beside=_checks_and_page(out))


def _checks_and_page(out: Path) -> Beside:
    """Return what gives the files that explain a delivery: its checks against the one before, and its page."""
    from riskmodel.intake.checks import check_intake, previous_checks
    from riskmodel.intake.extracts import Taken
    from riskmodel.publish.intake_page import account_files

    def files(taken: Taken) -> dict[str, str]:
        """Return the files by name."""
        intake = taken.intake
        previous = previous_checks(out)
        checks = check_intake(intake.records, intake.report, previous=previous, gaps=taken.manifest.gaps)
        return account_files(checks, intake.report)

    return files


def _declared(words: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    if any(not column.strip() or not why.strip() for column, _, why in pairs):
        raise command_error(
            "--declare: expected COLUMN=WHY, such as --declare 'ref=number of the case, not of a person'"
        )
    return {column.strip(): why.strip() for column, _, why in pairs}


def _show(arguments: argparse.Namespace, made: BroughtIn) -> None:
    from riskmodel.intake.checks import previous_checks

    deliveries = [delivery.name for delivery in made.deliveries]
    checks = previous_checks(arguments.out)
    value = {
        **made.report.to_json(),
        "changed": made.changed,
        "deliveries": deliveries,
        "checks": None if checks is None else checks.to_json()["summary"],
    }
    unchanged = "These files are those of the newest delivery: nothing was changed."
    held = f"The event log holds {len(deliveries)} deliveries; the newest is of {deliveries[-1]}."
    lines = [
        made.report.summary(),
        *([held] if len(deliveries) > 1 else []),
        *([] if made.changed else [unchanged]),
        *([] if checks is None else [checks.summary()]),
    ]
    show(arguments, value, "\n".join(lines))


def _show_shards(arguments: argparse.Namespace, made: Mapping[str, BroughtIn]) -> None:
    rows = {name: _totals(one) for name, one in sorted(made.items())}
    names = ["rows_in", "rows_accepted", "rows_quarantined", "events"]
    sums = {name: sum(row[name] for row in rows.values()) for name in names}
    columns = ["shard", "rows in", "accepted", "set aside", "events", ""]
    table = [
        [name, *(f"{row[column]:,}" for column in names), "" if row["changed"] else "unchanged"]
        for name, row in [*rows.items(), ("all", {**sums, "changed": True})]
    ]
    show(arguments, {**sums, "shards": rows}, console.table(columns, table))


def _totals(made: BroughtIn) -> dict[str, Any]:
    report = made.report.to_json()
    kept = ("rows_in", "rows_accepted", "rows_quarantined", "events", "subjects")
    deliveries = [delivery.name for delivery in made.deliveries]
    return {**{name: report[name] for name in kept}, "changed": made.changed, "deliveries": deliveries}
