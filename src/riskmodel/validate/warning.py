"""What a reader must know before believing a run's results."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class RunWarning:
    """One reason for doubt, as ``metrics.json`` and the closing report carry it.

    Parameters
    ----------
    code : str
        Stable, for tools: ``sample_size``, ``leak_feature`` or ``leak_check``.
    words : str
        One plain sentence; its counts are rounded.
    """

    code: str
    words: str

    def to_json(self) -> dict[str, str]:
        """Return the entry of ``metrics.json``."""
        return asdict(self)
