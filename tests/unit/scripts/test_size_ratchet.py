from pathlib import Path

from scripts.size_ratchet import oversized


def function_of(lines: int) -> str:
    return "def walk():\n" + "    step()\n" * (lines - 1)


def test_a_function_at_the_limit_passes() -> None:
    assert oversized(Path("kiosk/door.py"), function_of(60)) == {}


def test_a_longer_function_is_named_with_its_size() -> None:
    assert oversized(Path("kiosk/door.py"), function_of(61)) == {"kiosk/door.py::walk": 61}


def test_a_long_file_is_named_whatever_its_language() -> None:
    assert oversized(Path("kiosk/ui/Door.qml"), "\n" * 501) == {"kiosk/ui/Door.qml": 501}


def test_tests_have_the_same_limit() -> None:
    assert oversized(Path("tests/test_door.py"), "\n" * 500) == {}
    assert oversized(Path("tests/test_door.py"), "\n" * 501) == {"tests/test_door.py": 501}
