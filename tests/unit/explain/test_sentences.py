import math

import pytest

from riskmodel.explain.sentences import sentence
from riskmodel.tables.features import FeatureInfo


def info(description, unit="times", aggregation="count", concept="a concept"):
    return FeatureInfo("x", description, concept, "EDU", unit, 1, aggregation, "365d", ("EDU//X",))


SUSPENDED = info("times suspended from school in the past year")
VISITS = info("visits to emergency care after an assault in the past 3 years")
SINCE = info("days since the last emergency visit after an assault", "days", "days_since_last")
PLAN = info("on a child protection plan now", "yes or no", "in_spell")
CARE_DAYS = info("days in care in the past year", "days", "spell_days")
ABSENT = info("share of school sessions missed in the past year", "share", "ratio")
SDQ = info("latest score for feelings and behaviour", "points", "last")
TREND = info("change in school absence in the past 3 years", "share", "trend")

CASES = [
    (SUSPENDED, 3, "Suspended from school: 3 times in the past year."),
    (SUSPENDED, 1, "Suspended from school: once in the past year."),
    (SUSPENDED, 0, "Not suspended from school in the past year."),
    (SUSPENDED, math.nan, "The record cannot say how often this happened: suspended from school in the past year."),
    (VISITS, 0, "No visits to emergency care after an assault in the past 3 years."),
    (VISITS, 2, "Visits to emergency care after an assault: 2 in the past 3 years."),
    (VISITS, None, "The record cannot say this: visits to emergency care after an assault in the past 3 years."),
    (info("number of schools ever"), 2, "Schools: 2 ever."),
    (info("number of schools"), 0, "No schools."),
    (info("number of schools"), None, "The record cannot say the number of schools."),
    (SINCE, 40, "The last emergency visit after an assault was 40 days ago."),
    (SINCE, 1, "The last emergency visit after an assault was 1 day ago."),
    (SINCE, None, "The record holds no date for the last emergency visit after an assault."),
    (info("time without a visit", "days", "days_since_last"), 5, "Time without a visit: 5 days."),
    (info("time without a visit", "days", "days_since_last"), None, "The record cannot say this: time without a visit."),
    (info("days since the first school move within 3 years", "days", "days_since_first"), 90, "The first school move was about 3 months ago."),
    (info("days since the first school move within 3 years", "days", "days_since_first"), None, "The record holds no date for the first school move within 3 years."),
    (info("half-day school sessions missed in the past 3 years", "sessions a year", "trend"), 3, "Half-day school sessions missed in the past 3 years: up by 3 sessions a year."),
    (PLAN, 1, "On a child protection plan now: yes."),
    (PLAN, 0, "On a child protection plan now: no."),
    (PLAN, None, "The record is blank on this: on a child protection plan now."),
    (info("whether born abroad", "yes or no", "declared"), 1, "Born abroad: yes."),
    (info("born before term", "yes or no", "mean"), 0.25, "Born before term: 25%."),
    (CARE_DAYS, 30, "In care: 30 days in the past year."),
    (CARE_DAYS, 1, "In care: 1 day in the past year."),
    (CARE_DAYS, 0, "No days in care in the past year."),
    (info("time in care in the past year", "days", "spell_days"), 0, "Time in care: no days in the past year."),
    (info("time in care in the past year", "days", "spell_days"), 9, "Time in care: 9 days in the past year."),
    (ABSENT, 0.124, "Share of school sessions missed: 12% in the past year."),
    (ABSENT, None, "The record cannot say this: share of school sessions missed in the past year."),
    (SDQ, 14, "Latest score for feelings and behaviour: 14 points."),
    (SDQ, 1, "Latest score for feelings and behaviour: 1 point."),
    (info("deprivation tenth of the home area", "number", "last"), 3, "Deprivation tenth of the home area: 3."),
    (info("area, on a scale from 1 (most deprived) to 10 (least deprived)", "number", "last"), 2, "Area, on a scale from 1 (most deprived) to 10 (least deprived): 2."),
    (TREND, 0.05, "Change in school absence in the past 3 years: up by 5% a year."),
    (TREND, -0.05, "Change in school absence in the past 3 years: down by 5% a year."),
    (TREND, 0.0, "Change in school absence in the past 3 years: about the same from year to year."),
    (info("change in the score", "points per year", "trend"), 1, "Change in the score: up by 1 point a year."),
    (info("change in the score", "points", "trend"), -2.5, "Change in the score: down by 2.5 points a year."),
    (info("", concept="exclusion from school"), 2, "Exclusion from school: 2."),
]  # fmt: skip


@pytest.mark.parametrize(("what", "value", "words"), CASES)
def test_sentence(what, value, words):
    assert sentence(what, value) == words


def test_the_float32_of_a_matrix_reads_like_the_number():
    import numpy as np

    assert (
        sentence(ABSENT, float(np.float32(0.1))) == "Share of school sessions missed: 10% in the past year."
    )
