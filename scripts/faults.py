"""Run the slow faults of tests/faults, print their table, and put it into docs/reliability.md.

    .venv/bin/python -m scripts.faults [pytest's own options, such as -k sqlite]

Each fault runs with a real server, broker and kiosk. The page is written when every fault ran;
with options that choose some of them the table is only printed. Exits with pytest's status.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET  # written by pytest, on this machine

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reliability.md"
_TABLE = re.compile(r"(<!-- faults -->\n).*?(<!-- /faults -->)", re.DOTALL)
_HEAD = (
    "| fault | database | events recorded | in the register | undecided | lost | seconds |\n"
    "|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Row:
    """One fault on one database.

    Attributes:
        fault: in words.
        database: sqlite or postgresql.
        counts: events recorded, in the register, undecided and lost; empty where it never got so
            far.
        seconds: how long the case took, with its processes.
        result: passed or failed.
    """

    fault: str
    database: str
    counts: tuple[str, ...]
    seconds: str
    result: str

    def line(self) -> str:
        """The row in Markdown."""
        counts = self.counts or ("failed", "-", "-", "-")
        mark = "" if self.result == "passed" else f" ({self.result})"
        cells = (self.fault + mark, _DATABASES[self.database], *counts, self.seconds)
        return "| " + " | ".join(cells) + " |"


_DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "": "-"}
_COUNTS = ("recorded", "in_register", "undecided", "lost")


def rows(report: Path) -> list[Row]:
    """Read pytest's JUnit report."""
    cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - written by pytest here
    return [_row(case) for case in cases]


def _row(case: ET.Element) -> Row:
    noted = {one.get("name") or "": one.get("value") or "" for one in case.iter("property")}
    is_failed = case.find("failure") is not None or case.find("error") is not None
    result = "failed" if is_failed else "skipped" if case.find("skipped") is not None else "passed"
    words = [one for one in noted.get("case", "").split("-") if one not in _DATABASES]
    fault = noted.get("fault") or case.get("name") or ""
    return Row(
        fault=": ".join([fault, *words]),
        database=noted.get("database", ""),
        counts=tuple(noted[name] for name in _COUNTS if name in noted),
        seconds=f"{float(case.get('time', '0')):.0f}",
        result=result,
    )


def table(found: Iterable[Row]) -> str:
    """Return the table in Markdown."""
    ordered = sorted(found, key=lambda row: (row.fault, row.database))
    return _HEAD + "".join(f"{row.line()}\n" for row in ordered)


def write(found: str, *, day: str, commit: str) -> None:
    """Put the table into the page, with its date and commit."""
    text = PAGE.read_text(encoding="utf-8")
    block = f"Run on {day}, commit {commit}.\n\n{found}"
    PAGE.write_text(_TABLE.sub(lambda match: match[1] + block + match[2], text), encoding="utf-8")


def main(options: Sequence[str]) -> int:
    """Run, print and write."""
    with tempfile.TemporaryDirectory(prefix="rollcall-faults-") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "tests/faults", "-m", "slow_fault", "-q"]
        # The other family knows no properties of a case.
        command += ["-o", "junit_family=xunit1"]
        ended = subprocess.run([*command, f"--junitxml={report}", *options], cwd=ROOT, check=False)
        found = table(rows(report))
    sys.stdout.write(found)
    if not options:
        say = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(say, cwd=ROOT, capture_output=True, text=True, check=True)
        write(found, day=f"{datetime.now(UTC):%-d %B %Y}", commit=commit.stdout.strip())
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
