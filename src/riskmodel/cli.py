"""``riskmodel VERB``: reads the command line and hands over to the verb's own module."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Protocol

from riskmodel import train
from riskmodel.console import guarded
from riskmodel.verbs import (
    audit_log,
    compare,
    explain,
    features,
    forget,
    intake,
    link,
    meds,
    pseudonymise,
    simulate,
    stop_search,
)
from riskmodel.verbs import object as objecting


class Verb(Protocol):
    """What a verb's module holds."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Add the verb's arguments."""
        ...

    def run(self, arguments: argparse.Namespace, /) -> int:
        """Do it, and return the exit code."""
        ...


# In the order in which a borough meets them.
VERBS: dict[str, Verb] = {
    "simulate": simulate,
    "link": link,
    "pseudonymise": pseudonymise,
    "intake": intake,
    "meds": meds,
    "features": features,
    "train": train,
    "compare": compare,
    "stop-search": stop_search,
    "explain": explain,
    "object": objecting,
    "forget": forget,
    "audit-log": audit_log,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: int(arguments.run(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="riskmodel", description="Models that help a borough offer early support, explained and audited."
    )
    parser.add_argument("--version", action="version", version=f"riskmodel {metadata.version('riskmodel')}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, verb in VERBS.items():
        one = verbs.add_parser(name, help=verb.HELP)
        verb.add_arguments(one)
        one.set_defaults(run=verb.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
