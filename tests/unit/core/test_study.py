from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.errors import StudyError
from riskmodel.study import load_study, resolved_yaml

TABLE = """
name: flat
purpose: To try whether a flat table is read as declared.
seed: 1
data:
  kind: table
  path: table.csv
  subject: id
  chosen: harmed
  outcomes:
    harmed: {column: y, description: harm from violence, phrase: came to harm, yes: ["1"], no: ["0"]}
  features:
    a: {column: a, description: times suspended, concept: exclusion}
"""


def faults(*settings, path=None):
    with pytest.raises(StudyError) as caught:
        load_study(path, settings=settings)
    return caught.value.faults


def test_the_default_study_needs_no_file():
    study = load_study(None)
    assert study.name == "default"
    assert study.data.size == 45_000
    assert study.simulated


def test_settings_change_the_study_and_are_yaml():
    study = load_study(
        None, settings=["data.size=4000", "models.families=[logistic, xgboost]", "policy.sex=null"]
    )
    assert study.data.size == 4000
    assert study.models.families == ("logistic", "xgboost")


def test_all_faults_come_at_once_with_the_nearest_valid_names():
    found = faults(
        "data.sise=4000", "modles.folds=3", "models.familes=[a]", "models.logistic.max_parametrs=3", "seed=-1"
    )
    assert len(found) == 5
    text = "\n".join(found)
    for key, nearest in (
        ("data.sise", "size"),
        ("modles", "models"),
        ("models.familes", "families"),
        ("max_parametrs", "max_parameters"),
    ):
        assert any(key in fault and nearest in fault for fault in found), text
    assert any("'seed'" in fault and "found -1" in fault for fault in found)


def test_a_mistyped_kind_of_data_gets_the_nearest():
    assert faults("data.kind=simulatd") == ("--set: 'data.kind': found 'simulatd'; did you mean simulated?",)
    assert "valid: simulated, extracts, events, csv, table" in faults("data={size: 3}")[0]


@pytest.mark.parametrize(
    "setting",
    ["data.size=-3", "audit.recordin.x=1", "audit.recordin=1", "card.complaint=x", "models.xgbost.depth=2"],
)
def test_a_fault_of_the_command_is_not_blamed_on_the_file(setting):
    (fault,) = faults(setting)
    assert fault.startswith("--set: ")


def test_a_fault_of_the_file_is_not_blamed_on_the_command(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "name: own\npurpose: to learn\naudt:\n  x: 1\ndata:\n  kind: simulated\n", encoding="utf-8"
    )
    with pytest.raises(StudyError) as error:
        load_study(path, settings=["audt.y=2"])
    assert any(one.startswith(f"{path}:3: 'audt' is not a setting") for one in error.value.faults)


def test_every_fault_of_the_study_its_libraries_and_its_catalogue_comes_at_once_with_file_and_line(tmp_path):
    library, catalogue = tmp_path / "own.yaml", tmp_path / "codes.yaml"
    library.write_text(
        "# mine\n- stem: own_one\n  words: was seen\n  events: EDU//SUSPENSION//DB\n"
        "  aggregations: [any,\n    cuont]\n  windows: 90d\n"
        "- stem: own_two\n  words: was seen\n  events: EDU//SUSPENSON//DB\n  aggregations: any\n  windows: 90d\n"
        "- stem: own_three\n  words: was seen\n  events: [EDU//EXCLUSON, 7]\n  aggregations: any\n  windows: 90 d\n"
        "- 12\n"
    )
    catalogue.write_text(
        "codes:\n  - {code: GP//VISIT, agency: gp, description: saw a doctor, unit: times, concept: health, direction: 0}\n"
    )
    path = tmp_path / "study.yaml"
    path.write_text(
        "name: a\npurpose: For nothing but this test.\nseed: 1\n"
        "data:\n  kind: simulated\n  sise: 4000\n"
        "cohort: {ages: [10, 17], train: [2020-01-01]}\n"
        "outcomes: {chosen: mine, own: [{name: mine, description: harm of a kind, phrase: came to harm,\n"
        "  codes: [HOSP//EMERGENCY//X]}]}\n"
        f"features:\n  libraries: [home, {library}]\n  catalogue: {catalogue}\n"
        "models:\n  families:\n    - logistic\n    - forest\n"
    )
    found = faults("seed=many", path=path)
    starts = [
        f"{path}:6: 'data.sise' is not a setting; did you mean size",
        f"{path}:16: 'models.families.1'",
        "--set: 'seed'",
    ]
    starts += [
        f"{library}:6: 'aggregations.1': found 'cuont'; did you mean count?",
        f"{library}:15: 'events.1'",
        f"{library}:18: ",
        f"{catalogue}:2: 'GP//VISIT': agency 'gp'",
    ]
    for start in starts:
        assert any(fault.startswith(start) for fault in found), (start, found)


def test_a_file_that_is_not_there_is_told_with_the_line_that_names_it(tmp_path):
    raw = yaml.safe_load(resolved_yaml(load_study(None)))
    raw["features"] |= {"catalogue": "codes.yaml", "libraries": ["home", "mine.yaml", "educaton"]}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(raw))
    found = faults(path=path)
    assert all(fault.startswith(f"{path}:") for fault in found)
    assert [name for name in ("codes.yaml", "mine.yaml", "educaton") if any(name in fault for fault in found)] == [
        "codes.yaml", "mine.yaml", "educaton",
    ]  # fmt: skip


def test_codes_that_nobody_described_are_told_where_they_stand(tmp_path):
    text = resolved_yaml(load_study(None))
    raw = yaml.safe_load(text)
    raw["outcomes"]["own"] = [
        {
            "name": "mine",
            "description": "harm from violence",
            "phrase": "came to harm",
            "codes": ["HARM//ASSAULTED"],
            "kind": "harm",
        }
    ]
    raw["features"]["own"] = [
        {
            "stem": "own_one",
            "words": "was seen",
            "events": "EDU//SUSPENSIONS//DB",
            "aggregations": "any",
            "windows": "90d",
        }
    ]
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    lines = path.read_text().splitlines()
    feature, outcome = faults(path=path)
    stem, codes = (
        next(i for i, line in enumerate(lines, 1) if word in line)
        for word in ("own_one", "- HARM//ASSAULTED")
    )
    assert feature.startswith(
        f"{path}:{stem}: 'own_one': no code is described as 'EDU//SUSPENSIONS//DB'; did you mean"
    )
    assert outcome.startswith(
        f"{path}:{codes - 1}: 'mine': no code is described as 'HARM//ASSAULTED'; did you mean"
    )


@pytest.fixture
def write(tmp_path):
    def put(text):
        path = tmp_path / "study.yaml"
        path.write_text(text)
        return path

    return put


def test_a_study_that_reads_events_needs_a_cohort(write):
    path = write("name: a\npurpose: For nothing but this test.\nseed: 1\ndata: {kind: simulated}\n")
    assert faults(path=path) == (f"{path}:1: data.kind 'simulated' needs: cohort, outcomes, features",)


def test_a_missing_seed_is_named(write):
    path = write("name: a\npurpose: For nothing but this test.\ndata: {kind: simulated}\n")
    assert f"{path}:1: 'seed' is missing" in faults(path=path)


def test_a_table_may_not_declare_a_cohort_twice(write):
    path = write(TABLE + "cohort: {ages: [10, 17], train: [2020-01-01]}\n")
    assert "under 'data': cohort" in faults(path=path)[0]


def test_a_relative_path_is_relative_to_the_study(write):
    path = write(TABLE)
    assert load_study(path).data.path == path.parent / "table.csv"


def test_an_absolute_path_stays(write, tmp_path):
    other = tmp_path / "else" / "t.csv"
    assert load_study(write(TABLE.replace("path: table.csv", f"path: {other}"))).data.path == other


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "expected a mapping"),
        ("name: [\n", "not valid YAML"),
        ("name: a\nname: b\n", "'name' is written twice"),
        ("\x00", "characters that YAML does not allow"),
    ],
)
def test_a_file_that_is_no_study_is_refused_with_a_sentence(write, text, said):
    assert said in faults(path=write(text))[0]


def test_a_missing_file_gets_the_nearest(write, tmp_path):
    write(TABLE)
    assert "did you mean" in faults(path=tmp_path / "studi.yaml")[0]


def test_a_file_of_another_encoding_is_refused(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"name: \xe9\xff")
    assert "cannot be read as UTF-8" in faults(path=path)[0]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("data.size", "expected key=value"),
        ("=3", "expected key=value"),
        ("seed.x=3", "holds a value"),
        ("seed=[", "not valid YAML"),
    ],
)
def test_a_setting_that_is_none_is_refused(setting, said):
    assert said in faults(setting)[0]


def test_the_resolved_study_loads_back_to_the_same(write):
    for study in (load_study(None), load_study(write(TABLE))):
        text = resolved_yaml(study)
        assert load_study(write(text)) == study
        assert yaml.safe_load(text)["models"]["folds"] == 5


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz_.", min_size=1, max_size=20))
def test_any_key_is_either_a_setting_or_refused_with_a_sentence(key):
    try:
        load_study(None, settings=[f"{key}=1"])
    except StudyError as error:
        assert error.faults  # noqa: PT017 - either end is right


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[3] / "configs" / "studies").glob("*.yaml")), ids=lambda p: p.stem
)
def test_the_studies_we_ship_load(path):
    assert load_study(path).name == path.stem


def test_a_late_agency_needs_dated_events(tmp_path):
    path = tmp_path / "flat.yaml"
    path.write_text(TABLE)
    found = faults("validation.robustness.late=true", path=path)
    assert any("validation.robustness.late needs dated events" in one for one in found)
    assert load_study(None, settings=["validation.robustness.late=true"]).validation.robustness.late


def table_study(folder, more="", *, data=""):
    path = folder / "flat.yaml"
    path.write_text(TABLE.rstrip("\n") + "\n" + data + more)
    return load_study(path)


def test_a_table_that_does_not_say_is_cross_validated_and_audited_by_all_it_declares(tmp_path):
    audited = (
        "  audited:\n    sex: {column: s, values: {M: Male}}\n    area: {column: t, values: {N: North}}\n"
    )
    plain = table_study(tmp_path)
    assert (plain.split.design, plain.audit.attributes, plain.audit.intersections) == (
        "cross_validation",
        (),
        (),
    )
    study = table_study(
        tmp_path, "audit: {intersections: [[sex, area]]}\nsplit: {salt: other}\n", data=audited
    )
    assert study.audit.attributes == ("sex", "area")
    assert study.audit.intersections == (("sex", "area"),)
    assert (study.split.design, study.split.salt) == ("cross_validation", "other")


def test_a_table_with_official_rows_is_divided_by_them_unless_the_study_says_otherwise(tmp_path):
    side = "  side: {column: sample, train: [1], test: [0]}\n"
    assert table_study(tmp_path, data=side).split.design == "declared"
    assert (
        table_study(tmp_path, "split: {design: cross_validation}\n", data=side).split.design
        == "cross_validation"
    )


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        ("{attributes: [sxe]}", "'sxe' is not under 'data.audited'; did you mean sex?"),
        ("{intersections: [[sex, age]]}", "'age' is not under 'data.audited'"),
    ],
)
def test_an_attribute_that_a_table_does_not_have_is_told_before_anything_is_trained(tmp_path, audit, said):
    audited = "  audited:\n    sex: {column: s, values: {M: Male}}\n"
    with pytest.raises(StudyError) as caught:
        table_study(tmp_path, f"audit: {audit}\n", data=audited)
    assert said in caught.value.faults[0]


@pytest.mark.parametrize("more", ["split: 3\n", "audit: [sex]\n"])
def test_parts_of_a_table_study_that_are_no_mapping_are_faults(tmp_path, more):
    with pytest.raises(StudyError):
        table_study(tmp_path, more)


def test_the_measure_of_need_is_another_outcome_of_the_study(tmp_path):
    assert load_study(None, settings=["audit.recording.need=victim"]).audit.recording.need == "victim"
    assert any("did you mean victim" in one for one in faults("audit.recording.need=victims"))
    assert any("need must be another" in one for one in faults("audit.recording.need=harm"))
    flat = tmp_path / "flat.yaml"
    flat.write_text(TABLE)
    assert any(
        "there is no outcome 'victim'" in one for one in faults("audit.recording.need=victim", path=flat)
    )
    assert any("need must be another" in one for one in faults("audit.recording.need=harmed", path=flat))
