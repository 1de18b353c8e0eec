"""A simulated borough whose truth is known, written in the layouts that agencies really use.

Deprivation, adversity at home and standing dispositions lead to contacts with services, to susceptibility and, by
age, to harm and violence; a recording layer decides what each agency gets to know of it. See `equations` for what
leads to what, `recording` for what is seen, and `hazard` for the truth that a model may be compared with.
"""

from __future__ import annotations

from riskmodel.simulate.borough import simulate
from riskmodel.simulate.district import SimulateReport
from riskmodel.simulate.spec import SimulateSpec

__all__ = ["SimulateReport", "SimulateSpec", "simulate"]
