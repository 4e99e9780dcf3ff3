"""Every Python child process starts with -P: its modules never come from the working folder."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("kiosk", "server", "models", "provisioning", "protocol")


def commands() -> Iterator[tuple[str, list[ast.expr]]]:
    """Every list or tuple that begins with `sys.executable`, with its place."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.List | ast.Tuple) and _is_python(node.elts[:1]):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.elts


def _is_python(first: list[ast.expr]) -> bool:
    return [ast.unparse(one) for one in first] == ["sys.executable"]


COMMANDS = dict(commands())


@pytest.mark.parametrize("place", COMMANDS)
def test_a_python_child_is_started_safely(place: str) -> None:
    assert ast.unparse(COMMANDS[place][1]) == "'-P'"


def test_the_children_are_found() -> None:
    """Guards the search itself: finding none would prove nothing."""
    assert {place.split(":")[0] for place in COMMANDS} >= {
        "kiosk/vision/capture.py",
        "models/runtime/isolated.py",
    }
