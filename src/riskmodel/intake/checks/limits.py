"""From when on a smaller number is worth a finding."""

from __future__ import annotations

# Far below what is usual: less than half, and by more than four standard deviations of chance (Poisson).
LOW, CHANCE = 0.5, 4.0
# Against the last intake: a fifth less is worth a look, half less needs action.
FELL_LOOK, FELL_ACT = 0.2, 0.5


def is_low(count: float, usual: float, *, ratio: float = LOW, noise: float = 1.0) -> bool:
    """Return whether a count is far below what is usual.

    Parameters
    ----------
    count, usual : float
        What is there, and what would be expected.
    ratio : float
        Low is below this share of what is usual.
    noise : float
        How much more such counts differ than chance alone would make them (standard deviations).
    """
    return bool(count < ratio * usual and usual - count > CHANCE * noise * usual**0.5)
