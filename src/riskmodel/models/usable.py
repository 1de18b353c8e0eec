"""Which families a study can fit: the baselines need to be told something that a study may leave unsaid."""

from __future__ import annotations

from collections.abc import Sequence

from riskmodel.models.count import can_count
from riskmodel.models.spec import ModelsSpec
from riskmodel.tables.features import FeatureInfo


def with_usable_families(spec: ModelsSpec, infos: Sequence[FeatureInfo]) -> ModelsSpec:
    """Return the settings with the families that can be fitted.

    Parameters
    ----------
    spec : ModelsSpec
    infos : sequence of FeatureInfo
        What the columns mean.

    Returns
    -------
    ModelsSpec
        With all families that a study names. Where it names none, ``prior`` is left out if no columns are named for it,
        and ``count`` if no column has a direction that raises risk.
    """
    if "families" in spec.model_fields_set:
        return spec
    lacking = {"prior": not spec.prior.features, "count": not can_count(infos, spec.count.lookback)}
    usable = tuple(family for family in spec.families if not lacking.get(family, False))
    return spec.model_copy(update={"families": usable})
