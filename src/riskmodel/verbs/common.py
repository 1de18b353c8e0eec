"""Arguments and refusals that verbs share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riskmodel.errors import StudyError


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add ``--json`` and ``--quiet``, which every verb has."""
    parser.add_argument("--json", action="store_true", help="print one machine-readable object")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def show(arguments: argparse.Namespace, value: Mapping[str, Any], words: str) -> None:
    """Print a result: one JSON object with ``--json``, else words for a person."""
    print(json.dumps(value) if arguments.json else words)


def command_error(fault: str) -> StudyError:
    """Return the error of a wrong command."""
    return StudyError([fault], where="the command")


def refuse_existing(out: Path) -> None:
    """Refuse to write over something.

    Raises
    ------
    StudyError
        If there is something at ``out``.
    """
    if out.exists():
        raise command_error(f"--out: '{out}' exists already; name a new folder, so that nothing is lost")
