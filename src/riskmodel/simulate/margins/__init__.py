"""How close a simulated borough is to what is published: counted again from the extracts that were written.

``targets.yaml`` holds the published numbers, `targets` the range in which each holds, `reading` opens the extracts,
`linked` follows year groups to 18, and `tables`, `services` and `justice` count. Nothing here sees the truth or the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskmodel.simulate.margins.count import Count
from riskmodel.simulate.margins.targets import Target, targets

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Margin", "Target", "margins", "targets"]


@dataclass(frozen=True)
class Margin:
    """One target and what one simulated borough has."""

    target: Target
    simulated: float

    @property
    def name(self) -> str:
        """What is counted."""
        return self.target.name

    @property
    def holds(self) -> bool:
        """Whether the simulated number is within the tolerance."""
        return self.target.holds(self.simulated)


def margins(extracts: Path) -> tuple[Margin, ...]:
    """Count the margins of a simulated borough from its extracts.

    Parameters
    ----------
    extracts : Path
        The folder that `simulate` wrote.

    Returns
    -------
    tuple of Margin
        In the order of the targets. Shares are in per cent.
    """
    count = Count.of(extracts)
    return tuple(Margin(target, target.of(count)) for target in targets())
