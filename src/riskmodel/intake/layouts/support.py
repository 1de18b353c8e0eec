"""Offers of early support: who referred, what was offered, and whether it was taken up."""

from __future__ import annotations

from riskmodel.intake.layout import EventRule, Layout, Link, Point, Source, code, day, in_order, key, yes_no
from riskmodel.intake.spec import DelaySpec

REFERRERS = "SCHOOL CSC YJ HEALTH FAMILY OTHER"
KINDS = "MENTOR OUTREACH PARENTING IDVA CAMHS EMPLOYMENT"

OFFERS = Layout(
    name="support_offers",
    pattern=r"support/offers\.csv",
    fields=(
        key("person_key"),
        day("referral_date"),
        code("referrer", REFERRERS),
        code("offer", KINDS, required=False),
        day("offered_date", required=False),
        yes_no("taken_up", required=False),
        day("recorded_date"),
    ),
    link=Link(agency="SUPPORT", key="person_key"),
    rules=(
        in_order("referral_date", "offered_date"),
        in_order("referral_date", "recorded_date"),
        in_order("offered_date", "recorded_date"),
    ),
    unique=(("person_key", "referral_date", "referrer", "offer", "offered_date"),),
    tells=("SUPPORT//",),
    happened="referral_date",
)


def _events(_delays: DelaySpec) -> tuple[EventRule, ...]:
    offered = "offered_date IS NOT NULL AND offer IS NOT NULL"
    return (
        Point(OFFERS.name, "'SUPPORT//REFERRED//' || referrer", "referral_date", "recorded_date", "recorded"),
        Point(
            OFFERS.name,
            "'SUPPORT//OFFERED//' || offer",
            "offered_date",
            "recorded_date",
            "recorded",
            where=offered,
        ),
        Point(
            OFFERS.name,
            "'SUPPORT//TAKEN_UP//' || offer",
            "offered_date",
            "recorded_date",
            "recorded",
            where=f"{offered} AND taken_up",
        ),
    )


SOURCE = Source("SUPPORT", (OFFERS,), events=_events)
