"""What came out of a suite, as a web page, Markdown and CSV: `write(results, folder)`."""

from harness.report.results import DatasetInfo, ModelInfo, ReportPicture, Results, StoreInfo
from harness.report.writer import write_report

__all__ = ["DatasetInfo", "ModelInfo", "ReportPicture", "Results", "StoreInfo", "write_report"]
