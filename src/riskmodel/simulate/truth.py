"""The truth behind the extracts, kept apart. Nothing that trains or scores a model may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from riskmodel.files import write_json
from riskmodel.simulate.clock import IntArray, first_day
from riskmodel.simulate.population import GROUPS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from riskmodel.simulate.hazard import HazardBook
    from riskmodel.simulate.lives import Happenings
    from riskmodel.simulate.recording import Noted, Scene

HARM_KINDS = ("ASSAULT_INJURY", "SERIOUS_ASSAULT_INJURY")


def write_truth(
    scene: Scene,
    folder: Path,
    *,
    subject_id: npt.NDArray[np.int64],
    severity: npt.NDArray[np.floating],
    book: HazardBook,
    noted: Sequence[Noted],
) -> dict[str, int]:
    """Write who truly came to harm, who did violence, and the hazard month by month.

    Parameters
    ----------
    scene : Scene
        The place, the lives and the recording layer.
    folder : Path
        Where to write; it must exist.
    subject_id : ndarray of shape (n_people,)
        The subject each person is known by on the spine.
    severity : ndarray of shape (n_harms,)
        How bad each harm was, in the order of ``scene.witnessed("harm")``.
    book : HazardBook
        The hazards noted while the lives were lived.
    noted : sequence of Noted
        What each agency could record of true events, and did.

    Returns
    -------
    dict of str to int
        Rows of each file.
    """
    harm = scene.witnessed("harm")
    tables = {
        "hazard.parquet": _hazards(book, subject_id),
        "harm.parquet": _dated(harm, subject_id).append_column("kind", _kinds(severity)),
        "violence.parquet": _dated(scene.witnessed("violence"), subject_id),
        "people.parquet": _people(scene, subject_id),
        "recording.parquet": _recorded(noted, subject_id),
    }
    tables["harm.parquet"] = tables["harm.parquet"].sort_by(
        [("subject_id", "ascending"), ("time", "ascending")]
    )
    for name, table in tables.items():
        parquet.write_table(table, folder / name, compression="zstd")
    write_json(folder / "recording.json", scene.recording.to_json())
    return {name: table.num_rows for name, table in tables.items()}


def _dates(day: IntArray) -> pa.Array:
    return pa.array(day.astype(np.int32), pa.int32()).cast(pa.date32())


def _hazards(book: HazardBook, subject_id: npt.NDArray[np.int64]) -> pa.Table:
    person, month, hazard = book.table()
    order = np.argsort(subject_id[person], kind="stable")  # months stay in order within a subject
    person, month, hazard = person[order], month[order], hazard[order]
    return pa.table(
        {
            "subject_id": subject_id[person],
            "month": _dates(first_day(month)),
            "hazard": pa.array(hazard.astype(np.float64)),
        }
    )


def _dated(events: Happenings, subject_id: npt.NDArray[np.int64]) -> pa.Table:
    return pa.table({"subject_id": subject_id[events.person], "time": _dates(events.day)})


def _recorded(noted: Sequence[Noted], subject_id: npt.NDArray[np.int64]) -> pa.Table:
    """Return one row for each true event and agency that may record it, by subject and time."""
    size = [len(part.person) for part in noted]
    row = np.repeat(np.arange(len(noted)), size)
    person, day, chance, recorded = (
        np.concatenate([getattr(part, name) for part in noted])
        for name in ("person", "day", "chance", "recorded")
    )
    order = np.lexsort((row, day, subject_id[person]))
    which = pa.array(row[order])
    return pa.table(
        {
            "subject_id": subject_id[person[order]],
            "time": _dates(day[order]),
            "kind": pa.array([part.kind for part in noted], pa.string()).take(which),
            "agency": pa.array([part.agency for part in noted], pa.string()).take(which),
            "probability": chance[order].astype(np.float64),
            "recorded": recorded[order],
        }
    )


def _kinds(severity: npt.NDArray[np.floating]) -> pa.Array:
    """Return the kind of each harm: the worst tenth is called serious."""
    return pa.array(HARM_KINDS).take(pa.array((severity >= 0.9).astype(np.int8)))


def _people(scene: Scene, subject_id: npt.NDArray[np.int64]) -> pa.Table:
    people, borough = scene.borough.people, scene.borough
    order = np.argsort(subject_id)
    columns = {
        "subject_id": subject_id,
        "birth_month": first_day(people.birth_month).astype("datetime64[D]"),
        "sex": np.where(people.male, "Male", "Female"),
        "ethnicity": np.array(GROUPS)[borough.group],
        "household": people.household,
        "from_day": people.from_day.astype("datetime64[D]"),
        "to_day": np.minimum(people.to_day, scene.window.last_day + 1).astype("datetime64[D]"),
        "deprivation": borough.deprivation,
        "poverty": people.poverty,
        "conduct": people.conduct,
        "susceptibility": people.frailty,
        "exposure": scene.recording.exposure(borough),
    }
    return pa.table({name: pa.array(column[order]) for name, column in columns.items()})
