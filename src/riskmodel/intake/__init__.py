"""Extracts to event log: reads, checks, links and accounts for every row it is given."""

from riskmodel.intake.csv_files import read_csv_files
from riskmodel.intake.deliveries import BroughtIn, Delivery, bring_in, shards_of
from riskmodel.intake.events_folder import read_events
from riskmodel.intake.extracts import take_in
from riskmodel.intake.report import FileReport, Intake, IntakeReport
from riskmodel.intake.spec import CsvSpec, DelaySpec, EventsSpec, ExtractsSpec

__all__ = [
    "BroughtIn",
    "CsvSpec",
    "DelaySpec",
    "Delivery",
    "EventsSpec",
    "ExtractsSpec",
    "FileReport",
    "Intake",
    "IntakeReport",
    "bring_in",
    "read_csv_files",
    "read_events",
    "shards_of",
    "take_in",
]
