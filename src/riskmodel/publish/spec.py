"""What a study may say about its card and its pages: the words that data cannot give."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CardSpec(BaseModel):
    """Words for the card and for a young person's page.

    Parameters
    ----------
    place : str
        What readers call the place, such as "the borough".
    past : str
        The outcome as something that happened: "came to harm from violence".
    participle : str
        The same after "would have": "come to harm from violence".
    meaning : str
        What the outcome counts and what it says nothing about, printed under the estimate; empty prints nothing.
    proxy_for : str
        What the outcome stands in for, and where the two part.
    front_door : str
        Who to call about a young person, as printed on every page; it must not need a score.
    support : str
        Which support would be offered, by whom, and for how many there is room.
    consulted : str
        Who was asked about the use of this model: young people, families, communities, workers; and what they said.
    complaints : str
        Where a young person or a family can object, complain, or ask why an offer was made.
    absent : tuple of str
        Who or what is missing from the data, one plain sentence each.
    limits : tuple of str
        Limits beyond those that hold for every study.
    questions : tuple of str
        Further decisions for the board.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: str = "the borough"
    past: str = "had the outcome"
    participle: str = "had the outcome"
    meaning: str = ""
    proxy_for: str = "No text says what this outcome stands in for. Ask before you rely on it."
    front_door: str = "Call children's social care in your council, by its own referral line."
    support: str = ""
    consulted: str = ""
    complaints: str = ""
    absent: tuple[str, ...] = Field(
        default=(
            "Young people who are not in the school census: at private schools, taught at home, or missing education.",
            "Young people who do not live in the borough, even if they go to school in it.",
            (
                "Violence that nobody recorded. Studies behind the Cardiff model of sharing data found that half or more "
                "of the violence treated in emergency departments was not known to the police."
            ),
            (
                "Most strengths. Records seldom say who a young person trusts, what they are good at, or who looks "
                "out for them. So the model sees more of what went wrong than of what goes well."
            ),
        )
    )
    limits: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
