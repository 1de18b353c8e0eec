"""Further checks on the card: each a heading, a few plain sentences, and a table or a figure where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One check, ready for the board; whoever makes it has applied the disclosure rules to every number.

    Parameters
    ----------
    name : str
        Short and stable, such as ``sample_size``; a figure of this name is shown below the sentences.
    title : str
        Heading in plain words.
    sentences : sequence of str
        What was found and what it means; the first is the answer, which a reader sees before opening the rest.
    head : sequence of str
        Column headings of the table; empty without one.
    rows : sequence of sequence of str
        Cells as words, one for each heading.
    """

    name: str
    title: str
    sentences: Sequence[str]
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.head) for row in self.rows):
            raise ValueError(f"check '{self.name}': one cell for each heading")

    def to_json(self) -> dict[str, Any]:
        """Return the section of the card's record."""
        return {
            "name": self.name,
            "title": self.title,
            "sentences": list(self.sentences),
            "head": list(self.head),
            "rows": [list(row) for row in self.rows],
        }
