"""The enforcement lens: published stop-and-search records, and how unequally they look.

A search is never a feature and never an outcome. Nothing here is imported by the rooms that build or fit a model.
"""

from riskmodel.stop_search.headline import by_ethnicity
from riskmodel.stop_search.reading import Reading, ReadingReport, read_searches
from riskmodel.stop_search.report import measure

__all__ = ["Reading", "ReadingReport", "by_ethnicity", "measure", "read_searches"]
