"""Audited attributes and their groups as a reader says them."""

from __future__ import annotations

from riskmodel.audit.groups import TOGETHER

ATTRIBUTES = {
    "age_band": "age",
    "sen": "special educational needs",
    "care": "being looked after",
    "deprivation_fifth": "area deprivation",
}
NOTES = {
    "sen": (
        "An EHCP is an education, health and care plan: a legal plan for a child who needs more help than a school can "
        "usually give. SEN support is help that the school gives without such a plan."
    ),
    "care": "Looked after: in the care of the council, such as with a foster family or in a children's home.",
    "deprivation_fifth": "The neighbourhoods of England in five equal parts, from the most to the least deprived.",
}
_GROUPS = {
    ("sen", "EHCP"): "education, health and care plan (EHCP)",
    ("sen", "SEN support"): "SEN support in school",
    ("sen", "No SEN"): "no special educational needs",
    ("deprivation_fifth", "1 most deprived"): "most deprived fifth",
    ("deprivation_fifth", "2"): "second most deprived fifth",
    ("deprivation_fifth", "3"): "middle fifth",
    ("deprivation_fifth", "4"): "second least deprived fifth",
    ("deprivation_fifth", "5 least deprived"): "least deprived fifth",
}
_UNKNOWN = "Unknown"


def attribute_words(attribute: str) -> str:
    """Return an attribute in words: "age", "ethnicity and sex"."""
    return " and ".join(ATTRIBUTES.get(one, one.replace("_", " ")) for one in attribute.split(TOGETHER))


def group_words(attribute: str, group: str) -> str:
    """Return a group in words: "Black, male"; one that nobody recorded is "not known"."""
    names, values = attribute.split(TOGETHER), group.split(TOGETHER)
    if len(names) != len(values):
        return group
    together = len(names) > 1
    words = [_one(name, value, named=together) for name, value in zip(names, values, strict=True)]
    return ", ".join([words[0], *(word.lower() for word in words[1:])])


def _one(attribute: str, value: str, *, named: bool) -> str:
    if value == _UNKNOWN:
        return f"{attribute_words(attribute)} not known" if named else "not known"
    return _GROUPS.get((attribute, value), value)
