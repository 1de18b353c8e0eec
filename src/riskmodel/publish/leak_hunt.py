"""What the leak hunt found, in words for the board."""

from __future__ import annotations

import re
from collections.abc import Sequence

from riskmodel.publish.checks import Check
from riskmodel.tables.features import FeatureInfo
from riskmodel.validate.leaks import LeakReport

_QUESTION = {
    "single_feature": "Is one feature too good to be true?",
    "permuted_outcome": "With outcomes dealt out at random, does the method find nothing?",
    "shuffled_time": "Do features of the right date know what only later ones should?",
    "last_event": "Do last events crowd just before the date of the suggestion?",
    "early_outcomes": "Are the first outcomes far easier to tell than later ones?",
}
_WORD = re.compile(r"\w+")
_VERDICT = {
    "clear": "no sign of it",
    "suspect": "look at this",
    "insufficient": "too few to say",
    "not_applicable": "cannot be asked of these data",
}


def leak_check(report: LeakReport, infos: Sequence[FeatureInfo] = ()) -> Check:
    """Return the card's section about the leak hunt; its evidence holds no count of people.

    Parameters
    ----------
    report : LeakReport
    infos : sequence of FeatureInfo, optional
        Features are called by their descriptions.
    """
    names = {info.name: f"“{info.description}”" for info in infos}
    suspect = [one for one in report.checks if one.verdict == "suspect"]
    first = (
        "Something in this study looks too good to be true. Somebody must find out why before its results are believed."
        if suspect
        else "Nothing in this study looks too good to be true."
    )
    why = (
        "A model can look good because its features know the future, which they will not when it is used. These checks look for the signs. "
        "They see strong leaks, not every one."
    )
    rows = [
        (
            _QUESTION[one.name],
            _VERDICT[one.verdict],
            _WORD.sub(lambda word: names.get(word[0], word[0]), one.words),
        )
        for one in report.checks
    ]
    return Check(
        "leak_hunt", "Is it too good to be true?", (first, why), ("Question", "Answer", "Evidence"), rows
    )
