"""Thirty kiosks from one file, against a real server."""

import json
import re
import stat
from pathlib import Path

import pytest

from provisioning.cli import main
from tests.integration.provisioning.conftest import Device, School

pytestmark = pytest.mark.integration


def fleet(school: School, part: str, *more: str) -> int:
    account = ["--username", "admin", "--password-file", str(school.password_file)]
    return main(["fleet", part, *more, "--server", school.url, *account])


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    path = tmp_path / "kiosks.csv"
    rows = [f"{tmp_path.name} {number},R{12 + 2 * (number % 2)}" for number in range(30)]
    path.write_text("\n".join(["name,room", *rows]))
    return path


def test_a_second_run_changes_nothing_and_codes_of_the_first_still_claim(
    school: School, listing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "codes.html"
    assert fleet(school, "claim", str(listing), "--sheet", str(page), "--json") == 0
    first = json.loads(capsys.readouterr().out)
    before = school.admin.get("/kiosks")
    assert fleet(school, "claim", str(listing), "--json") == 0
    second = json.loads(capsys.readouterr().out)

    assert {row["result"] for row in first["rows"]} == {"add"}
    assert {row["result"] for row in second["rows"]} == {"nothing to do"}
    assert school.admin.get("/kiosks") == before
    codes = [row["claim_code"] for row in first["rows"]]
    text = page.read_text()
    assert len(set(codes)) == text.count("<svg") == 30
    assert all(code in text for code in codes)
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    claimed = Device(school.url).claim(codes[0])
    assert claimed.name == first["rows"][0]["name"]


def test_a_row_that_fails_leaves_the_others_done(
    school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, name = tmp_path / "kiosks.csv", tmp_path.name
    path.write_text(f"name,room\n{name} a,R12\n{name} b,R99\n,R14\n{name} c,R14\n")
    assert fleet(school, "claim", str(path)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{name} a, room R12: added: claim code [0-9A-Z]{{8}}", lines[0])
    assert lines[1].startswith(f"{name} b, room R99: failed: there is no room 'R99'")
    assert lines[2] == "(no name), room R14: failed: the name is missing"
    assert lines[3].startswith(f"{name} c, room R14: added")
    assert lines[4] == "4 rows, 2 failed"


def test_a_dry_run_adds_nothing(
    school: School, listing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = school.admin.get("/kiosks")
    assert fleet(school, "claim", str(listing), "--dry-run") == 0
    assert capsys.readouterr().out.count("would be added") == 30
    assert school.admin.get("/kiosks") == before


def test_the_sheet_has_new_codes_for_kiosks_that_wait(
    school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, page = tmp_path.name, tmp_path / "sheet.html"
    school.claim(name=f"{name} waiting")
    old = capsys.readouterr().out.strip().removeprefix("claim code: ")
    assert fleet(school, "sheet", "--out", str(page), "--dry-run") == 0
    assert f"{name} waiting, room R12: would get a new code" in capsys.readouterr().out
    assert not page.exists()
    school.claim(name=f"{name} claimed", room="R14")
    Device(school.url).claim(capsys.readouterr().out.strip().removeprefix("claim code: "))
    assert fleet(school, "sheet", "--out", str(page)) == 0

    text = page.read_text()
    assert f"{name} waiting" in text
    assert f"{name} claimed" not in text
    assert old not in text
    capsys.readouterr()
    assert fleet(school, "list", "--json") == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)["kiosks"]}
    assert (listed[f"{name} waiting"]["state"], listed[f"{name} claimed"]["room"]) == ("new", "R14")


def test_a_sheet_that_cannot_be_written_spends_no_codes(
    school: School, listing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = school.admin.get("/kiosks")
    assert fleet(school, "claim", str(listing), "--sheet", "/dev/null") == 1
    assert "/dev/null is not a regular file" in capsys.readouterr().err
    assert school.admin.get("/kiosks") == before
