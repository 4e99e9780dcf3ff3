"""Every Python child process starts with -P: its modules never come from the working folder."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("kiosk", "server", "models", "provisioning", "protocol")


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every list that holds "-m", as its texts, with its place."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.List | ast.Tuple):
                    words = [ast.unparse(one) for one in node.elts]
                    if "'-m'" in words:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", words


COMMANDS = dict(commands())


@pytest.mark.parametrize("place", COMMANDS)
def test_a_python_child_is_started_safely(place: str) -> None:
    words = COMMANDS[place]

    assert words[words.index("'-m'") - 1] == "'-P'"


def test_the_children_are_found() -> None:
    """Guards the search itself: finding none would prove nothing."""
    assert {place.split(":")[0] for place in COMMANDS} >= {
        "kiosk/vision/capture.py",
        "models/cli/index.py",
        "models/runtime/isolated.py",
    }
