"""What came out of a suite, as a web page, Markdown and CSV: `write(results, folder)`."""

from harness.report.results import DatasetInfo, ModelInfo, Picture, Results, Store
from harness.report.writer import write

__all__ = ["DatasetInfo", "ModelInfo", "Picture", "Results", "Store", "write"]
