"""What is read from the file: the study's table, SAVRY beside it, and which rows may be about the same person."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from riskmodel.features import TableData, TableSpec, read_table
from riskmodel.tables.cohort import BoolArray, IntArray
from riskmodel.tables.features import FeatureMatrix

HERE = Path(__file__).parent
SUBJECT = "id"
ALIKE = ("V10_data_naixement", "V1_sexe", "V22_data_fet")
"""Two rows with the same birth date, sex and date of the offence may be one person, or twins."""


def table_of(spec: TableSpec) -> TableData:
    """Return the study's table, with rows that may be about one person sharing a household."""
    table = read_table(spec)
    person = same_person(Path(spec.path), table.cohort.subject_id)
    return replace(table, cohort=replace(table.cohort, household_id=person))


def same_person(path: Path, subject_id: IntArray) -> IntArray:
    """Return a number for each subject, shared by those who are alike in ``ALIKE``.

    Parameters
    ----------
    path : Path
        The file.
    subject_id : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n,)
        The smallest subject number among those who are alike.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        alike = {int(row[SUBJECT]): tuple(row[name] for name in ALIKE) for row in csv.DictReader(stream)}
    first: dict[tuple[str, ...], int] = {}
    for subject in sorted(alike):
        first.setdefault(alike[subject], subject)
    return np.array([first[alike[int(subject)]] for subject in subject_id], dtype=np.int64)


def savry(spec: TableSpec) -> FeatureMatrix:
    """Return the SAVRY columns of ``savry.yaml``, row-aligned with the study's table; NaN for those not assessed."""
    return columns(spec, yaml.safe_load((HERE / "savry.yaml").read_text(encoding="utf-8")))


def columns(spec: TableSpec, features: Mapping[str, Any]) -> FeatureMatrix:
    """Return other columns of the same file, declared in the same way."""
    return read_table(
        TableSpec.model_validate({**spec.model_dump(exclude_unset=True), "features": features})
    ).features


def groups_of(table: TableData, attributes: tuple[str, ...]) -> dict[str, dict[str, BoolArray]]:
    """Return who belongs to which group of each attribute and of their intersection."""
    values = {name: table.audited.columns[name] for name in attributes}
    crossed = " x ".join(attributes)
    values[crossed] = np.array([", ".join(words) for words in zip(*values.values(), strict=True)])
    return {name: {str(g): column == g for g in np.unique(column)} for name, column in values.items()}


def reversed_copy(path: Path, folder: Path) -> Path:
    """Write the file with its rows from last to first into a (temporary) folder, and return where."""
    header, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    target = folder / path.name
    target.write_text(
        header + "".join(reversed([row if row.endswith("\n") else row + "\n" for row in rows])),
        encoding="utf-8",
    )
    return target
