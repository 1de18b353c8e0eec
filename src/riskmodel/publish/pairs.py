"""Which facts the selected model looks at together, in words for the board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskmodel.publish.checks import Check


def pairs_checks(explanations: Mapping[str, Any], *, min_people: int) -> tuple[Check, ...]:
    """Return the card's section about pairs of facts; none where the selected model looks at each fact by itself.

    Parameters
    ----------
    explanations : mapping
        As ``explanations.json``.
    min_people : int
        Fewest people in a cell of a pair's table, a setting of the study.
    """
    pairs = explanations["models"][explanations["selected"]]["pairs"]
    if not pairs:
        return ()
    listed = "; ".join(" with ".join(f"“{words}”" for words in pair["descriptions"]) for pair in pairs)
    return (
        Check(
            "pairs",
            "Does it look at facts together?",
            (
                f"The model also looks at these facts together: {listed}.",
                "For each two it holds a small table of what they add beyond what each adds by itself.",
                f"Wherever anybody stands in such a table, at least {min_people} young people stand together.",
                "On the page of one young person, what two facts add together is shared equally between them.",
            ),
        ),
    )
