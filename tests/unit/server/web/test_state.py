"""The services: each dependency gives the service whose type it promises, and none goes around."""

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from server.web import state

ROOT = Path(state.__file__).parents[1]
#: Those that make and read the one attribute of the application.
KEEPERS = {"app.py", "db/dependencies.py", "web/state.py"}
TYPES = get_type_hints(state.Services)
DEPENDENCIES = {
    name: value for name, value in vars(state).items() if name.endswith("Dep") and get_args(value)
}


@pytest.mark.parametrize("name", sorted(set(DEPENDENCIES) - {"ServicesDep"}))
def test_dependency_promises_the_type_of_its_service(name: str) -> None:
    promised, depends = get_args(DEPENDENCIES[name])
    assert TYPES[depends.dependency.__name__] == promised


def test_no_service_has_the_type_of_anything() -> None:
    assert [name for name, one in TYPES.items() if one in (Any, object)] == []


def test_the_application_is_asked_for_its_services_only() -> None:
    around = [
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if "app.state" in path.read_text()
    ]
    assert set(around) == KEEPERS


def test_scripts_reach_services_by_their_names() -> None:
    """`app.state` has any attribute for the type checker, so a wrong one fails only when run."""
    scripts = Path(__file__).parents[4] / "scripts"
    other = re.compile(r"app\.state\.(?!services\b)")
    assert [path.name for path in scripts.rglob("*.py") if other.search(path.read_text())] == []
