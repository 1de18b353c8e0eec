"""``python -m riskmodel.train``: arguments, study, pipeline, exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from riskmodel.console import guarded

HELP = "train a study and write a run folder"

_DESCRIPTION = """\
Train explainable models that suggest who might be offered support, and write a run folder with their validation,
fairness audit, explanations and model card. Without a STUDY it runs the embedded default study on a simulated borough.
"""

_EXAMPLES = """\
examples:
  python -m riskmodel.train
  python -m riskmodel.train --set data.size=4000 --set models.families=[logistic,xgboost]
  python -m riskmodel.train configs/studies/small.yaml --out runs/ --dry-run

exit codes: 0 done; 2 wrong command or study; 3 a policy refuses; 5 bad data, or a doubt with --strict; 130 interrupted
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of training to a parser, so that ``riskmodel train`` takes the same."""
    parser.add_argument("study", nargs="?", type=Path, metavar="STUDY", help="a study's YAML file")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="change a setting; may be repeated",
    )
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder of runs (default: runs)")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the attrition and the features; train nothing"
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="stop, and write no run, if the study is too small or something looks like a leak",
    )
    parser.add_argument("--json", action="store_true", help="print one machine-readable object")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--copy-card", type=Path, metavar="DIR", help="also copy the card to DIR, named after the study"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m riskmodel.train",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    return guarded(lambda: run(arguments))


def run(arguments: argparse.Namespace) -> int:
    """Carry out parsed arguments: a dry run or a whole one."""
    # Two OpenMP threads that spin while they wait cost more than they gain on a busy laptop.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from riskmodel.jobs import dry_run, train_and_report  # after parsing, so that --help is quick

    return dry_run(arguments) if arguments.dry_run else train_and_report(arguments)


if __name__ == "__main__":
    sys.exit(main())
