import math
import re

from hypothesis import given
from hypothesis import strategies as st

from riskmodel.explain.sentences import sentence
from riskmodel.tables.features import FeatureInfo

AGGREGATIONS = [
    "count", "any", "distinct", "days_since_last", "days_since_first", "sum", "mean", "max", "min", "last", "trend",
    "spell_days", "in_spell", "ratio", "declared",
]  # fmt: skip
UNITS = ["times", "days", "share", "points", "yes or no", "sessions", "points per year", "number", "tenths"]
PHRASES = [
    "times suspended from school in the past year",
    "days in care in the past 3 years",
    "days since the last emergency visit after an assault",
    "number of schools attended",
    "visits to emergency care ever",
    "whether a plan is in place now",
    "share of school sessions missed in the past 90 days",
    "latest score for feelings, from carers",
    "area, on a scale from 1 (most deprived) to 10 (least deprived)",
    "whether every missed school session had permission in the past year",
]
VALUES = st.one_of(
    st.none(), st.just(float("nan")), st.integers(-5, 4000), st.floats(-50, 50), st.floats(0, 1)
)


@given(st.sampled_from(AGGREGATIONS), st.sampled_from(UNITS), st.sampled_from(PHRASES), VALUES)
def test_every_pair_of_aggregation_and_unit_reads_as_one_sentence(aggregation, unit, phrase, value):
    info = FeatureInfo("a__b__c", phrase, "a concept", "EDU", unit, 1, aggregation, "365d", ())
    text = sentence(info, value)
    assert re.fullmatch(r"[A-Z][^\n]*\.", text)
    assert text.count(". ") == 0
    assert "  " not in text
    assert " ." not in text
    assert not re.search(r"\bnan\b|None|_|\binf\b|-0(?![.\d])", text)
    assert not re.search(r"(?<![\d.,])1 (times|days|points|sessions|tenths)\b", text)
    assert not re.search(r"(?<![\d.,])[02-9]\d* (day|point|session)\b(?! plan)", text)
    if value is None or math.isnan(value):
        assert text.startswith("The record ")
    else:
        assert not text.startswith("The record ")


@given(st.sampled_from(AGGREGATIONS), st.sampled_from(UNITS), st.text(min_size=0, max_size=60), VALUES)
def test_no_description_can_break_a_sentence(aggregation, unit, phrase, value):
    info = FeatureInfo("a__b__c", phrase, "a concept", "EDU", unit, 1, aggregation, "365d", ())
    text = sentence(info, value)
    assert text.endswith(".")
    assert "\n" not in text
