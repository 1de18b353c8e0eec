from typing import get_args

import pytest

from riskmodel.disclosure import Disclosure
from riskmodel.publish.division import division_check
from riskmodel.validate.spec import Design, SplitSpec

WHY = "the file holds no dates"


def words(design="temporal", *, reason=None, set_aside=0, readings=None):
    spec = SplitSpec(design=design, reason=reason)
    return " ".join(division_check(spec, Disclosure(), set_aside=set_aside, readings=readings).sentences)


@pytest.mark.parametrize("design", get_args(Design))
def test_every_design_has_words(design):
    assert len(words(design)) > 40


def test_a_random_split_says_so_and_why():
    said = words("cross_validation", reason=WHY)
    assert "at random" in said
    assert WHY in said
    assert WHY not in words("temporal", reason=WHY)


def test_who_was_set_aside_is_rounded_or_hidden():
    assert "About 25 rows" in words("declared", set_aside=23)
    assert "A few rows" in words("declared", set_aside=3)
    assert "rows were not learned" not in words("declared")


def test_peeking_shows():
    assert "first study" in words(readings=1)
    assert "3 different studies" in words(readings=3)
    assert "looked" not in words()
