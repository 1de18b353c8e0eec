"""Cohort, outcomes, audited attributes and features: what is known about whom on an index date, and what came after."""

from __future__ import annotations

from riskmodel.features.attributes import audited_attributes, schools
from riskmodel.features.cohort import Attrition, build_cohort
from riskmodel.features.columns import describe
from riskmodel.features.late import late_features
from riskmodel.features.matrix import build_features, builder
from riskmodel.features.outcomes import first_in_horizon, label_outcomes
from riskmodel.features.spec import (
    CohortSpec,
    FeatureSpec,
    FeaturesSpec,
    OutcomeSpec,
    OutcomesSpec,
    TableSpec,
    gap_faults,
)
from riskmodel.features.table import TableData, describe_table, read_table

__all__ = [
    "Attrition",
    "CohortSpec",
    "FeatureSpec",
    "FeaturesSpec",
    "OutcomeSpec",
    "OutcomesSpec",
    "TableData",
    "TableSpec",
    "audited_attributes",
    "build_cohort",
    "build_features",
    "builder",
    "describe",
    "describe_table",
    "first_in_horizon",
    "gap_faults",
    "label_outcomes",
    "late_features",
    "read_table",
    "schools",
]
