"""From a specification to columns: names, words, directions, and every fault at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from records_kit import CATALOGUE, cohort, columns, records

from riskmodel.errors import DataError, StudyError
from riskmodel.features import FeatureSpec, FeaturesSpec, build_features, describe
from riskmodel.features.columns import LIBRARIES, read_library
from riskmodel.features.kernel import COUNT, DISTINCT, IN_SPELL, RATIO, TREND
from riskmodel.features.matrix import build_columns
from riskmodel.features.spec import AGGREGATIONS
from riskmodel.policy import PolicySpec, check_features
from riskmodel.tables.catalogue import load_catalogue

S = "EDU//SUSPENSION//*"


def info(**feature):
    (column,) = columns({"events": S, "aggregations": "count", "windows": "365d", **feature})
    return column.info


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ({"words": "suspended from school"}, "times suspended from school in the past year"),
        ({"words": "suspended", "windows": "90d"}, "times suspended in the past 3 months"),
        ({"words": "suspended", "windows": "30d"}, "times suspended in the past month"),
        ({"words": "suspended", "windows": "1095d"}, "times suspended in the past 3 years"),
        ({"words": "suspended", "windows": "45d"}, "times suspended in the past 45 days"),
        ({"words": "suspended", "windows": "ever"}, "times suspended so far"),
        ({"words": "suspended", "aggregations": "any"}, "whether suspended in the past year"),
        ({"words": "suspended", "aggregations": "any", "windows": "ever"}, "whether suspended"),
        ({"noun": "suspension", "aggregations": "days_since_last"}, "days since the last suspension within 1 year"),
        ({"noun": "suspension", "aggregations": "days_since_last", "windows": "90d"}, "days since the last suspension within 3 months"),
        ({"noun": "suspension", "aggregations": "days_since_first", "windows": "ever"}, "days since the first suspension"),
        ({"words": "sessions missed", "aggregations": "sum"}, "sessions missed in the past year"),
    ],
)  # fmt: skip
def test_plain_words(feature, words):
    assert info(**feature).description == words


def test_plain_words_of_spells():
    now, days = columns(
        {
            "words": "in care",
            "start": "CLA//CARE//START",
            "end": "CLA//CARE//END",
            "aggregations": ["in_spell", "spell_days"],
            "windows": "365d",
        }
    )
    assert (now.info.name, now.info.description, now.info.unit) == (
        "one_0__in_spell__now",
        "whether in care now",
        "yes or no",
    )
    assert (days.info.name, days.info.description, days.info.unit) == (
        "one_0__spell_days__365d",
        "days in care in the past year",
        "days",
    )
    assert days.info.codes == ("CLA//CARE//START", "CLA//CARE//END")


@pytest.mark.parametrize(
    ("feature", "direction"),
    [
        ({}, 1),
        ({"aggregations": "days_since_last"}, -1),
        ({"aggregations": "days_since_first"}, 0),
        ({"aggregations": "any", "complement": True}, -1),
        ({"events": "AREA//IMD_DECILE", "aggregations": "last"}, -1),
        ({"events": [S, "EDU//ENROL"]}, 0),
        ({"direction": 0}, 0),
        ({"direction": -1, "aggregations": "days_since_last"}, 1),
        ({"events": "POLICE//SUSPECT//*"}, 0),
    ],
)
def test_directions(feature, direction):
    assert info(**feature).direction == direction


@pytest.mark.parametrize(
    ("aggregation", "unit"),
    [
        ("count", "times"),
        ("any", "yes or no"),
        ("distinct", "kinds"),
        ("days_since_last", "days"),
        ("sum", "sessions"),
        ("trend", "sessions a year"),
    ],
)
def test_units(aggregation, unit):
    assert info(aggregations=aggregation).unit == unit


def test_flags_come_from_the_catalogue():
    assert info(events="POLICE//SUSPECT//*").enforcement_made
    assert info(events="SUPPORT//REFERRED//*").enforcement_made  # one of its members is
    assert not info(events="SUPPORT//REFERRED//SCHOOL").enforcement_made
    assert info(events="POLICE//VICTIM//THEFT").police_recorded
    assert not info(events="CSC//FACTOR//3A").safe_to_share
    assert info(events=S).safe_to_share  # a whole family does not tell which member
    assert not info(events="EDU//SUSPENSION//SM").safe_to_share
    assert (info(concept="other things", unit="points").concept, info(unit="points").unit) == (
        "other things",
        "points",
    )


def test_the_numbers_of_the_kernel_are_those_of_the_spec():
    assert {name: AGGREGATIONS.index(name) for name in ("count", "distinct", "trend", "in_spell", "ratio")} == {
        "count": COUNT, "distinct": DISTINCT, "trend": TREND, "in_spell": IN_SPELL, "ratio": RATIO,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("feature", "fault"),
    [
        ({"windows": "1y"}, "'1y' is not a window"),
        ({"windows": "0d"}, "'0d' is not a window"),
        ({"windows": ["90d", "90d"]}, "a window stands twice"),
        ({"windows": []}, "'windows' is missing"),
        ({"windows": "ever"}, "needs 'ever_reason'"),
        ({"aggregations": "days_since_last"}, "'noun' is needed"),
        ({"events": []}, "'events' is needed for count"),
        ({"start": S}, "'start' is not used by count"),
        ({"aggregations": "spell_days"}, "'start' is needed for spell_days"),
        ({"aggregations": "ratio"}, "'denominator' is needed for ratio"),
        ({"complement": True}, "'complement' is for any, in_spell and ratio only"),
    ],
)
def test_a_specification_that_contradicts_itself(feature, fault):
    with pytest.raises(ValidationError, match=fault):
        FeatureSpec.model_validate(
            {
                "stem": "one",
                "words": "was seen",
                "events": S,
                "aggregations": "count",
                "windows": "90d",
                **feature,
            }
        )


def test_faults_are_told_all_at_once():
    with pytest.raises(ValidationError, match=r"'1y' is not a window.*'noun' is needed"):
        FeatureSpec(stem="one", words="was seen", events=S, aggregations="days_since_last", windows="1y")


def test_unknown_codes_and_libraries_are_refused_together_with_the_nearest():
    feature = FeatureSpec(
        stem="one",
        words="was seen",
        events=("EDU//SUSPENSIONS//*", "XYZZY"),
        aggregations="any",
        windows="90d",
    )
    with pytest.raises(
        StudyError, match=r"(?s)3 faults.*'educaton'; did you mean education.*EDU//SUSPENSION//.*'XYZZY'"
    ) as caught:
        describe(FeaturesSpec(libraries=("educaton",), own=(feature,)), CATALOGUE)
    assert len(caught.value.faults) == 3


def test_a_name_that_stands_twice_and_a_pattern_that_drops_nothing():
    feature = FeatureSpec(
        stem="edu_suspension", words="was seen", events=S, aggregations="count", windows="90d"
    )
    with pytest.raises(StudyError, match=r"(?s)'edu_suspension__count__90d' is made 2 times.*'leave_out'"):
        describe(
            FeaturesSpec(libraries=("education",), own=(feature,), leave_out="edu_suspensions__*"), CATALOGUE
        )


def test_a_library_asked_for_twice_is_one_fault():
    with pytest.raises(
        StudyError, match=r"1 fault .*\n.*features.libraries.1: library 'home' is asked for twice"
    ):
        describe(FeaturesSpec(libraries=("default", "home")), CATALOGUE)


def test_leaving_out():
    kept = describe(FeaturesSpec(libraries="home", leave_out="*__1095d"), CATALOGUE)
    assert [one.name for one in kept] == [
        "home_move__count__365d",
        "home_deprivation_decile__last__ever",
        "home_move__count__11y_to_16y",
    ]


def test_the_words_of_the_packaged_features_need_no_jargon_and_deny_nothing_twice():
    infos = {one.name: one for one in describe(FeaturesSpec(), CATALOGUE)}
    area = infos["home_deprivation_decile__last__ever"]
    assert area.description == "area, on a scale from 1 (most deprived) to 10 (least deprived)"
    assert area.unit == "number"
    assert not any("decile" in one.description for one in infos.values())
    assert not any(one.description.startswith("whether no ") for one in infos.values())


def test_a_spec_reads_something():
    with pytest.raises(ValidationError, match="at least one library or one own feature"):
        FeaturesSpec(libraries=())


def test_every_fault_of_a_library_names_its_file_and_line(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "- stem: one\n  words: was seen\n  events: EDU//ENROL\n  aggregations: [cuont]\n  windows: 90d\n"
        "- stem: two\n  words: was seen\n  events: EDU//ENROL\n  aggregations: any\n  windows: 90d\n  agency: EDU\n"
        "- stem: three\n  words: was seen\n  events: EDU//ENROL\n  aggregations: any\n  windows: 90d_to_30d\n"
    )
    with pytest.raises(StudyError) as caught:
        read_library(str(tmp_path / "own.yaml"))
    file = str(tmp_path / "own.yaml")
    spelt, extra, window = caught.value.faults
    assert spelt.startswith(f"{file}:4: 'aggregations.0': ")
    assert spelt.endswith("found 'cuont'; did you mean count?")
    assert extra.startswith(f"{file}:11: 'agency' is not a setting; ")
    assert window.startswith(f"{file}:12: 'three': '90d_to_30d' is not a window; expected such as")


def test_codes_and_names_are_faulted_by_file_and_line_together(tmp_path):
    one = "- stem: one\n  words: was seen\n  events: {}\n  aggregations: any\n  windows: 90d\n"
    (tmp_path / "own.yaml").write_text(one.format("EDU//ENROLL") + 2 * one.format("EDU//ENROL"))
    file = str(tmp_path / "own.yaml")
    with pytest.raises(StudyError) as caught:
        describe(FeaturesSpec(libraries=file, leave_out="nine"), CATALOGUE)
    code, twice, dropped = caught.value.faults
    assert code.startswith(f"{file}:1: 'one': no code is described as 'EDU//ENROLL'; did you mean EDU//ENROL")
    assert twice == f"{file}:6, {file}:11: column 'one__any__90d' is made 2 times"
    assert dropped.startswith("features.leave_out.0: 'leave_out': nothing is called 'nine'")


@pytest.mark.parametrize(
    ("feature", "fault"),
    [
        ({"windows": "365d_to_90d"}, "'365d_to_90d' is not a window"),
        ({"windows": "11y_to_5y"}, "'11y_to_5y' is not a window"),
        ({"windows": "ever", "ever_reason": "a reason that is long enough"}, "needs 'ever_expires'"),
        ({"ever_expires": "never"}, "'ever_expires' is for the window 'ever' only"),
        (
            {"windows": "ever", "ever_reason": "a reason that is long enough", "ever_expires": "soon"},
            "'soon' is not an expiry",
        ),
        ({"value_least": 3, "value_below": 3}, "must be less than"),
        ({"value_least": float("nan")}, "finite"),
        (
            {"events": (), "start": S, "end": S, "aggregations": "moves", "value_least": 1},
            "for aggregations of 'events' only",
        ),
    ],
)
def test_a_window_a_range_or_an_expiry_that_makes_no_sense(feature, fault):
    said = {"stem": "one", "words": "was seen", "events": S, "aggregations": "count", "windows": "90d"}
    with pytest.raises(ValidationError, match=fault):
        FeatureSpec.model_validate({**said, **feature})


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ({"windows": "365d_to_730d"}, "times suspended between 1 year and 2 years ago"),
        ({"windows": "before_5y"}, "times suspended before the 5th birthday"),
        ({"windows": "11y_to_13y"}, "times suspended between the 11th and the 13th birthday"),
        ({"windows": "since_birth"}, "times suspended since birth"),
        (
            {"noun": "suspension", "aggregations": "days_since_last", "windows": "before_3y"},
            "days since the last suspension before the 3rd birthday",
        ),
    ],
)
def test_plain_words_of_bands_and_ages(feature, words):
    assert info(words="suspended", **feature).description == words


def test_what_a_column_reads_is_part_of_the_hash():
    from riskmodel.tables.features import spec_hash

    plain, ranged, other = (
        info(windows="365d", **more) for more in ({}, {"value_least": 2}, {"recorded_by": ["EDU"]})
    )
    assert len({spec_hash((one,)) for one in (plain, ranged, other)}) == 3


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "- {stem: one, words: was seen, event: X, aggregations: any, windows: 90d}",
            "'event' is not a setting; did you mean events",
        ),
        (
            "- {stem: one, words: was seen, aggregations: any, windows: 90d}\n- {stem: Two}",
            "own.yaml:2: 'stem'",
        ),
        ("- [", "not valid YAML"),
        ("stem: one", "expected a list"),
        ("- just words", "own.yaml:1: .*expected a mapping"),
    ],
)
def test_faults_of_an_own_library(tmp_path, text, fault):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(StudyError, match=fault):
        read_library(str(tmp_path / "own.yaml"))


def test_an_own_library_is_read_and_an_absent_one_refused(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "- {stem: one, words: was seen, events: EDU//ENROL, aggregations: any, windows: 90d}"
    )
    assert [one.name for one in describe(FeaturesSpec(libraries=str(tmp_path / "own.yaml")), CATALOGUE)] == [
        "one__any__90d"
    ]
    with pytest.raises(StudyError, match="cannot be read"):
        read_library(str(tmp_path / "absent.yaml"))


class TestTheDefaultLibrary:
    infos = describe(FeaturesSpec(), CATALOGUE)

    def test_it_is_large_enough(self):
        assert len(self.infos) >= 70
        assert {"90d", "365d", "1095d"} <= {one.window for one in self.infos}
        assert len({(one.codes, one.aggregation) for one in self.infos}) >= 60

    def test_no_policy_refuses_it(self):
        check_features(self.infos, PolicySpec())
        assert not any(one.enforcement_made for one in self.infos)
        codes = " ".join(code for one in self.infos for code in one.codes)
        assert "SUSPECT" not in codes
        assert "YJ//" not in codes

    def test_no_two_columns_read_the_same(self):
        words = [one.description for one in self.infos]
        assert len(set(words)) == len(words)
        assert all(word[0].islower() and not word.endswith(".") for word in words)

    def test_every_feature_is_found_under_its_library(self):
        assert len(LIBRARIES) == 6
        assert sum(len(describe(FeaturesSpec(libraries=name), CATALOGUE)) for name in LIBRARIES) == len(
            self.infos
        )

    def test_the_prior_baseline_has_its_columns(self):
        names = {one.name for one in self.infos}
        assert {"harm_emergency_assault__count__365d", "harm_victim_injury__count__365d"} <= names


def test_a_code_of_the_log_that_nobody_described_is_refused():
    data = records(events_rows=[{"time": "2024-01-01", "code": "EDU//NEW_THING//X"}])
    with pytest.raises(DataError, match=r"EDU//NEW_THING//X.*features\.catalogue"):
        build_columns(
            data,
            cohort([(1, "2024-03-01")]),
            columns({"events": "EDU//*", "aggregations": "any", "windows": "90d"}),
            CATALOGUE,
        )


def test_a_new_member_of_a_described_family_is_read():
    data = records(events_rows=[{"time": "2024-01-01", "code": "EDU//SUSPENSION//ZZ"}])
    wanted = columns({"events": S, "aggregations": "any", "windows": "90d"})
    assert build_columns(data, cohort([(1, "2024-03-01")]), wanted, CATALOGUE).tolist() == [[1.0]]


def test_codes_of_ones_own(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "agencies: {GP: {lawful_basis: to be written down, retention_years: 8}}\n"
        "codes: [{code: GP//VISIT//*, agency: GP, description: saw a doctor, unit: times, concept: illness, direction: 0}]"
    )
    catalogue = load_catalogue(tmp_path / "own.yaml")
    feature = FeatureSpec(
        stem="gp", words="seen by a doctor", events="GP//VISIT//HOME", aggregations="count", windows="90d"
    )
    data = records(events_rows=[{"time": "2024-01-01", "code": "GP//VISIT//HOME"}])
    matrix = build_features(
        data, cohort([(1, "2024-03-01")]), FeaturesSpec(libraries=(), own=(feature,)), catalogue
    )
    assert matrix.values.tolist() == [[1.0]]
    assert matrix.infos[0].agency == "GP"


def test_empty_records_and_an_empty_cohort():
    wanted = FeaturesSpec(libraries="home")
    matrix = build_features(records(), cohort([(1, "2024-03-01")]), wanted, CATALOGUE)
    assert np.isnan(matrix.values).all()
    assert build_features(records(), cohort([]), wanted, CATALOGUE).values.shape == (0, len(matrix.infos))


def test_a_log_out_of_order_is_put_in_order():
    from riskmodel.tables.records import EventLog, Records

    rows = [
        {"time": "2024-01-01", "code": "CLA//SDQ", "numeric_value": 1},
        {"time": "2024-02-01", "code": "CLA//SDQ", "numeric_value": 2},
    ]
    data = records(events_rows=rows)
    turned = Records(
        EventLog(data.events.table.take([1, 0]).unify_dictionaries().combine_chunks()),
        data.observation,
        data.residence,
        data.attributes,
    )
    wanted = columns({"events": "CLA//SDQ", "aggregations": ["last", "trend"], "windows": "365d"})
    rows_ = cohort([(1, "2024-03-01")])
    np.testing.assert_array_equal(
        build_columns(turned, rows_, wanted, CATALOGUE), build_columns(data, rows_, wanted, CATALOGUE)
    )


def test_the_example_of_an_own_library_is_read():
    example = Path(__file__).parents[3] / "configs" / "features" / "own_example.yaml"
    made = describe(FeaturesSpec(libraries=("default", str(example))), CATALOGUE)
    own = [one for one in made if one.name.startswith("own_")]
    assert len(own) == 11
    assert {one.aggregation for one in own} >= {
        "count",
        "any",
        "moves",
        "spell_days",
        "ratio",
        "days_since_last",
    }
    assert {one.window for one in own} >= {"365d_to_730d", "5y_to_11y", "ever"}
    check_features(made, PolicySpec())
