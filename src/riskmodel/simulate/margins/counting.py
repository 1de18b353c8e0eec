"""Every way a margin is counted, by the name that ``targets.yaml`` uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskmodel.simulate.margins import justice, services, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COUNTED: Mapping[str, Callable[..., float]] = {
    function.__name__: function
    for function in (
        tables.share,
        tables.odds_ratio,
        tables.chance,
        tables.prevalence,
        tables.group,
        tables.age_at_first,
        tables.began_after,
        tables.excluded_within,
        services.residents,
        services.per_10k,
        services.referrals_per_10k,
        services.re_referred,
        services.assessment_factor,
        services.difficulties,
        services.absent,
        services.attendance,
        services.provision,
        services.free_meals,
        services.suspensions_per_pupil,
        services.suspended_in_year,
        services.suspended_ratio,
        services.reason,
        justice.first_entrants,
        justice.reoffended,
        justice.injuries_per_10k,
        justice.sharp_male,
        justice.recorded_harm,
        justice.searches_per_1000,
        justice.search_ratio,
        justice.found_share,
        justice.found_ratio,
        justice.searched_for,
    )
}
