"""Optimism: how much better a model looks on those it learned from than on those it did not.

Apparent performance is that of the final model on its own training rows; corrected performance that of the out-of-fold
scores of the same rows. The same resamples of people serve both, so the interval of the difference is paired
(Harrell, Lee and Mark 1996, Statistics in Medicine 15:361; by cross-fitting instead of their bootstrap, because it costs
no further fit). Models of the folds learn from fewer people, so the correction is a little too strict, never too kind.
"""

from __future__ import annotations

from riskmodel.validate.estimate import Estimate
from riskmodel.validate.metrics import Drawn, ScoredRows, summarise


def optimism(rows: ScoredRows, apparent: Drawn, corrected: Drawn) -> dict[str, dict[str, Estimate]]:
    """Compare performance on the training rows with performance out of fold.

    Parameters
    ----------
    rows : ScoredRows
        The training rows; only the people in them are counted.
    apparent, corrected : Drawn
        From ``draw_metrics`` on the same rows with the same resamples.

    Returns
    -------
    dict
        By metric: ``apparent``, ``corrected`` and ``difference`` (apparent less corrected).
    """
    columns = {"apparent": apparent, "corrected": corrected, "difference": apparent.less(corrected)}
    found = {column: summarise(rows, drawn) for column, drawn in columns.items()}
    return {name: {column: found[column][name] for column in columns} for name in apparent.points}
