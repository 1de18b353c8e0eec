"""The stage that explains: what each model's score is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from riskmodel.explain.importance import explanations
from riskmodel.stages.parts import audit_part
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray
from riskmodel.tables.predictions import Contributions

Inputs = Mapping[str, Any]
Json = dict[str, Any]


@dataclass(frozen=True)
class Explained:
    """Contributions of the selected model on the audit's rows, and what matters to it overall."""

    rows: BoolArray
    contributions: Contributions
    overall: Json


def explain(study: Study, inputs: Inputs, _folder: Path) -> Explained:
    """Split each score into what its features add, and sum up what matters overall."""
    population, features, split, fitted = (
        inputs[name] for name in ("population", "features", "split", "models")
    )
    part = audit_part(population, split)
    rows, people = features.take(part.rows), population.cohort.subject_id[part.rows]
    found = {family: one.model.contributions(rows) for family, one in fitted.models.items()}
    overall = {
        family: explanations(
            contributions,
            rows,
            weight=np.ones(len(rows)),
            subject_id=people,
            spec=study.explain,
            disclosure=study.disclosure,
        )
        for family, contributions in found.items()
    }
    selected = fitted.selection.selected
    return Explained(part.rows, found[selected], {"models": overall, "selected": selected})
