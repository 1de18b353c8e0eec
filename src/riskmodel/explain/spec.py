"""What a study may say about explanations."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ExplainSpec(BaseModel):
    """How much an explanation shows.

    Parameters
    ----------
    top : int
        Concepts shown as raising, and as lowering, the estimate for one young person; also the features in the
        picture of spread.
    factors_per_concept : int
        Sentences shown for one concept.
    listed : int
        Features listed in ``explanations.json``.
    bins : int
        Groups of values per feature in the picture of spread, before small groups are merged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    top: int = Field(default=5, ge=1, le=20)
    factors_per_concept: int = Field(default=2, ge=1, le=5)
    listed: int = Field(default=20, ge=1, le=200)
    bins: int = Field(default=5, ge=2, le=20)
