"""``riskmodel forget``: take people out of every table, shard, run and index that holds them."""

from __future__ import annotations

import argparse

from riskmodel.verbs.common import add_common, show
from riskmodel.verbs.object import add_people, existing_folders

HELP = "take people out of data, runs and indexes, and prove it by a search (UK GDPR Article 17)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    add_people(parser)
    parser.add_argument("--dry-run", action="store_true", help="only count what would go")
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Erase, search, and print what went; the exit code is 5 while a pseudonym stands anywhere."""
    from riskmodel.rights.forget import forget, refuse_what_is_left

    report = forget(arguments.keys, existing_folders(arguments), dry_run=arguments.dry_run)
    show(arguments, report.to_json(), report.words())
    refuse_what_is_left(report)
    return 0
