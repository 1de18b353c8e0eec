"""What a linkage may be told."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

THRESHOLD = 0.5
"""The least probability at which two records are linked; chosen on the simulated borough (`experiments/linkage`)."""


class LinkSpec(BaseModel):
    """A linkage.

    Parameters
    ----------
    seed : int
        For subject ids and for the sample that trains the model. Whoever knows it cannot tell names from ids, but keep
        it at the linking party: with it and the files the ids can be made again.
    threshold : float
        The least probability, by the model, at which two records are taken for one person.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(ge=0)
    threshold: float = Field(default=THRESHOLD, gt=0, lt=1)
