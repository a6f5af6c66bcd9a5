"""What a person looks at: a self-contained HTML page, its figures as SVG, and a table for the terminal."""

from __future__ import annotations

from pipeline.report.collector import ReportCollector
from pipeline.report.figures import beat_svg, ecg_strip_svg, heart_rate_svg, overview_svg, score_svg
from pipeline.report.page import write_report
from pipeline.report.record import RecordReport, load_report, report_path, save_report
from pipeline.report.tables import summary_table

__all__ = [
    "RecordReport",
    "ReportCollector",
    "beat_svg",
    "ecg_strip_svg",
    "heart_rate_svg",
    "load_report",
    "overview_svg",
    "report_path",
    "save_report",
    "score_svg",
    "summary_table",
    "write_report",
]
