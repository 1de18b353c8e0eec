"""For each reason why a row was set aside: what kind of fault it is, and how to fix it in a sentence or two."""

from __future__ import annotations

import re
from dataclasses import dataclass

from riskmodel.intake.judging import REPEATED, UNLINKED


@dataclass(frozen=True)
class Repair:
    """Reasons that ``pattern`` fits are faults of one ``kind``, fixed in one way."""

    pattern: str
    kind: str
    words: str


# The first that fits speaks.
REPAIRS: tuple[Repair, ...] = (
    Repair(
        re.escape(UNLINKED),
        "key is not in the spine",
        "Send these keys to the linking party: the spine may be older than the file, or a key was typed wrongly. "
        "What does not link is lost for these young people, and for some groups more often than for others.",
    ),
    Repair(
        re.escape(REPEATED),
        "repeats another row",
        "Nothing is lost: the first of the equal rows was kept. Ask the sender to export each record once.",
    ),
    Repair(
        r"(no accepted row of .*|its \w+ element was set aside)",
        "follows a row that was set aside",
        "Look first at why the young person's own row in the same delivery was set aside: these rows follow it.",
    ),
    Repair(
        r"the plan does not start within an accepted CIN episode of the child",
        "plan without its episode",
        "Ask for the episode that the plan belongs to: it is missing, or was set aside in the same file.",
    ),
    Repair(
        r"(no value in .*|only one of .* and .* has a value)",
        "value is missing",
        "Ask the sender to fill in this field, or to say why it is empty.",
    ),
    Repair(
        r".* is not a date as this layout writes it",
        "date cannot be read",
        "Ask for dates as the layout writes them. The quarantine file shows what was written: words, day and month "
        "swapped, or a day that does not exist.",
    ),
    Repair(
        r".* is not (a known code|a code of this year's return)",
        "code is not on the list",
        "Compare with the code list of that year. A new code is a change to the layout in this package; a typing "
        "error is for the sender.",
    ),
    Repair(
        r".* is not (a number from .*|a whole number|yes or no)",
        "value cannot be",
        "Ask the sender to check the value: it cannot be read, or is outside what can be.",
    ),
    Repair(
        r".* is (before 1900|after the extract date)",
        "date cannot be",
        "A date before 1900 is a filler: ask for the real one. For dates after the extract date, first check the "
        "extract date in manifest.json.",
    ),
    Repair(
        r"happened before the month in which the person was born",
        "before the person was born",
        "Ask the sender for the right date. If there are many, the spine may lead these keys to the wrong people.",
    ),
    Repair(
        r".* is before .*",
        "dates are in the wrong order",
        "Ask the sender which of the two dates is wrong: nothing can end, or be written down, before it begins.",
    ),
    Repair(
        r"one key of an agency is given to two people",
        "key belongs to two people",
        "Ask the linking party for a new spine: a key must lead to one person.",
    ),
)
_OTHER = Repair("", "other reasons", "Look at these rows in the quarantine file and ask the sender.")


def repair(reason: str) -> Repair:
    """Return what kind of fault a reason is, and how to fix it."""
    return next((one for one in REPAIRS if re.fullmatch(one.pattern, reason)), _OTHER)
