"""What the demo shows at its end: the register as a table, and pictures of what people saw."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from scripts.demo.processes import DemoError
from scripts.demo.school import AdminClient
from scripts.demo.story import local_time


def register_table(register: Mapping[str, Any]) -> str:
    """The register as plain text, one person a line."""
    head = ("number", "name", "status", "first seen", "method")
    rows = [
        (
            row["student_number"],
            row["display_name"],
            row["status"],
            local_time(row["first_seen_at"]),
            row["method"] or "",
        )
        for row in register["rows"]
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in [head, tuple("-" * width for width in widths), *rows]
    ]
    return "\n".join(line.rstrip() for line in lines)


def present_numbers(register: Mapping[str, Any]) -> set[str]:
    """Student numbers of everybody the register holds present or late."""
    return {
        row["student_number"] for row in register["rows"] if row["status"] in {"present", "late"}
    }


def photograph_pages(
    base_url: str, client: AdminClient, paths: Mapping[str, str], to: Path
) -> None:
    """Save PNGs of server pages: `paths` maps a file stem to a URL path.

    Raises:
        DemoError: a page is not there.
    """
    chromium = shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.add_cookies(client.cookies)  # type: ignore[arg-type]
        page = context.new_page()
        for stem, path in paths.items():
            answer = page.goto(base_url + path)
            if answer is None or not answer.ok:
                raise DemoError(f"the server does not show {path}")
            page.screenshot(path=to / f"{stem}.png")
        browser.close()
