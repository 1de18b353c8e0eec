"""Referrals for support, what was offered and whether it was taken up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmodel.simulate.clock import ISO, NOT_YET, DayText, IntArray
from riskmodel.simulate.equations import SUPPORT_AFTER
from riskmodel.simulate.extracts.press import TWICE, KeyRing, Press, named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmodel.simulate.recording import Scene

_REFERRERS = ("SCHOOL", "CSC", "YJ", "HEALTH", "FAMILY", "OTHER")
_OFFERS = ("MENTOR", "OUTREACH", "PARENTING", "IDVA", "CAMHS", "EMPLOYMENT")
# Who refers, and what is offered, after each kind of event (assumed).
_WHO = {
    "violence": (0.35, 0.10, 0.35, 0.05, 0.10, 0.05),
    "harm": (0.15, 0.10, 0.05, 0.50, 0.15, 0.05),
    "suspension": (0.80, 0.05, 0.00, 0.00, 0.10, 0.05),
    "referral": (0.05, 0.80, 0.00, 0.05, 0.05, 0.05),
    "missing": (0.10, 0.60, 0.10, 0.00, 0.10, 0.10),
}
_WHAT = {
    "violence": (0.45, 0.25, 0.10, 0.02, 0.08, 0.10),
    "harm": (0.30, 0.20, 0.05, 0.15, 0.25, 0.05),
    "suspension": (0.60, 0.15, 0.10, 0.00, 0.10, 0.05),
    "referral": (0.15, 0.05, 0.45, 0.20, 0.15, 0.00),
    "missing": (0.30, 0.40, 0.10, 0.05, 0.10, 0.05),
}
_FAULTS = (("referral_date", "2020-02-30"), ("offer", "BOOTCAMP"), ("person_key", "S99999999"), TWICE)


def write_support(scene: Scene, keys: KeyRing, press: Press, rng: np.random.Generator) -> None:
    """Write ``support/offers.csv``. ``offered_date`` is blank when nothing was offered yet."""
    support = scene.lives.support
    recorded = scene.known(support.day, "SUPPORT", rng)
    offered = np.where(support.offered, support.day + 3 + rng.integers(0, 25, len(support.day)), NOT_YET)
    offered = np.where(offered <= scene.window.last_day, offered, NOT_YET)
    # The row is written again when an offer is made, so it is known after both.
    recorded = np.where(offered < NOT_YET, np.maximum(recorded, offered + 1), recorded).astype(np.int32)
    here = scene.window.covers(support.day) & scene.borough.people.here(support.person, support.day)
    order = np.lexsort((support.person, recorded))
    order = order[(here & scene.in_time(recorded))[order]]
    cause = support.cause[order]
    text = DayText(ISO)
    columns = {
        "person_key": keys.of("SUPPORT", support.person[order]),
        "referral_date": text.of(support.day[order]),
        "referrer": named(_REFERRERS, _draw(_WHO, cause, rng)),
        "offer": named(_OFFERS, _draw(_WHAT, cause, rng)),
        "offered_date": text.of(offered[order]),
        "taken_up": (support.taken_up & (offered < NOT_YET))[order].astype(np.int8),
        "recorded_date": text.of(recorded[order]),
    }
    press.write("support/offers.csv", columns, _FAULTS)


def _draw(weights: Mapping[str, tuple[float, ...]], cause: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw a choice for each row by the weights of its cause."""
    reach = np.cumsum([weights[name] for name in SUPPORT_AFTER], axis=1)
    drawn: IntArray = (rng.random(len(cause))[:, None] >= reach[cause, :-1]).sum(axis=1)
    return drawn
