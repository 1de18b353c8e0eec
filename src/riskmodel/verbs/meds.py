"""``riskmodel meds``: write an event log as a MEDS dataset, or draft a catalogue for another dataset's codes."""

from __future__ import annotations

import argparse
from pathlib import Path

from riskmodel import console
from riskmodel.verbs.common import add_common, command_error, refuse_existing, show

HELP = "write an event log as a MEDS dataset, or draft a catalogue for the codes of one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="an event log that intake wrote, or a MEDS dataset"
    )
    job = parser.add_mutually_exclusive_group(required=True)
    job.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write the MEDS dataset; must not exist"
    )
    job.add_argument(
        "--draft-catalogue",
        type=Path,
        metavar="FILE",
        help="where to write a draft for the codes that are not described; must not exist",
    )
    parser.add_argument("--name", default="riskmodel", help="name of the dataset (riskmodel)")
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the dataset or the draft."""
    if not arguments.folder.is_dir():
        raise command_error(f"there is no folder '{arguments.folder}'")
    return _draft(arguments) if arguments.out is None else _write(arguments)


def _write(arguments: argparse.Namespace) -> int:
    from riskmodel.intake import EventsSpec, read_events
    from riskmodel.intake.meds import write_meds
    from riskmodel.tables.catalogue import load_catalogue

    refuse_existing(arguments.out)
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        progress("Reading the events", 0, 2)
        taken = read_events(EventsSpec(path=arguments.folder))
        progress("Writing the MEDS dataset", 1, 2)
        shards = write_meds(taken.records, arguments.out, catalogue=load_catalogue(), name=arguments.name)
    set_aside = sum(table.num_rows for table in taken.quarantine.values())
    found = {
        "out": str(arguments.out),
        "shards": shards,
        "events": len(taken.records.events),
        "set_aside": set_aside,
    }
    words = (
        f"{len(taken.records.events):,} events in {shards} shard{'s' if shards > 1 else ''}: {arguments.out}"
    )
    if set_aside:
        words += (
            f"\n{set_aside:,} rows were set aside when reading; riskmodel intake shows them with reasons."
        )
    show(
        arguments,
        found,
        f"{words}\nIt holds a row for each event of each person: it stays in the secure environment.",
    )
    return 0


def _draft(arguments: argparse.Namespace) -> int:
    from riskmodel.files import write_text
    from riskmodel.intake.meds import draft_catalogue
    from riskmodel.tables.catalogue import load_catalogue

    place = arguments.draft_catalogue
    if place.exists():
        raise command_error(f"--draft-catalogue: '{place}' exists already; name a new file")
    text, count = draft_catalogue(arguments.folder, load_catalogue())
    if count:
        write_text(place, text)
    words = (
        f"{count} codes are not described; a draft is in {place}. Write their concepts, units, directions and lawful "
        "basis, and name it under features.catalogue."
        if count
        else "Every code is described: no draft was written."
    )
    show(arguments, {"codes": count, "draft": str(place) if count else None}, words)
    return 0
