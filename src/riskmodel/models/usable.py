"""Which families a study can fit: the baselines need to be told something that a study may leave unsaid."""

from __future__ import annotations

from collections.abc import Sequence

from riskmodel.models.count import can_count
from riskmodel.models.spec import Family, ModelsSpec
from riskmodel.tables.features import FeatureInfo


def usable_families(spec: ModelsSpec, infos: Sequence[FeatureInfo]) -> tuple[Family, ...]:
    """Return the families to fit.

    Parameters
    ----------
    spec : ModelsSpec
    infos : sequence of FeatureInfo
        What the columns mean.

    Returns
    -------
    tuple of str
        All that a study names. Where it names none, ``prior`` is left out if no columns are named for it, and ``count``
        if no column has a direction that raises risk.
    """
    if "families" in spec.model_fields_set:
        return spec.families
    lacking = {
        "prior": not spec.prior.features,
        "count": not can_count(infos, spec.count.lookback),
    }
    return tuple(family for family in spec.families if not lacking.get(family, False))
