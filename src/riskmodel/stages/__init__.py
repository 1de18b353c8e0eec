"""The stages of a run, in order: ``front`` up to the feature matrix, ``back`` from there to results.

Only ``front`` is imported here; the rest loads the large libraries.
"""

from riskmodel.stages.front import Population, audited_names, front_end, horizon_and_lag, outcome_words

__all__ = ["Population", "audited_names", "front_end", "horizon_and_lag", "outcome_words"]
