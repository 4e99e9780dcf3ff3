"""Write docs/settings.md from the settings classes: `python -m scripts.settings_docs`."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import kiosk.config
import models.service.config
import server.config
from models.store import ASSET_SETTING

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
Row = tuple[str, str, str]
Describe = Callable[[], Sequence[Row]]

_INTRODUCTION = """# Settings

Every process reads its settings once, at its start: from the environment, else from a TOML file,
else the default below. In the TOML file a setting has the name of its variable without the
prefix, in lower case; a name that does not exist there is refused. `--help` of each command prints
the same list.

This page is written by `python -m scripts.settings_docs`.
"""

_PROCESSES: tuple[tuple[str, str, str, Describe], ...] = (
    ("Server", "rollcall-server", server.config.CONFIG_VARIABLE, server.config.describe_settings),
    (
        "ML service",
        "rollcall-ml",
        models.service.config.CONFIG_VARIABLE,
        models.service.config.describe_settings,
    ),
    ("Kiosk", "rollcall-kiosk", kiosk.config.CONFIG_VARIABLE, kiosk.config.describe_settings),
)


def page() -> str:
    """The whole page, as it must stand in docs/settings.md."""
    sections = [
        f"## {title}: `{command}`\n\n"
        f"TOML file: `{variable}`, or `--config FILE`.\n\n"
        f"{_table(rows())}"
        for title, command, variable, rows in _PROCESSES
    ]
    assets = f"## ML service, kiosk, `rollcall-models`\n\n{_table([ASSET_SETTING])}"
    return "\n".join([_INTRODUCTION, *sections, assets])


def _table(rows: Sequence[Row]) -> str:
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {_cell(default)} | {_cell(text)} |" for name, default, text in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.name}\n")
