"""Which area a search was in: published points in polygons."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskmodel.errors import DataError, StudyError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
NOWHERE = -1


@dataclass(frozen=True)
class Place:
    """One area on the map.

    Parameters
    ----------
    code, name : str
        As in the file, such as ``E01004327`` and ``Waltham Forest 028A``.
    rings : tuple of ndarray, shape (points, 2)
        Longitude and latitude along each border; a hole is a ring as well.
    decile : int or None
        Of deprivation: 1 is the most deprived tenth of England.
    """

    code: str
    name: str
    rings: tuple[FloatArray, ...]
    decile: int | None = None

    @property
    def authority(self) -> str:
        """Return the authority in the name of a small area, which ends in a number; else the name."""
        head, _, tail = self.name.rpartition(" ")
        return head if head and tail[:1].isdigit() else self.name


@dataclass(frozen=True)
class Places:
    """The areas of a map, and what a table says of them."""

    places: tuple[Place, ...] = ()
    deciles: Mapping[str, int] = field(default_factory=dict)

    def locate(self, searches: pd.DataFrame) -> IntArray:
        """Return the number of the area that each search's point lies in; -1 where in none or where there is no point."""
        where = np.full(len(searches), NOWHERE, dtype=np.int64)
        points, back = np.unique(
            searches[["longitude", "latitude"]].to_numpy(float), axis=0, return_inverse=True
        )
        found = np.full(len(points), NOWHERE, dtype=np.int64)
        for number, place in enumerate(self.places):
            found[_inside(points, place.rings)] = number
        where[:] = found[back.ravel()]
        return where


def read_places(paths: Sequence[Path]) -> Places:
    """Read polygons (GeoJSON in longitude and latitude) and, if given, a CSV of their codes with a deprivation decile.

    Raises
    ------
    StudyError, DataError
        If a file does not exist, or is neither.
    """
    deciles: dict[str, int] = {}
    features: list[Mapping[str, Any]] = []
    for path in paths:
        if not path.is_file():
            raise StudyError([f"no such file: {path}"], where="the command")
        if path.suffix.casefold() in {".geojson", ".json"}:
            features += _features(path)
        else:
            deciles |= _deciles(path)
    places = tuple(_place(feature, deciles) for feature in features)
    return Places(places, deciles)


def _features(path: Path) -> list[Mapping[str, Any]]:
    try:
        features = json.loads(path.read_text(encoding="utf-8-sig"))["features"]
        kinds = {feature["geometry"]["type"] for feature in features}
    except (ValueError, KeyError, TypeError):
        raise _wrong(path, "no features of GeoJSON") from None
    if not kinds or not kinds <= {"Polygon", "MultiPolygon"}:
        raise _wrong(path, f"shapes of other kinds ({', '.join(sorted(kinds)) or 'none'})")
    listed: list[Mapping[str, Any]] = features
    corners = np.concatenate([ring for feature in listed for ring in _rings(feature["geometry"])])
    if np.abs(corners[:, 0]).max() > 180 or np.abs(corners[:, 1]).max() > 90:
        raise _wrong(path, "coordinates that are no longitude and latitude")
    return listed


def _wrong(path: Path, found: str) -> DataError:
    return DataError(
        expected="polygons in longitude and latitude (GeoJSON, WGS 84), or a CSV with lsoa11_code and IMD_decile",
        found=found,
        where=path.name,
        next_step="docs/how-to/stop-search.md shows the files that are understood.",
    )


def _deciles(path: Path) -> dict[str, int]:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise _wrong(path, "a file that is no table") from None
    code = next(
        (
            name
            for name in map(str, table.columns)
            if name.casefold().startswith("lsoa") and name.casefold().endswith("code")
        ),
        None,
    )
    if code is None or "IMD_decile" not in table:
        raise _wrong(path, f"the columns {', '.join(table.columns[:8])}")
    deciles = pd.to_numeric(table["IMD_decile"], errors="coerce")
    known = deciles.notna()
    return dict(zip(table.loc[known, code], deciles[known].astype(int), strict=True))


def _place(feature: Mapping[str, Any], deciles: Mapping[str, int]) -> Place:
    said = {str(key).casefold(): str(value) for key, value in (feature.get("properties") or {}).items()}
    code = next((value for key, value in said.items() if key.endswith(("cd", "code"))), "")
    name = next((value for key, value in said.items() if key.endswith(("nm", "name"))), code)
    return Place(code, name, tuple(_rings(feature["geometry"])), deciles.get(code))


def _rings(geometry: Mapping[str, Any]) -> Iterator[FloatArray]:
    parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    for part in parts:
        for ring in part:
            yield np.asarray(ring, dtype=float)[:, :2]


def _inside(points: FloatArray, rings: Sequence[FloatArray]) -> IntArray:
    """Return which points lie inside: a ray to the east crosses the borders an odd number of times."""
    corners = np.concatenate(rings)
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
    x, y = points[near].T
    odd = np.zeros(len(near), dtype=bool)
    for ring in rings:
        (x1, y1), (x2, y2) = ring.T, np.roll(ring, -1, axis=0).T
        rises = (y1 > y[:, None]) != (y2 > y[:, None])
        with np.errstate(divide="ignore", invalid="ignore"):  # a level border is never crossed
            meets = x1 + (y[:, None] - y1) / (y2 - y1) * (x2 - x1)
        odd ^= (rises & (x[:, None] < meets)).sum(axis=1) % 2 == 1
    return near[odd]
