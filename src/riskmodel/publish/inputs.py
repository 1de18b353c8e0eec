"""What the model is told about a young person, in words for the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.policy import BARRED
from riskmodel.tables.features import FeatureInfo

Json = Mapping[str, Any]

_VICTIM = "POLICE//VICTIM"


def feature_facts(infos: Sequence[FeatureInfo]) -> dict[str, int]:
    """Return counts of features: all, those of ethnicity, police-recorded, of them as a victim, enforcement-made."""
    ethnicity = next(rule.pattern for rule in BARRED if rule.name == "ethnicity")
    return {
        "features": len(infos),
        "ethnicity": sum(
            any(ethnicity.search(text) for text in (info.name.replace("__", " "), *info.codes))
            for info in infos
        ),
        "police_recorded": sum(info.police_recorded for info in infos),
        "police_victim": sum(
            info.police_recorded and all(code.startswith(_VICTIM) for code in info.codes) for info in infos
        ),
        "enforcement_made": sum(info.enforcement_made for info in infos),
    }


def input_sentences(facts: Json) -> list[str]:
    """Return what the counts of ``feature_facts`` mean, one plain sentence each; none where nothing was counted."""
    if not facts:
        return []
    other = facts["police_recorded"] - facts["police_victim"]
    return [
        f"{_facts(facts['features'], 'in all')} The model may use any of them.",
        _ethnicity(facts["ethnicity"]),
        (
            f"Police records of the young person as a victim: {facts['police_victim']}. Other facts that a police record may "
            f"have set off, such as a referral to children's social care by any service, the police among them: {other}."
        ),
        (
            "Made by enforcement (stops, arrests, being named as a suspect, charges, convictions): "
            + ("none. Enforcement shows whom the police look at as well as what people do."
               if facts["enforcement_made"] == 0 else f"{facts['enforcement_made']}.")
        ),
    ]  # fmt: skip


def _facts(count: int, where: str) -> str:
    return f"Facts worked out from the records of each young person, {where}: {count}."


def _ethnicity(count: int) -> str:
    if count:
        return f"Ethnicity is among what it is told: {count}."
    return (
        "Ethnicity: never. It is used only to check the model. Other records can still stand in for it; see “Does the "
        "record give away the group?”."
    )
