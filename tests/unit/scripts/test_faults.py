"""The table of faults is read from pytest's report and put into the page."""

from pathlib import Path

import pytest

from scripts import faults

_REPORT = """<testsuites><testsuite>
<testcase name="test_b[postgresql]" time="12.4"><properties>
<property name="fault" value="Wrong clock"/><property name="case" value="postgresql-1970"/>
<property name="database" value="postgresql"/>
<property name="recorded" value="5"/><property name="in_register" value="4"/>
<property name="undecided" value="1"/><property name="lost" value="0"/>
</properties></testcase>
<testcase name="test_a[sqlite]" time="3"><failure message="no"/></testcase>
</testsuite></testsuites>"""


def test_table_has_a_row_for_each_case_also_for_one_that_failed(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(_REPORT)

    found = faults.table(faults.rows(report))

    assert "| Wrong clock: 1970 | PostgreSQL | 5 | 4 | 1 | 0 | 12 |" in found
    assert "| test_a[sqlite] (failed) | - | failed | - | - | - | 3 |" in found


def test_page_gets_the_table_with_date_and_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- faults -->\nold\n<!-- /faults -->\nafter\n")
    monkeypatch.setattr(faults, "PAGE", page)

    faults.write("| new |\n", day="27 November 2026", commit="abc1234")
    faults.write("| newer |\n", day="28 November 2026", commit="abc1235")

    assert page.read_text() == (
        "Before\n<!-- faults -->\nRun on 28 November 2026, commit abc1235.\n\n| newer |\n"
        "<!-- /faults -->\nafter\n"
    )


def test_page_of_this_repository_has_a_place_for_the_table() -> None:
    assert faults._TABLE.search(faults.PAGE.read_text(encoding="utf-8"))
