"""A technician moves a kiosk to another room of a real server."""

import pytest

from tests.integration.provisioning.conftest import Device, School

pytestmark = pytest.mark.integration


def test_a_kiosk_moves_to_another_room(school: School, capsys: pytest.CaptureFixture[str]) -> None:
    school.claim(name="Moving")
    assert school.move(name="Moving") == 0
    assert "moved 'Moving' from room 'R12' to 'R14'\n" in capsys.readouterr().out
    assert school.kiosk("Moving")["room_name"] == "R14"


def test_a_claimed_kiosk_moves_with_its_claim(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    school.claim(name="Claimed")
    code = capsys.readouterr().out.strip().removeprefix("claim code: ")
    Device(school.url).claim(code)
    assert school.move(name="Claimed") == 0
    kiosk = school.kiosk("Claimed")
    assert kiosk["state"] == "claimed"
    newest, before = kiosk["placements"]
    assert newest["room_id"] == kiosk["room_id"]
    assert newest["until_at"] is None
    assert before["until_at"] == newest["from_at"]


def test_a_second_move_to_the_same_room_changes_nothing(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    school.claim(name="Twice")
    school.move(name="Twice")
    capsys.readouterr()
    assert school.move(name="Twice") == 0
    assert capsys.readouterr().out == "'Twice' is in room 'R14' already\n"


def test_a_revoked_kiosk_can_be_moved_and_then_claimed_in_its_new_room(school: School) -> None:
    school.claim(name="Revoked")
    school.admin.post(f"/kiosks/{school.kiosk('Revoked')['id']}/revoke", {})
    assert school.move(name="Revoked") == 0
    assert school.claim(name="Revoked", room="R14") == 0


def test_a_dry_run_says_what_would_move_and_moves_nothing(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    school.claim(name="Dry")
    capsys.readouterr()
    assert school.move("--dry-run", name="Dry") == 0
    assert capsys.readouterr().out == "would move 'Dry' from room 'R12' to 'R14'\n"
    assert school.kiosk("Dry")["room_name"] == "R12"


@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["for real", "dry run"])
def test_an_unknown_kiosk_is_one_plain_sentence(
    more: list[str], school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    assert school.move(*more, name="Nowhere") == 1
    error = capsys.readouterr().err
    assert "there is no kiosk 'Nowhere' on the server" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["for real", "dry run"])
def test_an_unknown_room_is_answered_with_the_rooms_of_the_server(
    more: list[str], school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    school.claim(name="Roomless")
    assert school.move(*more, name="Roomless", room="R99") == 1
    error = capsys.readouterr().err
    assert "no room 'R99' on the server; it has: R12, R14" in error
    assert error.count("\n") == 1
    assert school.kiosk("Roomless")["room_name"] == "R12"
