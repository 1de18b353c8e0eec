"""What is asked of the searches: against which group, how they bunch, and what is too small to show."""

from __future__ import annotations

from dataclasses import dataclass, field

from riskmodel.disclosure import Disclosure
from riskmodel.stop_search.clusters import Cluster

# Searches are public row by row, so counts are not rounded: the report must agree with anybody's own count.
PUBLISHED = Disclosure(threshold=10, rounding=1)


@dataclass(frozen=True)
class Question:
    """How groups are compared.

    Parameters
    ----------
    reference : str
        The ethnic group that others are compared with.
    cluster : str
        Which searches belong together, for intervals.
    disclosure : Disclosure
        What is too small to show, wherever two facts are crossed or an area is smaller than a force.
    exact_totals : bool
        Whether the total of a group is shown however small it is: yes for a whole force, no for an area of it.
    """

    reference: str = "White"
    cluster: Cluster = "both"
    disclosure: Disclosure = field(default=PUBLISHED)
    exact_totals: bool = True

    def against(self, attribute: str) -> str:
        """Return the group that others are compared with: of ethnicities the one asked for, women, the oldest."""
        return {"sex": "Female", "age": "over 34"}.get(attribute, self.reference)
