"""Extracts to event log: reads, checks, links and accounts for every row it is given."""

from riskmodel.intake.csv_files import read_csv_files
from riskmodel.intake.events_folder import read_events
from riskmodel.intake.extracts import take_in
from riskmodel.intake.report import FileReport, Intake, IntakeReport
from riskmodel.intake.spec import CsvSpec, DelaySpec, EventsSpec, ExtractsSpec

__all__ = [
    "CsvSpec",
    "DelaySpec",
    "EventsSpec",
    "ExtractsSpec",
    "FileReport",
    "Intake",
    "IntakeReport",
    "read_csv_files",
    "read_events",
    "take_in",
]
