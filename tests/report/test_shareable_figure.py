import xml.etree.ElementTree as ET

from sample_summary import build_full_report, build_summary

from genoaudit.report.shareable_figure import shared_roc_figure


def test_the_figure_holds_the_points_of_the_summary_and_says_them():
    summary = build_summary(build_full_report())
    root = ET.fromstring(shared_roc_figure(summary))
    description = next(element.text for element in root if element.tag.endswith("desc"))
    assert len(summary.roc) == description.count("of the members at")
    assert root.get("role") == "img"
    assert shared_roc_figure(summary) == shared_roc_figure(summary)
