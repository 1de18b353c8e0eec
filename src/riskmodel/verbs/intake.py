"""``riskmodel intake``: take official extracts into an event log."""

from __future__ import annotations

import argparse
from pathlib import Path

from riskmodel import console
from riskmodel.verbs.common import add_common, refuse_existing, show

HELP = "take official extracts into an event log"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="extracts with spine.csv and manifest.json"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="a new folder for the event log and the quarantine"
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Take extracts in, write the event log and the quarantine, and print what became of every row."""
    from riskmodel.intake import take_in

    refuse_existing(arguments.out)
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        progress("Taking in the records", 0, 1)
        taken = take_in(arguments.folder, out=arguments.out)
    show(arguments, taken.report.to_json(), taken.report.summary())
    return 0
