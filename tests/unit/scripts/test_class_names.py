from pathlib import Path

from scripts.class_names import problems, shared_names

KIOSK, SERVER = Path("kiosk/marks.py"), Path("server/register.py")


def test_a_name_in_two_files_is_named_with_both() -> None:
    shared = shared_names({KIOSK: "class Mark: ...\n", SERVER: "class Mark: ...\n"})
    assert problems(shared, {}) == ["class Mark is defined in kiosk/marks.py, server/register.py"]


def test_names_of_one_file_each_pass() -> None:
    shared = shared_names({KIOSK: "class Mark: ...\n", SERVER: "class Judgement: ...\n"})
    assert problems(shared, {}) == []


def test_a_listed_name_passes_until_it_is_no_longer_shared() -> None:
    listed = {"Mark": "the same thing in two processes"}
    shared = shared_names({KIOSK: "class Mark: ...\n", SERVER: "class Mark: ...\n"})
    assert problems(shared, listed) == []
    assert problems({}, listed) == ["class Mark is listed, but no longer shared"]


def test_no_more_than_six_names_may_be_listed() -> None:
    listed = {f"Name{number}": "a reason" for number in range(7)}
    shared = {name: [KIOSK, SERVER] for name in listed}
    assert problems(shared, listed) == ["7 names are listed where 6 is the most"]
