"""However a study or a library is mangled, it loads or is refused with sentences that say where."""

import re

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from riskmodel.errors import StudyError
from riskmodel.features.libraries import read_library
from riskmodel.study import load_study, resolved_yaml
from riskmodel.tables.catalogue import load_catalogue

STUDY = resolved_yaml(load_study(None))
LIBRARY = """
- stem: own_suspension
  words: suspended from school
  events: EDU//SUSPENSION//*
  aggregations: [count, any]
  windows: [365d, 11y_to_13y]
- stem: own_care
  words: in care
  start: CLA//CARE//START
  end: CLA//CARE//END
  aggregations: [in_spell, moves]
  windows: [1095d]
  observed_by: [social_care]
"""
CATALOGUE = """
agencies: {gp: {lawful_basis: a note for the board, retention_years: 8}}
codes:
  - {code: GP//VISIT//*, agency: gp, description: saw a doctor, unit: times, concept: health, direction: 0,
     details: {HOME: saw a doctor at home, "NIGHT": {description: saw a doctor at night, safe_to_share: false}}}
"""
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.just({}),
    st.just([]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@st.composite
def mangled(draw, text):
    """A text with a few of its values replaced, or with lines lost, doubled, or filled with anything."""
    if draw(st.booleans()):
        raw = yaml.safe_load(text)
        for _ in range(draw(st.integers(1, 3))):
            _replace(draw, raw)
        return yaml.safe_dump(raw, sort_keys=False, allow_unicode=True)
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        new = draw(
            st.sampled_from(
                [
                    [],
                    [lines[at]] * 2,
                    [lines[at][1:]],
                    [draw(st.text(max_size=12))],
                    ["  - 2024-99-99"],
                    ["? [a]: b"],
                ]
            )
        )
        lines[at : at + 1] = new or ([] if len(lines) > 1 else [""])
    return "\n".join(lines)


def _replace(draw, raw):
    """Walk to some place and put something else there, or something more."""
    here = raw
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        if isinstance(here[key], dict | list) and here[key] and draw(st.integers(0, 4)):
            here = here[key]
            continue
        if isinstance(here, dict) and draw(st.booleans()):
            key = draw(st.text(min_size=1, max_size=8))
        here[key] = draw(VALUES)
        return


def refused_well(error, name):
    assert error.faults
    for fault in error.faults:
        assert re.match(rf"{re.escape(name)}(:\d+)?: \S|'{re.escape(name)}' cannot be read", fault), fault


def check(read, path, text):
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    try:
        read(path)
    except StudyError as error:
        refused_well(error, str(path))


FEW = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a mangled text is short enough to read as it is
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
MANY = settings(FEW, max_examples=5_000)
READERS = {
    "study": (load_study, STUDY),
    "library": (lambda path: read_library(str(path)), LIBRARY),
    "catalogue": (load_catalogue, CATALOGUE),
}


@pytest.mark.parametrize("kind", READERS)
def test_it_loads_or_says_where_it_is_wrong(tmp_path, kind):
    read, text = READERS[kind]

    @FEW
    @given(mangled(text))
    def over(changed):
        check(read, tmp_path / "own.yaml", changed)

    over()


@pytest.mark.slow
@pytest.mark.parametrize("kind", READERS)
def test_it_loads_or_says_where_it_is_wrong_however_often_it_is_tried(tmp_path, kind):
    read, text = READERS[kind]

    @MANY
    @given(mangled(text))
    def over(changed):
        check(read, tmp_path / "own.yaml", changed)

    over()
