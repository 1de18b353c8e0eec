"""Errors a person can act on, each with the exit code that the command line returns.

A message says what was expected, what was found, where, and what to do next. It never holds a person's
identifier, a date or a value from a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class RiskModelError(Exception):
    """A defect of ours, or the parent of every error below (exit code 1)."""

    exit_code = 1


class StudyError(RiskModelError):
    """The command or the study is wrong (exit code 2)."""

    exit_code = 2

    def __init__(self, faults: Sequence[str], *, where: str = "the study") -> None:
        self.faults = tuple(faults)
        listed = "\n".join(f"  - {fault}" for fault in self.faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"{count} in {where}:\n{listed}")


class PolicyError(RiskModelError):
    """A policy refuses what the study asks for (exit code 3)."""

    exit_code = 3


class ApprovalError(RiskModelError):
    """Something needs an approval that does not exist (exit code 4)."""

    exit_code = 4


class DataError(RiskModelError):
    """The data are not what was declared (exit code 5)."""

    exit_code = 5

    def __init__(self, *, expected: str, found: str, where: str, next_step: str) -> None:
        super().__init__(f"{where}: expected {expected}; found {found}. {next_step}")


_LISTED = 40


def nearest(name: str, valid: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Return the valid names that look most like ``name``, best first.

    Parameters
    ----------
    name : str
        What was typed.
    valid : iterable of str
        What would have been understood.
    count : int
        At most so many suggestions.

    Returns
    -------
    tuple of str
        Empty when nothing is close.
    """
    return tuple(get_close_matches(name, sorted(set(valid)), n=count, cutoff=0.5))


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """Return a sentence that names the nearest valid names, or lists them when nothing is close; not more than fit."""
    choices = sorted(set(valid))
    close = nearest(name, choices)
    if close:
        return f"did you mean {' or '.join(close)}?"
    rest = f" and {len(choices) - _LISTED} others" if len(choices) > _LISTED else ""
    return f"valid: {', '.join(choices[:_LISTED])}{rest}"
