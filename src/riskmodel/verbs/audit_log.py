"""``riskmodel audit-log``: print what was done to a folder, and check that the log is whole."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riskmodel.verbs.common import add_common, command_error, show

_LIMITS = (
    "The chain cannot show that entries are missing at its end, or that it was written anew: note this hash elsewhere "
    "and check it with --noted."
)
HELP = "print the log of objections and erasures, and say whether it is whole"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder with audit.jsonl")
    parser.add_argument("--verify", action="store_true", help="exit with 5 if the log is not whole")
    parser.add_argument(
        "--noted", metavar="HASH", help="a hash that was noted elsewhere: it must still be there"
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the log; with ``--verify`` the exit code says whether it is whole."""
    from riskmodel.errors import DataError
    from riskmodel.rights.audit_log import read_audit_log

    if not arguments.folder.is_dir():
        raise command_error(f"there is no folder '{arguments.folder}'")
    trail = read_audit_log(arguments.folder, noted=arguments.noted)
    lines = [_line(entry) for entry in trail.entries] or ["Nothing is recorded in this folder."]
    show(arguments, trail.to_json(), "\n".join([*lines, "", *_verdict(trail)]))
    return DataError.exit_code if arguments.verify and not trail.whole else 0


def _line(entry: Mapping[str, Any]) -> str:
    counts = ", ".join(
        f"{name}: {'fewer than 10' if count is None else count}" for name, count in entry["counts"].items()
    )
    notes = "".join(f"\n    {note}" for note in entry["notes"])
    return f"{entry['time']}  {entry['verb']}  ({counts})  in {', '.join(entry['folders'])}{notes}"


def _verdict(trail: Any) -> list[str]:
    if trail.whole:
        said = f"The log is whole: {len(trail.entries)} entries, each follows the one before."
    else:
        said = "THE LOG IS NOT WHOLE: " + "; ".join(trail.faults) + "."
    return [said, f"Hash of the last entry: {trail.last}", _LIMITS]
