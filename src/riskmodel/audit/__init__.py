"""Fairness by group, label choice, proxies and privacy."""

from riskmodel.audit.fairness import audit_fairness
from riskmodel.audit.group_calibration import GroupCalibration, calibration_by_group
from riskmodel.audit.label_choice import LabelChoiceReport, label_choice
from riskmodel.audit.limit import FairnessLimit
from riskmodel.audit.no_support import Followed, NoSupportReport, audit_no_support
from riskmodel.audit.privacy import PrivacyReport, Structure, privacy
from riskmodel.audit.proxies import ProxyReport, proxies
from riskmodel.audit.records import RecordsReport, audit_records
from riskmodel.audit.report import FairnessReport

__all__ = [
    "FairnessLimit",
    "FairnessReport",
    "Followed",
    "GroupCalibration",
    "LabelChoiceReport",
    "NoSupportReport",
    "PrivacyReport",
    "ProxyReport",
    "RecordsReport",
    "Structure",
    "audit_fairness",
    "audit_no_support",
    "audit_records",
    "calibration_by_group",
    "label_choice",
    "privacy",
    "proxies",
]
