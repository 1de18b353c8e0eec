import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from records_kit import events, observation, residence

from riskmodel.files import read_json
from riskmodel.intake import FileReport, IntakeReport
from riskmodel.intake.checks import Checks, Finding, check_intake
from riskmodel.publish.figures import intake as figures
from riskmodel.publish.intake_page import BANNER, account_files, intake_page, label, page_record
from riskmodel.tables.records import Attributes, Records

VICTIM = "POLICE//VICTIM//ROBBERY"
KEY_WORDS = ("pupilonrolltableid", "person_key", "nominal", "uprn")


def made_records():
    """Two agencies from 2015 to 2020: the police sent nothing in the spring of 2018."""
    rows = [
        {"subject_id": n, "code": VICTIM, "time": f"{year}-{month:02d}-10", "known_time": f"{year}-{month:02d}-{15 + n % 9}"}
        for year in range(2015, 2021)
        for month in range(1, 13)
        for n in range(1, 21)
        if (year, month) not in {(2018, 3), (2018, 4)}
    ]  # fmt: skip
    rows += [
        {
            "subject_id": 7_654_321,
            "code": "EDU//ENROL",
            "time": f"{year}-09-01",
            "known_basis": "declared_delay",
        }
        for year in range(2015, 2021)
    ]
    watched = [{"subject_id": n, "agency": "POLICE", "start": "2015-01-01"} for n in range(1, 21)]
    homes = [{"subject_id": n, "start": "2010-01-01"} for n in range(1, 21)]
    nobody = Attributes.build(Attributes.schema.empty_table())
    return Records(events(rows), observation(watched), residence(homes), nobody)


def made_report(**more):
    files = {
        "police/people.csv": FileReport(
            1000, 900, 100, {"role is not a known code": 80, "repeats an earlier row": 20}
        ),
        "health/camhs.csv": FileReport(50, 50, 0),
    }
    return IntakeReport(
        files=files, extract_date="2020-12-31", agencies=("POLICE",), events=1406, subjects=21, **more
    )


# Nothing to draw.
BARE = dict.fromkeys(
    ("files", "set_aside", "links", "volumes", "gaps", "delays", "delay_years", "observation", "spells"), ()
)
BEFORE = Checks(
    "2019-12-31",
    None,
    (),
    {"files": [{"file": "police/people.csv", "rows_in": 3000}, {"file": "health/camhs.csv", "rows_in": 50}]},
)


@pytest.fixture(scope="module")
def checks():
    return check_intake(made_records(), made_report(), previous=BEFORE)


@pytest.fixture(scope="module")
def page(checks):
    return intake_page(checks, made_report(notes=("The sender says that these people are invented.",)))


class Reader(HTMLParser):
    """Gathers text and tags, and checks that what is opened is closed."""

    VOID = ("meta", "br", "hr", "img", "link")

    def __init__(self):
        super().__init__()
        self.text, self.tags, self.open, self.ids = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


@pytest.fixture(scope="module")
def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


def plain(read):
    return re.sub(r"\s+", " ", " ".join(read.text))


def test_the_page_says_first_what_to_act_on(checks, read):
    text = plain(read)
    assert text.index("things to act on") < text.index("Each line is an agency")
    for finding in checks.findings:
        assert re.sub(r"\s+", " ", finding.found) in text
    for finding in checks.of("act"):
        assert finding.next_step in text
        assert text.index(finding.found) < text.index("Each line is an agency")


def test_findings_name_the_gap_the_fall_and_the_fault(checks):
    found = " ".join(one.found for one in checks.of("act"))
    assert "no event at all in March 2018 to April 2018" in found
    assert "police/people.csv had 3,000 rows last time and has 1,000 now: it fell by 67%" in found
    assert "role is not a known code" in found


def test_the_page_works_without_script_and_loads_nothing(page, read):
    assert "script" not in read.tags
    assert not re.search(r"\son\w+=|javascript:", page)
    assert not re.search(r'(?:src|href)="(?!#)', page.replace('href="http://www.w3.org', ""))
    assert "default-src 'none'" in page
    assert read.open == []


def test_the_page_says_that_it_must_stay_where_it_is(read):
    assert BANNER in plain(read)
    assert "exact counts" in BANNER


def test_the_page_names_nobody(page):
    assert "7654321" not in page
    assert "7,654,321" not in page
    assert [word for word in KEY_WORDS if word in page] == []


def test_ids_are_unique_and_every_link_on_the_page_leads_somewhere(page, read):
    assert len(read.ids) == len(set(read.ids))
    for target in re.findall(r'<a href="#([^"]+)"', page):
        assert target in read.ids


def test_every_picture_has_a_title_and_words(page):
    pictures = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(pictures) == 6
    for picture in pictures:
        root = ET.fromstring(picture)  # noqa: S314 - our own picture
        title, words = root[0], root[1]
        assert title.tag.endswith("title")
        assert len(title.text) > 10
        assert words.tag.endswith("desc")
        assert len(words.text) > 10
        assert root.get("role") == "img"


def test_the_strip_marks_what_is_missing(checks):
    record = page_record(checks, made_report())
    police = record["calendars"]["Police"]
    assert list(police) == [str(year) for year in range(2015, 2021)]
    assert [one["state"] for one in police["2018"][:5]] == ["usual", "usual", "empty", "empty", "usual"]
    assert [one["shade"] for one in police["2018"][:5]] == [4, 4, 0, 0, 4]
    assert record["totals"] == {
        "files": 2,
        "rows_in": 1050,
        "rows_set_aside": 100,
        "events": 1406,
        "people": 21,
    }
    assert record["unmeasured"] == ["Schools"]


def test_shades_follow_the_busy_months():
    rows = [{"agency": "YJ", "month": f"2020-{m:02d}", "events": n, "state": "usual"} for m, n in enumerate((0, 1, 5, 6, 11, 16, 20, 20, 20, 20), start=1)]  # fmt: skip
    made = Checks("2020-12-31", None, (), {**BARE, "volumes": rows})
    year = page_record(made, made_report())["calendars"]["Youth justice"]["2020"]
    # Of a busy month's 20 events: none, a twentieth, a quarter, 30%, 55%, 80%, all.
    assert [one["shade"] for one in year[:7]] == [0, 1, 1, 2, 3, 4, 4]
    assert year[10:] == [None, None]


def test_each_fault_stands_with_its_repair(checks, read):
    faults = page_record(checks, made_report())["faults"]
    assert [(one["fault"], one["rows"]) for one in faults] == [
        ("code is not on the list", 80),
        ("repeats another row", 20),
    ]
    for one in faults:
        assert one["repair"] in plain(read)


def test_an_intake_of_nothing_still_gives_a_page():
    empty = Records(
        events([]), observation([]), residence([]), Attributes.build(Attributes.schema.empty_table())
    )
    report = IntakeReport(files={}, extract_date=None, agencies=(), events=0, subjects=0)
    page = intake_page(check_intake(empty, report), report)
    for words in ("Nothing to act on", "No events with a date.", "No row was set aside.", "no earlier intake",
                  "No record says when it was made.", "No table of observation came."):  # fmt: skip
        assert words in page
    assert "<svg" not in page


def test_a_declared_gap_is_listed():
    gap = {"agency": "SUPPORT", "first": "2019-09", "last": "2020-08", "expected": 0.0, "declared": True}
    declared = Checks.build([], {**BARE, "gaps": [gap]}, extract_date="2020-12-31")
    assert "SUPPORT: 2019-09 to 2020-08" in intake_page(declared, made_report())


def test_many_things_to_look_at_are_folded_away():
    looks = [
        Finding("spells", "look", "Expected so.", f"Found thing {n}.", "Do it.", weight=n) for n in range(7)
    ]
    many = Checks.build(looks, BARE, extract_date="2020-12-31")
    page = intake_page(many, made_report())
    assert "7 things to look at" in page
    assert "<summary>3 more</summary>" in page
    one = intake_page(Checks.build(looks[:1], BARE, extract_date=None), made_report())
    assert "1 thing to look at" in one


def test_words_from_files_cannot_become_markup():
    bad = Finding("set_aside", "act", "<b>", "<script>alert(1)</script>", "&", agency="POLICE")
    page = intake_page(Checks.build([bad], BARE, extract_date=None), made_report())
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_same_intake_gives_the_same_bytes(checks, page):
    report = made_report(notes=("The sender says that these people are invented.",))
    assert account_files(checks, report)["intake.html"] == page


def test_the_files_beside_the_account_can_be_read_back(checks, tmp_path):
    files = account_files(checks, made_report())
    assert sorted(files) == ["checks.json", "intake.html"]
    (tmp_path / "checks.json").write_text(files["checks.json"], encoding="utf-8")
    assert Checks.from_json(read_json(tmp_path / "checks.json")) == checks


@pytest.mark.parametrize(
    ("kind", "short"),
    [
        ("school_census/*_pupilonroll.csv", "pupilonroll"),
        ("school_census/*_termlysessiondetailsonroll.csv", "sessiondetails"),
        ("cin_census/cin_*.xml#Child", "cin: Child"),
        ("health/births.csv", "births"),
        ("plain", "plain"),
    ],
)
def test_kinds_of_file_have_short_names(kind, short):
    assert label(kind) == short


def test_delays_say_their_bins_in_words():
    rows = [{"agency": "YJ", "measured": 10, "median_days": 2, "p90_days": 9, "bins": [1, 2, 3, 4]}]
    drawn = figures.delays(rows, {"YJ": "Youth justice"}, bins=(0, 1, 2, 9), late_days=2)
    for words in ("same day", "day 1", "days 2 to 8", "after 8 days"):
        assert f">{words}<" in drawn
    assert "Youth justice: half within 2 days, 90 of 100 within 9 days" in drawn
