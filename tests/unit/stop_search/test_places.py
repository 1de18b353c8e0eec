import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.errors import DataError, StudyError
from riskmodel.stop_search.places import NOWHERE, read_places

SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
HOLE = [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]
FAR = [[10, 10], [12, 10], [11, 12], [10, 10]]


def shapes(folder, *geometries, properties=None):
    path = folder / "map.geojson"
    said = properties or [
        {"LSOA11CD": f"E0{n}", "LSOA11NM": f"Any Town 00{n}A"} for n in range(len(geometries))
    ]
    features = [
        {"type": "Feature", "properties": one, "geometry": geometry}
        for one, geometry in zip(said, geometries, strict=True)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def points(*pairs):
    return pd.DataFrame(pairs, columns=["longitude", "latitude"], dtype=float)


def test_points_in_squares_holes_and_several_parts(tmp_path):
    path = shapes(
        tmp_path,
        {"type": "Polygon", "coordinates": [SQUARE, HOLE]},
        {"type": "MultiPolygon", "coordinates": [[FAR], [HOLE]]},
    )
    places = read_places([path])
    where = places.locate(points((0.5, 3), (1.5, 1.5), (11, 11), (9, 9), (np.nan, np.nan), (3, 0.1)))
    assert where.tolist() == [0, 1, 1, NOWHERE, NOWHERE, 0]
    assert [place.authority for place in places.places] == ["Any Town", "Any Town"]


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=3, max_size=9),
    st.floats(-3, 3),
    st.floats(-3, 3),
)
def test_a_point_is_inside_if_the_border_winds_round_it_an_odd_number_of_times(corners, x, y):
    """The oracle adds up the angles under which the borders are seen."""
    from riskmodel.stop_search.places import _inside

    ring = np.array([*corners, corners[0]])
    from_here = ring - [x, y]
    length = np.hypot(*(ring[1:] - ring[:-1]).T)
    cross = from_here[:-1, 0] * from_here[1:, 1] - from_here[:-1, 1] * from_here[1:, 0]
    if (np.abs(cross) < 1e-6).any() or (np.abs(from_here) < 1e-6).any() or (length < 1e-6).any():
        return  # on a border, or too near to call
    angles = np.arctan2(cross, (from_here[:-1] * from_here[1:]).sum(axis=1))
    winds = round(angles.sum() / (2 * np.pi))
    assert (len(_inside(np.array([[x, y]]), [ring])) == 1) == (winds % 2 == 1)


def test_deciles_come_by_code_and_names_may_be_authorities(tmp_path):
    square = {"type": "Polygon", "coordinates": [SQUARE]}
    path = shapes(tmp_path, square, properties=[{"LAD21CD": "E09", "LAD21NM": "Waltham Forest"}])
    (tmp_path / "imd.csv").write_text("lsoa11_code,IMD_decile\nE09,3.0\nE10,\n")
    place = read_places([path, tmp_path / "imd.csv"]).places[0]
    assert (place.decile, place.authority) == (3, "Waltham Forest")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "not json",
        '{"features": []}',
        '{"features": [{"geometry": {"type": "Point", "coordinates": [0, 0]}}]}',
        '{"features": [{"geometry": {"type": "Polygon", "coordinates": [[[530000, 180000], [1, 1], [2, 2]]]}}]}',
    ],
)
def test_what_is_no_map_is_refused_in_words(tmp_path, text):
    path = tmp_path / "map.geojson"
    path.write_text(text)
    with pytest.raises(DataError, match=r"map\.geojson: expected polygons"):
        read_places([path])


def test_other_files_are_refused_in_words(tmp_path):
    (tmp_path / "area.csv").write_text("a,b\n1,2\n")
    (tmp_path / "nothing.csv").write_text("")
    for name in ("area.csv", "nothing.csv"):
        with pytest.raises(DataError, match="expected polygons"):
            read_places([tmp_path / name])
    with pytest.raises(StudyError, match="no such file"):
        read_places([tmp_path / "none.geojson"])
