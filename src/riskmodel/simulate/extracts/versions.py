"""Records that were first written down wrongly: each version is a row, under the record's own number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.simulate.clock import first_day

if TYPE_CHECKING:
    from riskmodel.simulate.clock import IntArray
    from riskmodel.simulate.recording import Scene

_WAIT_DAYS = 60.0  # mean time from a record to its correction, after the first week (assumed)
_WRONG_CODE = 0.5  # corrected records that had the wrong code; the others had the wrong day (assumed)
_DAYS_OFF = 9  # the most by which a day was wrong (assumed)


@dataclass(frozen=True)
class Versions:
    """Which record each written row is a version of, in the order in which they were recorded.

    Parameters
    ----------
    record : ndarray of shape (n_rows,)
        Index of the record.
    number : ndarray of shape (n_rows,)
        The record's own number: records are numbered as they are first made.
    recorded : ndarray of shape (n_rows,)
        The day of recording; later for a correction than for what it corrects.
    turn : ndarray of shape (n_rows,)
        How far a wrong version's code is from the right one; 0 where it is right.
    days_off : ndarray of shape (n_rows,)
        How many days too early a wrong version's day is; 0 where it is right.
    """

    record: IntArray
    number: IntArray
    recorded: IntArray
    turn: IntArray
    days_off: IntArray

    def code(self, code: npt.NDArray[np.integer], choices: int) -> IntArray:
        """Return the code (0 to ``choices - 1``) that each row says; ``code`` has one entry a record."""
        off = np.where(self.turn > 0, self.turn % (choices - 1) + 1, 0)
        said: IntArray = (code[self.record] + off) % choices
        return said

    def day(self, scene: Scene, person: IntArray, day: IntArray) -> IntArray:
        """Return the day that each row says, never before birth or before the extracts begin."""
        born = first_day(scene.borough.people.birth_month[person[self.record]])
        earliest = np.maximum(born, scene.window.first_day)
        right = day[self.record]
        said: IntArray = np.maximum(right - self.days_off, np.minimum(earliest, right)).astype(np.int32)
        return said


def versions(scene: Scene, recorded: IntArray, rng: np.random.Generator) -> Versions:
    """Draw which records were corrected, and when.

    Parameters
    ----------
    scene : Scene
        Holds the share of records that are corrected.
    recorded : ndarray of shape (n_records,)
        The day on which each record is first made. What is recorded after the last day is in no row, and a
        record whose correction would come after it was right at once.
    rng : numpy.random.Generator
        The only source of chance.

    Returns
    -------
    Versions
        One row a record and one more for each wrong version, sorted by day of recording, then record.
    """
    rng = rng.spawn(1)[0]  # what is corrected changes nothing else
    n = len(recorded)
    chosen = rng.random(n) < scene.recording.corrections
    later = (recorded + 7 + rng.exponential(_WAIT_DAYS, n)).astype(np.int32)
    wrong = np.flatnonzero(chosen & scene.in_time(later))
    last = recorded.copy()
    last[wrong] = later[wrong]
    record = np.concatenate([np.arange(n), wrong])
    known = np.concatenate([last, recorded[wrong]])
    by_code = rng.random(len(wrong)) < _WRONG_CODE
    turn = np.where(by_code, rng.integers(1, 1000, len(wrong)), 0)
    off = np.where(by_code, 0, rng.integers(1, _DAYS_OFF + 1, len(wrong)))
    right, number = np.zeros(n, np.int64), np.empty(n, np.int64)
    number[np.argsort(recorded, kind="stable")] = np.arange(n)
    order = np.lexsort((record, known))
    order = order[scene.in_time(known)[order]]
    parts = (record, number[record], known, np.concatenate([right, turn]), np.concatenate([right, off]))
    return Versions(*(part[order].astype(np.int32) for part in parts))
