"""Code lists for sex and ethnicity that several deliveries share, and their meaning for audits."""

from __future__ import annotations

# Number codes in SSDA903 and in the CIN census's GenderCurrent, letters in Sex and in the school census.
SEX = {
    "1": "Male",
    "2": "Female",
    "M": "Male",
    "F": "Female",
    "0": "Unknown",
    "9": "Unknown",
    "U": "Unknown",
}

# School census and social care codes to five groups. Chinese is Asian, as in the 2011 and 2021 censuses.
ETHNICITY = {
    **dict.fromkeys(("WBRI", "WIRI", "WIRT", "WROM", "WOTH"), "White"),
    **dict.fromkeys(("MWBC", "MWBA", "MWAS", "MOTH"), "Mixed"),
    **dict.fromkeys(("AIND", "APKN", "ABAN", "CHNE", "AOTH"), "Asian"),
    **dict.fromkeys(("BCRB", "BAFR", "BOTH"), "Black"),
    "OOTH": "Other",
    "REFU": "Unknown",
    "NOBT": "Unknown",
}
