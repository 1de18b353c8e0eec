"""Each check, silent and speaking, on records small enough to count by hand."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from records_kit import events, observation, records, residence

from riskmodel.files import to_json
from riskmodel.intake import FileReport, IntakeReport
from riskmodel.intake.checks import Checks, Finding, check_intake, previous_checks
from riskmodel.intake.checks.delays import check_delays
from riskmodel.intake.checks.months import monthly, volume_rows
from riskmodel.intake.checks.names import agency_of_file, file_rows, read_name
from riskmodel.intake.checks.neighbours import check_against_last, check_neighbours
from riskmodel.intake.checks.people import check_births, check_observation, check_unobserved
from riskmodel.intake.checks.repairs import repair
from riskmodel.intake.checks.set_aside import check_links, check_set_aside
from riskmodel.intake.checks.spells import check_spans, check_spells
from riskmodel.intake.checks.views import EventView, SpanView
from riskmodel.intake.checks.volumes import check_gaps, check_low_months, check_years
from riskmodel.intake.checks.words import fell, listed, many, month_words, percent, span_words
from riskmodel.intake.manifest import Gap
from riskmodel.tables.days import to_day

TODAY = to_day(date(2021, 8, 31))


def event(subject, code, time, known=None, **more):
    return {"subject_id": subject, "code": code, "time": time, "known_time": known or time, **more}


def spells_of(*rows, extract_day=TODAY):
    return check_spells(EventView.of(events(rows)), extract_day=extract_day)


def spell(subject, start, end=None, stem="CSC//CPP"):
    rows = [event(subject, f"{stem}//START", start)]
    return [*rows, event(subject, f"{stem}//END", end)] if end else rows


def counted(rows, stem):
    return next(row for row in rows if row["spell"] == stem)


def severities(findings, check=None):
    return [one.severity for one in findings if check in (None, one.check)]


# ---- spells


def test_spells_one_after_another_are_no_fault():
    findings, rows = spells_of(
        *spell(1, "2020-01-01", "2020-02-01"),
        *spell(1, "2020-02-01", "2020-03-01"),  # begins on the day that the other ends
        *spell(1, "2020-05-01", "2020-05-01"),  # ends on its first day
        *spell(1, "2021-01-01"),  # still open
        *spell(2, "2020-01-15", "2020-02-15"),
    )
    assert severities(findings) == ["ok"]
    assert counted(rows, "CSC//CPP") == {
        "spell": "CSC//CPP", "agency": "CSC", "people": 2, "overlaps": 0, "people_overlapping": 0,
        "ends_without_start": 0, "people_ends_without_start": 0, "starts_without_end": 0, "open_past_18": 0,
    }  # fmt: skip


def test_a_spell_that_begins_inside_another_is_counted_once():
    findings, rows = spells_of(
        *spell(1, "2020-01-01", "2020-06-01"),
        *spell(1, "2020-03-01", "2020-09-01"),
        *spell(1, "2020-10-01", "2020-11-01"),  # after both: no fault
    )
    row = counted(rows, "CSC//CPP")
    assert (row["overlaps"], row["people_overlapping"], row["starts_without_end"]) == (1, 1, 0)
    assert severities(findings) == ["look"]
    assert findings[0].found == (
        "Children's social care: 1 spell of child protection plans began while an earlier one was open "
        "(1 person, 100% of those with any)."
    )


def test_a_start_that_never_ended_shows_only_when_a_later_one_begins():
    findings, rows = spells_of(*spell(1, "2020-01-01"), *spell(1, "2020-03-01", "2020-04-01"))
    row = counted(rows, "CSC//CPP")
    # Two starts and one end: one spell may go on, so nothing is known to lack its end.
    assert (row["overlaps"], row["starts_without_end"]) == (1, 0)
    findings, rows = spells_of(*spell(1, "2020-01-01"), *spell(1, "2020-03-01"))
    assert counted(rows, "CSC//CPP")["starts_without_end"] == 1
    assert "1 start never ended though a later one began." in findings[0].found


def test_an_end_without_start_does_not_use_up_a_later_start():
    findings, rows = spells_of(
        event(1, "EDU//FSM//END", "2019-12-01"),
        event(1, "EDU//FSM//END", "2020-01-01"),
        *spell(1, "2020-02-01", "2020-03-01", stem="EDU//FSM"),
        *spell(2, "2020-02-01", "2020-03-01", stem="EDU//FSM"),
    )
    row = counted(rows, "EDU//FSM")
    assert (row["ends_without_start"], row["people_ends_without_start"], row["overlaps"]) == (2, 1, 0)
    assert "2 ends of free school meals have no start before them (1 person, 50%" in findings[0].found


def test_spells_of_different_people_and_kinds_do_not_mix():
    findings, rows = spells_of(
        *spell(1, "2020-01-01"),
        *spell(2, "2020-02-01"),
        *spell(1, "2020-03-01", stem="CSC//CIN"),
        event(3, "CSC//CPP//START//NEG", "2020-01-01"),  # a detail makes no other kind of spell
    )
    assert [(row["spell"], row["people"], row["overlaps"]) for row in rows] == [
        ("CSC//CIN", 1, 0),
        ("CSC//CPP", 3, 0),
    ]
    assert severities(findings, "spells") == ["ok"]


def test_a_corrected_end_does_not_count():
    rows = [
        event(1, "CSC//CPP//START", "2020-01-01"),
        event(1, "CSC//CPP//END", "2020-02-01", superseded_time="2020-06-01"),
        event(1, "CSC//CPP//END", "2020-03-01"),
    ]
    assert severities(spells_of(*rows)[0]) == ["ok"]


def test_many_people_with_overlaps_need_action():
    twice = [
        row for person in range(10) for start in ("2020-01-01", "2020-02-01") for row in spell(person, start)
    ]
    assert severities(spells_of(*twice)[0]) == ["act"]
    nine = [
        row for person in range(9) for start in ("2020-01-01", "2020-02-01") for row in spell(person, start)
    ]
    assert severities(spells_of(*nine)[0]) == ["look"]


def test_care_that_never_ended_at_18_is_told_of():
    born = [event(person, "MEDS_BIRTH", "2002-01-01") for person in (1, 2)]
    rows = [
        *born,
        *spell(1, "2018-01-01", stem="CLA//CARE"),  # 19 on the extract date
        *spell(2, "2018-01-01", "2020-01-01", stem="CLA//CARE"),
        *spell(3, "2018-01-01", stem="CLA//CARE"),  # no birth: nothing can be said
        *spell(1, "2018-01-01", stem="EDU//SEN_SUPPORT"),  # may go on
    ]
    findings, counts = spells_of(*rows)
    assert counted(counts, "CLA//CARE")["open_past_18"] == 1
    assert "time in care never ended for 1 person over 18" in findings[0].found
    on_17th = to_day(date(2019, 12, 31))
    assert counted(spells_of(*rows, extract_day=on_17th)[1], "CLA//CARE")["open_past_18"] == 0


def test_a_plan_lies_within_an_episode_of_need():
    episode = spell(1, "2020-01-01", "2020-12-31", stem="CSC//CIN")
    inside = spells_of(*episode, *spell(1, "2020-01-01", "2020-06-01"), *spell(1, "2020-12-31"))[0]
    assert severities(inside, "within") == ["ok"]
    outside = spells_of(
        *episode,
        *spell(1, "2021-02-01", "2021-03-01"),  # after the episode
        *spell(1, "2019-12-31", "2020-01-01"),  # begins the day before it
        *spell(2, "2020-06-01", "2020-07-01"),  # of somebody else
        *spell(1, "2020-06-01", "2020-07-01"),
    )[0]
    within = next(one for one in outside if one.check == "within")
    assert within.severity == "look"
    assert "3 of 4 starts of child protection plans (75%) lie outside child in need episodes" in within.found


def test_without_spells_nothing_is_said():
    assert spells_of(event(1, "POLICE//VICTIM//ROBBERY", "2020-01-01")) == ([], [])
    assert spells_of() == ([], [])


# ---- homes and observation


def spans(table):
    return SpanView.of(table, extract_day=TODAY)


def home(subject, start, end=None, household=1):
    return {"subject_id": subject, "start": start, "end": end, "household_id": household}


def seen(subject, start, end=None, agency="EDU"):
    return {"subject_id": subject, "agency": agency, "start": start, "end": end}


def test_one_home_at_a_time_is_no_fault():
    homes = residence(
        [home(1, "2010-01-01", "2015-01-01"), home(1, "2015-01-01", household=2), home(2, "2012-01-01")]
    )
    watched = observation([seen(1, "2015-09-01"), seen(1, "2015-09-01", agency="YJ")])
    assert severities(check_spans(spans(homes), spans(watched))) == ["ok", "ok"]


def test_two_homes_at_a_time_are_told_of_once():
    homes = residence(
        [
            home(1, "2010-01-01"),
            home(1, "2015-01-01", "2016-01-01", household=2),
            home(1, "2015-06-01", household=3),  # inside the first, after the second began
            home(2, "2012-01-01"),
        ]
    )
    watched = observation(
        [seen(1, "2010-01-01"), seen(1, "2015-01-01"), seen(3, "2015-01-01"), seen(3, "2016-01-01")]
    )
    at_home, observed = check_spans(spans(homes), spans(watched))
    assert at_home.found == "1 person (50%) have more than one home at a time."
    assert observed.found == "1 person (50%) have more than one period of observation at a time."  # person 3


def test_a_replaced_row_of_a_home_does_not_count():
    homes = residence(
        [
            home(1, "2010-01-01") | {"superseded_time": "2015-02-01"},
            home(1, "2010-01-01", "2015-01-01") | {"known_time": "2015-02-01"},
            home(1, "2015-01-01", household=2),
        ]
    )
    assert severities(check_spans(spans(homes), spans(observation([])))) == ["ok"]


def test_observation_is_counted_by_year_and_person():
    watched = observation(
        [
            seen(1, "2018-09-01", "2019-03-01"),
            seen(1, "2019-06-01", "2020-01-01"),  # 2019 a second time, and not 2020: the end is not included
            seen(2, "2019-01-01"),
            seen(2, "2019-01-01", agency="YJ"),
        ]
    )
    homes = residence([home(person, "2010-01-01") for person in (1, 2, 3)])
    _, rows = check_observation(spans(watched), spans(homes), first_year=2018, last_year=2021)
    people = {(row["agency"], row["year"]): row["people"] for row in rows}
    assert [people["EDU", year] for year in range(2018, 2022)] == [1, 2, 1, 1]
    assert [people["YJ", year] for year in range(2018, 2022)] == [0, 1, 1, 1]
    assert {row["residents"] for row in rows} == {3}


def test_a_year_with_few_observed_is_told_of():
    steady = [seen(person, "2016-01-01", "2018-01-01") for person in range(10)]
    again = [seen(person, "2019-01-01") for person in range(10)]
    homes = residence([home(person, "2010-01-01") for person in range(10)])
    gap = [seen(person, "2018-01-01", "2019-01-01") for person in range(2)]
    findings, _ = check_observation(
        spans(observation([*steady, *again, *gap])), spans(homes), first_year=2016, last_year=2021
    )
    assert [(one.severity, one.period) for one in findings] == [("look", "2018")]
    assert findings[0].found == "Schools observed 20% of residents in 2018; 100% would be usual."
    whole = [seen(person, "2016-01-01") for person in range(10)]
    findings, _ = check_observation(spans(observation(whole)), spans(homes), first_year=2016, last_year=2021)
    assert severities(findings) == ["ok"]


def test_events_outside_observation_are_counted():
    watched = spans(
        observation([seen(1, "2019-01-01", "2020-01-01", agency="YJ"), seen(2, "2019-01-01", agency="YJ")])
    )

    def said(*days, subject=1):
        rows = events([event(subject, "YJ//OFFENCE//THEFT", day) for day in days])
        return check_unobserved(EventView.of(rows), watched)

    assert severities(said("2019-01-01", "2019-12-31")) == ["ok"]
    assert said("2019-12-31", "2020-01-01")[0].found.startswith("Youth justice: 1 of 2 events (50%)")
    assert severities(said("2019-12-31", "2020-01-01")) == ["act"]
    assert said("2018-12-31") == []  # before anybody was observed
    assert said("2020-01-01", subject=9)[0].weight == 1  # never observed
    assert check_unobserved(EventView.of(events([event(1, "CLA//SDQ", "2019-01-01")])), watched) == []


# ---- months


def month_days(year, month, count):
    return [(date(year, month, 1) + timedelta(days=n % 28)).isoformat() for n in range(count)]


def series_of(counts, *, gaps=(), extract="2021-08-31", agency="POLICE//VICTIM//ROBBERY", known_after=0):
    """Events by (year, month) of one agency that observed one person from 2015 on."""
    rows = [
        event(n, agency, day, (date.fromisoformat(day) + timedelta(days=known_after)).isoformat())
        for (year, month), count in counts.items()
        for n, day in enumerate(month_days(year, month, count))
    ]
    watched = observation([seen(1, "2015-01-01", agency=agency.split("//")[0])])
    day = to_day(date.fromisoformat(extract))
    view = SpanView.of(watched, extract_day=day)
    return monthly(EventView.of(events(rows)), view, extract_day=day, gaps=gaps)


def steady(count=20, years=range(2015, 2022), quiet=()):
    return {
        (year, month): count
        for year in years
        for month in range(1, 13)
        if month not in quiet and (year, month) <= (2021, 8)
    }


def test_a_steady_agency_has_no_gap_and_no_low_month():
    series = series_of(steady())
    assert severities(check_gaps(series)[0]) == ["ok"]
    assert severities(check_low_months(series)) == ["ok"]
    rows = volume_rows(series)
    assert len(rows) == 80  # January 2015 to August 2021
    assert rows[0] == {"agency": "POLICE", "month": "2015-01", "events": 20, "usual": 20.0, "state": "usual"}
    assert rows[-1]["month"] == "2021-08"


def test_empty_months_in_a_row_are_one_gap():
    counts = steady()
    del counts[2018, 3], counts[2018, 4], counts[2018, 5]
    findings, rows = check_gaps(series_of(counts))
    assert [(one.severity, one.period) for one in findings] == [("act", "March 2018 to May 2018")]
    assert (
        findings[0].found
        == "Police: no event at all in March 2018 to May 2018, where about 60 would be usual."
    )
    assert "gaps in manifest.json" in findings[0].next_step
    assert rows == [
        {"agency": "POLICE", "first": "2018-03", "last": "2018-05", "expected": 60.0, "declared": False}
    ]


def test_a_month_that_is_always_empty_is_no_gap_and_parts_none():
    counts = steady(quiet=(8,))
    assert severities(check_gaps(series_of(counts))[0]) == ["ok"]
    del counts[2018, 7], counts[2018, 9]
    findings, _ = check_gaps(series_of(counts))
    assert [one.period for one in findings] == ["July 2018 to September 2018"]
    assert "about 40 would be usual" in findings[0].found


def test_an_empty_month_of_a_small_agency_may_be_chance():
    def one_empty(count):
        counts = steady(count)
        del counts[2018, 3]
        return severities(check_gaps(series_of(counts))[0])

    # Poisson: a month with 4 expected is empty once in 55 times, with 5 once in 148, with 10 once in 22,000.
    assert (one_empty(4), one_empty(5), one_empty(10)) == (["ok"], ["look"], ["act"])


def test_an_extract_that_ends_early_is_a_gap_at_its_end():
    counts = {when: count for when, count in steady().items() if when < (2021, 3)}
    findings, _ = check_gaps(series_of(counts))
    assert findings[0].period == "March 2021 to August 2021"[: len("March 2021 to ")] + "July 2021"
    assert findings[0].next_step == "Ask whether the extract was cut off before its extract date."


def test_a_declared_gap_is_no_fault_unless_something_came():
    gap = Gap("POLICE", date(2018, 3, 1), date(2018, 6, 1))
    counts = steady()
    del counts[2018, 3], counts[2018, 4], counts[2018, 5]
    findings, rows = check_gaps(series_of(counts, gaps=[gap]))
    assert severities(findings) == ["ok"]
    assert findings[0].found.startswith("Police declared a gap in March 2018 to May 2018")
    assert [(row["first"], row["declared"]) for row in rows] == [("2018-03", True)]
    findings, _ = check_gaps(series_of(steady(), gaps=[gap]))
    assert "but sent 60 events of that time" in findings[0].found
    assert severities(findings) == ["look"]
    other = Gap("EDU", date(2018, 3, 1), date(2018, 6, 1))
    assert severities(check_gaps(series_of(counts, gaps=[other]))[0]) == ["act"]


def test_days_of_a_declared_gap_within_a_month_count_for_the_agency():
    gap = Gap("POLICE", date(2018, 3, 20), date(2018, 4, 10))
    assert severities(check_gaps(series_of(steady(), gaps=[gap]))[0]) == ["ok"]


def test_low_months_are_told_of_with_what_would_be_usual():
    counts = steady(40)
    counts[2018, 3] = counts[2018, 4] = 8
    findings = check_low_months(series_of(counts))
    assert [(one.severity, one.period) for one in findings] == [("act", "March 2018 to April 2018")]
    assert findings[0].found == (
        "Police: 16 events in March 2018 to April 2018, where about 80 would be usual (80% fewer)."
    )
    counts[2018, 3] = counts[2018, 4] = 19
    assert severities(check_low_months(series_of(counts))) == ["ok"]  # 19 of 40 is 3.3 standard deviations
    counts[2018, 3] = 12
    assert severities(check_low_months(series_of(counts))) == ["look"]


def test_the_last_months_are_not_judged_while_records_still_come():
    counts = steady()
    counts[2021, 7], counts[2021, 8] = 2, 1
    assert [one.period for one in check_low_months(series_of(counts))] == ["July 2021"]
    assert severities(check_low_months(series_of(counts, known_after=40))) == ["ok"]


def test_noisy_agencies_are_judged_by_their_own_noise():
    # Every second year twice as many: half is nothing unusual here.
    counts = {(year, month): 80 if year % 2 else 20 for year, month in steady()}
    assert severities(check_low_months(series_of(counts))) == ["ok"]


def test_a_list_that_reaches_back_to_births_begins_with_the_other_agencies():
    rows = [event(n, "HOME//MOVE", f"{year}-05-01") for year in range(2000, 2021) for n in range(3)]
    watched = observation([seen(1, "2000-01-01", agency="HOME"), seen(1, "2015-01-01", agency="YJ")])
    series = monthly(EventView.of(events(rows)), spans(watched), extract_day=TODAY)
    assert volume_rows(series)[0]["month"] == "2015-01"
    alone = spans(observation([seen(1, "2000-01-01", agency="HOME")]))
    assert volume_rows(monthly(EventView.of(events(rows)), alone, extract_day=TODAY))[0]["month"] == "2000-01"
    unseen = spans(observation([]))
    assert (
        volume_rows(monthly(EventView.of(events(rows)), unseen, extract_day=TODAY))[0]["month"] == "2000-05"
    )


def test_births_are_no_agency_of_their_own():
    assert monthly(EventView.of(events([event(1, "MEDS_BIRTH", "2010-01-01")])), spans(observation([])), extract_day=TODAY) == []  # fmt: skip


def test_years_are_compared_with_the_last_intake():
    def volumes(**years):
        return [
            {"agency": "YJ", "month": f"{year.removeprefix('y')}-05", "events": count}
            for year, count in years.items()
        ]

    now = volumes(y2018=10, y2019=270, y2020=100, y2021=100)
    assert severities(check_years(now, volumes(y2018=100, y2019=100, y2020=101, y2022=9))) == ["ok"]
    findings = check_years(now, volumes(y2019=350, y2020=210, y2021=262))
    assert [(one.severity, one.period, one.weight) for one in findings] == [
        ("act", "2019, 2020 and 2021", 352)
    ]
    assert findings[0].found == (
        "Youth justice, 2019, 2020 and 2021: 822 events at the last intake and 470 now: they fell by 43%."
    )
    assert severities(check_years(now, volumes(y2019=350))) == ["look"]
    last = check_years(now, volumes(y2021=262))
    assert last[0].found == "Youth justice, 2021: 262 events at the last intake and 100 now: it fell by 62%."
    assert check_years(now, []) == []


# ---- delays


def test_delays_are_counted_by_day():
    rows = [
        *(event(n, "POLICE//VICTIM//ROBBERY", "2020-01-01", "2020-01-01") for n in range(5)),
        *(event(n, "POLICE//VICTIM//OTHER", "2020-01-01", "2020-01-11") for n in range(4)),
        event(9, "POLICE//VICTIM//OTHER", "2020-01-01", "2020-02-10"),
        event(1, "POLICE//SUSPECT//OTHER", "2020-01-01", "2020-06-01", known_basis="declared_delay"),
        event(1, "EDU//ENROL", "2020-01-01", "2020-06-01", known_basis="declared_delay"),
        event(1, "HEALTH//BIRTH//SMOKING", "2010-01-01", "2020-06-01"),  # a fact from birth has no delay
        event(1, "MEDS_BIRTH", "2010-01-01", "2020-06-01"),
    ]
    findings, delays, years = check_delays(EventView.of(events(rows)))
    police = next(row for row in delays if row["agency"] == "POLICE")
    assert police == {
        "agency": "POLICE", "events": 11, "measured": 10, "median_days": 0, "p90_days": 10, "p99_days": 40,
        "late_share": 0.1, "bins": [5, 0, 0, 4, 0, 1, 0, 0, 0, 0],
    }  # fmt: skip
    assert years == [{"agency": "POLICE", "year": 2020, "measured": 10, "median_days": 0, "p90_days": 10}]
    said = {one.agency: one for one in findings}
    assert said["POLICE"].severity == "look"
    assert (
        "half of 10 events were recorded within 0 days, 90 of 100 within 10 days; 10% later"
        in said["POLICE"].found
    )
    assert said["EDU"].severity == "ok"
    assert "do not say when they were made" in said["EDU"].found
    assert "HEALTH" not in said


def test_recording_that_became_slower_is_told_of():
    def recorded(year, days, count=50):
        known = date(year, 6, 1)
        return [
            event(n, "YJ//OFFENCE//THEFT", (known - timedelta(days=days)).isoformat(), known.isoformat())
            for n in range(count)
        ]

    quick = [row for year in (2017, 2018, 2019) for row in recorded(year, 5)]

    def severity(*rows):
        findings, _, _ = check_delays(EventView.of(events([*quick, *rows])))
        return [one.severity for one in findings if one.period]

    assert severity(*recorded(2020, 5)) == []
    assert severity(*recorded(2020, 11)) == []  # twice as long, but by less than a week
    assert severity(*recorded(2020, 12)) == ["look"]
    assert severity(*recorded(2020, 30)) == ["act"]
    assert severity(*recorded(2020, 30, count=49)) == []  # too few to say


# ---- files and rows


def test_a_name_says_whose_file_it_is_and_of_when():
    assert read_name("school_census/2019_autumn_pupilonroll.csv").kind == "school_census/*_pupilonroll.csv"
    assert read_name("school_census/2019_autumn_pupilonroll.csv").period == "autumn 2019"
    assert read_name("cin_census/cin_2018.xml#Child").kind == "cin_census/cin_*.xml#Child"
    assert read_name("cin_census/cin_2018.xml#Child").period == "2018"
    assert read_name("stop_search/2021-03-borough-stop-and-search.csv").period == "2021-03"
    assert (read_name("health/births.csv").kind, read_name("health/births.csv").period) == (
        "health/births.csv",
        None,
    )
    assert agency_of_file("ssda903/2019_header.csv") == "CLA"
    assert agency_of_file("spine.csv") == "SPINE"
    assert agency_of_file("own/moves.csv") == "own"


def test_few_rows_set_aside_are_no_finding():
    findings, rows = check_set_aside(
        {"health/camhs.csv": FileReport(1000, 991, 9, {"recorded_date is before referral_date": 9})}
    )
    assert severities(findings) == ["ok"]
    assert findings[0].found == "9 of 1,000 rows were set aside (0.9%), each with a reason."
    assert rows[0]["fault"] == "dates are in the wrong order"


def test_rows_set_aside_are_told_by_reason_with_a_repair():
    bad = {"role is not a known code": 20, "repeats an earlier row": 5, "no value in nominal": 60}
    findings, rows = check_set_aside({"police/people.csv": FileReport(1000, 915, 85, bad)})
    assert [(one.severity, one.weight) for one in findings] == [("act", 60), ("look", 20)]
    assert findings[1].found == (
        "Police: 20 of 1,000 rows of police/people.csv (2%) were set aside: role is not a known code."
    )
    assert findings[1].next_step.startswith("Compare with the code list")
    assert [row["rows"] for row in rows] == [60, 20, 5]


def test_one_bad_file_among_good_ones_is_named():
    good = FileReport(1000, 1000, 0)
    bad = FileReport(
        50, 38, 12, {"DECOM is not a date as this layout writes it": 10, "repeats an earlier row": 2}
    )
    files = {"ssda903/2019_episodes.csv": good, "ssda903/2020_episodes.csv": bad}
    findings, rows = check_set_aside(files)
    assert [(one.severity, one.file, one.period) for one in findings] == [
        ("act", "ssda903/2020_episodes.csv", "2020")
    ]
    assert "12 of 50 rows (24%) were set aside, mostly: DECOM is not a date" in findings[0].found
    assert rows[0]["worst_file"] == "ssda903/2020_episodes.csv"
    assert rows[0]["rows_in"] == 1050


def test_keys_that_did_not_link_are_counted_by_agency():
    def said(unlinked):
        file = FileReport(
            200, 200 - unlinked, unlinked, {"nobody in the spine has this key": unlinked} if unlinked else {}
        )
        parts = {"health/camhs.csv": file, "ssda903/2019_header.csv": FileReport(10, 10, 0)}
        # Rows of needs find their pupil through the roll: they say nothing of keys.
        return check_links({**parts, "school_census/2019_spring_senneeds.csv": FileReport(5, 5, 0)})

    findings, rows = said(3)
    assert rows == [
        {"agency": "CLA", "rows_unlinked": 0, "rows_in": 10},
        {"agency": "HEALTH", "rows_unlinked": 3, "rows_in": 200},
    ]
    assert [one.severity for one in findings] == ["ok", "look"]
    assert findings[1].found == "Health: 3 of 200 rows (2%) have a key that the spine does not hold."
    assert [said(n)[0][1].severity for n in (0, 1, 2, 9, 10)] == ["ok", "ok", "look", "look", "act"]


def test_files_are_compared_with_the_last_intake():
    def said(now, before):
        rows = file_rows({name: FileReport(n, n, 0) for name, n in now.items()}, before)
        return check_against_last(rows, before)

    assert said({"health/camhs.csv": 100}, {}) == []
    assert severities(said({"health/camhs.csv": 100}, {"health/camhs.csv": 110})) == ["ok"]
    fell_to = said({"health/camhs.csv": 380}, {"health/camhs.csv": 1000})
    assert fell_to[0].found == "health/camhs.csv had 1,000 rows last time and has 380 now: it fell by 62%."
    assert severities(fell_to) == ["act"]
    assert severities(said({"health/camhs.csv": 700}, {"health/camhs.csv": 1000})) == ["look"]
    assert severities(said({"health/camhs.csv": 7}, {"health/camhs.csv": 10})) == ["ok"]  # may be chance


def test_a_workbook_is_the_same_file_as_the_csv_it_stands_for():
    before = {"health/camhs.csv": 1000}
    rows = file_rows({"health/camhs.xlsx": FileReport(1000, 1000, 0)}, before)
    assert rows[0]["rows_before"] == 1000
    assert (rows[0]["agency"], rows[0]["kind"]) == ("HEALTH", "health/camhs.csv")
    assert severities(check_against_last(rows, before)) == ["ok"]


def test_files_that_did_not_come_again_are_told_by_agency():
    before = {"health/camhs.csv": 10, "ssda903/2019_header.csv": 5, "ssda903/2020_header.csv": 5}
    rows = file_rows({"ssda903/2020_header.csv": FileReport(5, 5, 0)}, before)
    found = {one.agency: one for one in check_against_last(rows, before)}
    assert (found["HEALTH"].severity, found["HEALTH"].found) == ("act", "Health sent nothing this time.")
    assert found["CLA"].severity == "look"
    assert "1 file of last time did not come: ssda903/2019_header.csv" in found["CLA"].found


def yearly(counts, kind="ssda903/{}_episodes.csv"):
    return file_rows({kind.format(year): FileReport(n, n, 0) for year, n in counts.items()}, {})


def test_a_small_file_among_its_neighbours_is_told_of():
    counts = dict.fromkeys(range(2016, 2022), 100)
    assert severities(check_neighbours(yearly(counts), extract_date="2021-08-31")) == ["ok"]
    findings = check_neighbours(yearly(counts | {2018: 10}), extract_date="2021-08-31")
    assert [(one.severity, one.period) for one in findings] == [("act", "2018")]
    assert findings[0].found == "ssda903/2018_episodes.csv has 10 rows; the files around it have about 100."
    assert severities(check_neighbours(yearly(counts | {2018: 40}), extract_date="2021-08-31")) == ["look"]
    assert severities(check_neighbours(yearly(counts | {2016: 10}), extract_date="2021-08-31")) == [
        "look"
    ]  # the first


def test_a_year_that_is_not_over_may_be_small():
    counts = dict.fromkeys(range(2016, 2022), 100) | {2021: 10}
    assert severities(check_neighbours(yearly(counts), extract_date="2021-03-30")) == ["ok"]
    assert severities(check_neighbours(yearly(counts), extract_date="2021-03-31")) == ["act"]


def test_small_files_of_one_agency_and_time_are_one_finding():
    counts = dict.fromkeys(range(2016, 2022), 100) | {2018: 10}
    rows = yearly(counts) + yearly(counts, kind="ssda903/{}_missing.csv")
    findings = check_neighbours(rows, extract_date="2021-08-31")
    assert len(findings) == 1
    assert "(and 1 file of the same time)" in findings[0].found


def test_a_missing_file_among_others_is_told_of():
    counts = dict.fromkeys((2016, 2017, 2019, 2020), 100)
    findings = check_neighbours(yearly(counts), extract_date="2021-08-31")
    assert [one.severity for one in findings] == ["act"]
    assert findings[0].found == (
        "Looked-after children sent no ssda903/*_episodes.csv for 2018; about 100 rows would be usual."
    )
    few = dict.fromkeys((2016, 2017, 2019, 2020), 3)
    assert severities(check_neighbours(yearly(few), extract_date="2021-08-31")) == ["look"]


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ([f"school_census/{y}_spring_senneeds.csv" for y in (2016, 2017, 2019)], "spring 2018"),
        ([f"stop_search/{m}-borough-stop-and-search.csv" for m in ("2020-11", "2020-12", "2021-02")], "2021-01"),
    ],
)  # fmt: skip
def test_what_is_missing_has_the_words_of_its_kind_of_file(names, missing):
    findings = check_neighbours(
        file_rows({name: FileReport(100, 100, 0) for name in names}, {}), extract_date="2021-08-31"
    )
    assert [one.period for one in findings] == [missing]


def test_missing_files_of_one_agency_and_time_are_one_finding():
    counts = dict.fromkeys((2016, 2017, 2019, 2020), 100)
    rows = [
        row
        for kind in ("episodes", "missing", "oc2", "header")
        for row in yearly(counts, f"ssda903/{{}}_{kind}.csv")
    ]
    (finding,) = check_neighbours(rows, extract_date="2021-08-31")
    assert (
        "ssda903/*_episodes.csv, ssda903/*_header.csv, ssda903/*_missing.csv and 1 more for 2018"
        in finding.found
    )
    assert finding.weight == 400


def test_seasons_are_compared_with_their_own_season():
    names = {f"school_census/{y}_{s}_pupilonroll.csv": n for y in range(2016, 2021) for s, n in (("spring", 10), ("autumn", 900))}  # fmt: skip
    rows = file_rows({name: FileReport(n, n, 0) for name, n in names.items()}, {})
    assert severities(check_neighbours(rows, extract_date="2021-08-31")) == ["ok"]


# ---- births, repairs, words


def intake_report(files=None, **more):
    return IntakeReport(
        files=files or {}, extract_date="2021-08-31", agencies=(), events=0, subjects=100, notes=(), **more
    )


def test_births_in_doubt_are_counted():
    assert check_births(intake_report()) == []
    fine = check_births(intake_report(people_without_birth=4, people_with_several_births=0))
    assert severities(fine) == ["ok", "ok"]
    found = check_births(intake_report(people_without_birth=20, people_with_several_births=1))
    assert severities(found) == ["act", "look"]
    assert found[0].found == "20 people (20%) have no birth month in any record: no cohort holds them."
    assert "linking party" in found[1].next_step


def test_every_reason_that_a_layout_gives_has_a_repair():
    from riskmodel.intake.extracts import SOURCES, SPINE
    from riskmodel.intake.judging import REPEATED, UNLINKED
    from riskmodel.intake.layouts import stop_search

    reasons = {
        UNLINKED,
        REPEATED,
        "dob is before 1900",
        "dob is after the extract date",
        "dob is not yes or no",
    }
    for layout in [SPINE, *(one for source in (*SOURCES, stop_search.SOURCE) for one in source.layouts)]:
        reasons |= {rule.reason for rule in layout.rules}
        reasons |= {layout.link.orphan} if layout.link and layout.link.orphan else set()
        reasons |= {f"no value in {field.shown}" for field in layout.fields if field.required}
    assert {reason for reason in reasons if repair(reason).kind == "other reasons"} == set()
    assert repair("something new").words.startswith("Look at these rows")


def test_words_say_shares_and_months_plainly():
    assert [percent(s) for s in (0, 0.0004, 0.004, 0.05, 0.996, 1)] == ["0%", "less than 0.1%", "0.4%", "5%", "more than 99%", "100%"]  # fmt: skip
    assert (many(1, "person"), many(1200, "person"), many(2, "row")) == ("1 person", "1,200 people", "2 rows")
    assert month_words(2019 * 12 + 2) == "March 2019"
    assert span_words(2019 * 12 + 11, 2020 * 12) == "December 2019 to January 2020"
    assert fell(100, 38) == "fell by 62%"
    assert [listed(["a", "b", "c"][:n], most=2) for n in range(4)] == ["", "a", "a and b", "a, b and 1 more"]


# ---- all together


def small_records():
    return records(
        events_rows=[
            event(1, "MEDS_BIRTH", "2010-01-01"),
            *spell(1, "2020-01-01", stem="CSC//CIN"),
            *spell(1, "2020-02-01", stem="CSC//CIN"),
            event(2, "POLICE//VICTIM//ROBBERY", "2020-01-01", "2020-01-09"),
        ],
        observation_rows=[seen(1, "2019-01-01", agency="CSC"), seen(2, "2019-01-01", agency="POLICE")],
        residence_rows=[home(1, "2010-01-01"), home(2, "2010-01-01")],
    )


FILES = {
    "police/people.csv": FileReport(100, 90, 10, {"role is not a known code": 10}),
    "cin_census/cin_2021.xml#CINdetails": FileReport(2, 2, 0),
}


@pytest.fixture
def checks():
    return check_intake(small_records(), intake_report(FILES, people_without_birth=1))


def test_findings_stand_in_order_of_urgency(checks):
    order = ["act", "look", "ok"]
    severities_found = severities(checks.findings)
    assert severities_found == sorted(severities_found, key=order.index)
    assert checks.of("act")[0].check == "set_aside"
    assert {one.check for one in checks.of("look")} >= {"spells", "arrivals"}


def test_the_summary_names_what_to_act_on(checks):
    lines = checks.summary().splitlines()
    assert (
        lines[0]
        == f"Checks: 1 thing to act on; {len(checks.of('look'))} things to look at (intake.html shows them)."
    )
    assert lines[1].startswith("  1. Police: 10 of 100 rows of police/people.csv (10%) were set aside")
    acts = [Finding("gaps", "act", "Expected.", f"Found {n}.", "Do it.", weight=-n) for n in range(7)]
    busy = Checks.build(acts, {}, extract_date=None).summary().splitlines()
    assert (busy[5], busy[6:]) == ("  5. Found 4. Do it.", ["  ... and 2 more things to act on."])
    quiet = Checks.build([], {}, extract_date=None)
    assert quiet.summary() == "Checks: nothing to act on; 0 things to look at (intake.html shows them)."


def test_checks_follow_their_schema_and_are_read_back(checks):
    from importlib import resources

    from jsonschema import Draft202012Validator

    text = (
        resources.files("riskmodel")
        .joinpath("publish/schemas/checks.schema.json")
        .read_text(encoding="utf-8")
    )
    Draft202012Validator.check_schema(json.loads(text))
    value = json.loads(to_json(checks.to_json()))
    assert [error.message for error in Draft202012Validator(json.loads(text)).iter_errors(value)] == []
    assert Checks.from_json(value) == checks
    assert to_json(Checks.from_json(value).to_json()) == to_json(checks.to_json())


def test_the_same_records_give_the_same_checks(checks):
    assert check_intake(small_records(), intake_report(FILES, people_without_birth=1)) == checks


def test_the_intake_before_is_read_from_its_folder(tmp_path, checks):
    assert previous_checks(tmp_path) is None
    older = intake_report({"police/people.csv": FileReport(500, 500, 0)})
    (tmp_path / "intake.json").write_text(to_json(older.to_json()))
    before = previous_checks(tmp_path)
    now = check_intake(small_records(), intake_report(FILES), previous=before)
    assert now.compared_with == "2021-08-31"
    fell_to = [one for one in now.findings if one.check == "last_time"]
    assert [one.found for one in fell_to] == [
        "police/people.csv had 500 rows last time and has 100 now: it fell by 80%."
    ]
    (tmp_path / "checks.json").write_text(to_json(checks.to_json()))
    assert previous_checks(tmp_path) == checks
    same = check_intake(small_records(), intake_report(FILES), previous=checks)
    assert severities(same.findings, "last_time") == ["ok", "ok"]


def test_empty_records_are_checked_too():
    nothing = check_intake(records(), replace(intake_report(), extract_date=None))
    assert nothing.of("act") == ()
    assert nothing.tables["volumes"] == []


def test_findings_hold_no_person(checks):
    words = json.dumps([one.__dict__ for one in checks.findings])
    assert "subject_id" not in words
    assert isinstance(checks.findings[0], Finding)
