"""``riskmodel object``: record that people objected, or that they took it back."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from pathlib import Path

from riskmodel.verbs.common import add_common, command_error, show

HELP = "record that people objected: no cohort holds them from then on (UK GDPR Article 21)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    add_people(parser)
    parser.add_argument("--on", metavar="DATE", help="when they objected, YYYY-MM-DD (default: today)")
    parser.add_argument("--withdraw", action="store_true", help="take the objections back")
    add_common(parser)


def add_people(parser: argparse.ArgumentParser) -> None:
    """Add ``--keys`` and ``--in``: who, and where."""
    parser.add_argument(
        "--keys", type=Path, required=True, metavar="FILE", help="CSV with subject_id, or with agency,key"
    )
    parser.add_argument(
        "--in", type=Path, required=True, nargs="+", metavar="FOLDER", dest="folders", help="data folders"
    )


def existing_folders(arguments: argparse.Namespace) -> list[Path]:
    """Return the folders of ``--in``.

    Raises
    ------
    StudyError
        If one is not there.
    """
    for folder in arguments.folders:
        if not folder.is_dir():
            raise command_error(f"--in: there is no folder '{folder}'")
    return list(arguments.folders)


def run(arguments: argparse.Namespace) -> int:
    """Record the objections and print how many."""
    from riskmodel.rights.objections import record_objections

    on = _day(arguments.on)
    report = record_objections(
        arguments.keys, existing_folders(arguments), on=on, withdraw=arguments.withdraw
    )
    show(arguments, report.to_json(), report.words())
    return 0


def _day(text: str | None) -> date:
    today = datetime.now(UTC).date()
    if text is None:
        return today
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise command_error("--on: expected a date written YYYY-MM-DD") from None
    if day > today:
        raise command_error("--on: the day is in the future")
    return day
