"""The stage that reads how unequally the police look, where a study names a measurement of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riskmodel.audit.lens import InformedRange, Maker, read_lens
from riskmodel.features.spec import TableSpec
from riskmodel.stages.front import Population
from riskmodel.study import Study
from riskmodel.tables.catalogue import load_catalogue


def lens(study: Study, inputs: Mapping[str, Any], _folder: Path) -> InformedRange:
    """Widen the range of detection by the measured difference in looking; refuse groups that nobody belongs to."""
    population: Population = inputs["population"]
    recording = study.audit.recording
    assert recording.stop_search is not None  # noqa: S101 - the stage is there only for such a study
    measured = read_lens(recording.stop_search)
    measured.require_groups({str(one) for one in population.audited.columns[measured.spec.attribute]})
    return InformedRange(recording, measured, record_maker(study))


def record_maker(study: Study) -> Maker:
    """Return who writes the chosen outcome down, by the catalogue or, of a flat table, by the kind that it declares."""
    if isinstance(study.data, TableSpec):
        return "not_said" if study.data.outcomes[study.data.chosen].kind == "harm" else "police"
    assert study.outcomes is not None  # noqa: S101 - the study checks it
    assert study.features is not None  # noqa: S101 - the study checks it
    catalogue = load_catalogue(study.features.catalogue)
    codes = [code for pattern in study.outcomes.chosen_spec.codes for code in catalogue.match(pattern)]
    infos = [catalogue.lookup(code) for code in codes]
    by_police = [one.police_recorded or one.enforcement_made for one in infos]
    if all(by_police):
        return "police"
    return "police_in_part" if any(by_police) else "others"
