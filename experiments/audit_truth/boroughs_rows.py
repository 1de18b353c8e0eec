"""Young people of one borough at the test dates: what was recorded of them and what truly happened, kept in a folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

sys.path.append(str(Path(__file__).parents[1]))  # what experiments share
from simulated import at_test_dates, true_labels, truth_folder

from riskmodel.study import Study
from riskmodel.tables.cohort import AuditedAttributes, Cohort, Labels, OutcomeTable
from riskmodel.tables.features import FeatureMatrix


@dataclass(frozen=True)
class Rows:
    """Young people at the test dates of one borough, with what was recorded of them and what truly happened."""

    cohort: Cohort
    features: FeatureMatrix
    audited: AuditedAttributes
    recorded: Labels
    true: Labels

    @classmethod
    def of(cls, study: Study, results: Mapping[str, Any], happening: str) -> Self:
        """Take the rows from a study that was run."""
        population, features = results["population"], results["features"]
        rows = at_test_dates(study, population.cohort)
        cohort = population.cohort.take(rows)
        outcomes = population.outcomes
        return cls(
            cohort=cohort,
            features=features.take(rows),
            audited=population.audited.take(rows),
            recorded=outcomes.test[outcomes.chosen].take(rows),
            true=true_labels(truth_folder(results), happening, cohort),
        )

    def save(self, folder: Path) -> None:
        """Write everything into a folder."""
        for one in (self.cohort, self.features, self.audited):
            one.save(folder)
        OutcomeTable("label", {"label": self.recorded}, {"label": self.true}).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        cohort, features, audited = (
            Cohort.load(folder),
            FeatureMatrix.load(folder),
            AuditedAttributes.load(folder),
        )
        labels = OutcomeTable.load(folder)
        return cls(cohort, features, audited, labels.test["label"], labels.training["label"])
