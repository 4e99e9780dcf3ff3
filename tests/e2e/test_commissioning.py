"""The acceptance test by command: a running kiosk, its real server and broker, and the report."""

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.kiosk.real_school import RealSchool, real_school
from tests.support.processes import BIN, Process
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300), pytest.mark.usefixtures("assets")]

wait_for = partial(wait_until, timeout_s=90)
SKIPPED = ("print_attack", "screen_attack")


@pytest.fixture
def school(tmp_path: Path) -> Iterator[RealSchool]:
    with real_school(tmp_path, students=1) as running:
        yield running


@pytest.fixture
def kiosk(tmp_path: Path, school: RealSchool, shared_faces: Path) -> Iterator[Process]:
    """A kiosk that claims itself and sees a person on film, over and over."""
    film = shared_faces / "clips" / "school.mkv"
    env = {
        "ROLLCALL_KIOSK_DATA_DIR": str(tmp_path / "kiosk"),
        "ROLLCALL_KIOSK_SERVER_URL": school.url,
        "ROLLCALL_KIOSK_CLAIM_CODE": school.claim_code,
        "ROLLCALL_KIOSK_CAMERA": f"replay:{film}",
        "ROLLCALL_KIOSK_REPLAY_LOOP": "true",
        "ROLLCALL_KIOSK_HEADLESS": "true",
        "ROLLCALL_KIOSK_FULLSCREEN": "false",
        "ROLLCALL_KIOSK_SYNC_INTERVAL_S": "1",
        "ROLLCALL_KIOSK_STATUS_INTERVAL_S": "1",
    }
    process = Process([str(BIN / "rollcall-kiosk")], tmp_path / "kiosk.log", env)
    process.start(lambda: "The door is open" in process.log)
    yield process
    process.stop()
    process.kill()


def commission(folder: Path) -> tuple[int, Any]:
    """Run the command as a technician does; returns its status and what it told."""
    settings = folder / "kiosk.toml"
    settings.write_text(f'data_dir = "{folder / "kiosk"}"\n', encoding="utf-8")
    skips = [word for step in SKIPPED for word in ("--skip", f"{step}=not_at_hand")]
    done = subprocess.run(
        [str(BIN / "rollcall-provision"), "commission", "--file", str(settings), "--json", *skips],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    return done.returncode, json.loads(done.stdout)


def test_report_of_a_running_kiosk_is_on_the_server(
    tmp_path: Path, school: RealSchool, kiosk: Process
) -> None:
    status, told = commission(tmp_path)

    assert told["delivery"] == "delivered", kiosk.log[-3000:]
    outcomes = {one["name"]: one["outcome"] for one in told["steps"]}
    assert {name for name, outcome in outcomes.items() if outcome == "skipped"} >= set(SKIPPED)
    for name in ("light", "http", "mqtt", "offline_drill"):
        assert outcomes[name] == "passed", told
    assert status == (4 if "failed" in outcomes.values() else 0)
    (report,) = school.get(f"/kiosks/{school.kiosk_id}/commissioning")
    assert (report["id"], report["failed"]) == (
        told["report"],
        list(outcomes.values()).count("failed"),
    )
    whole = school.get(f"/kiosks/{school.kiosk_id}/commissioning/{told['report']}")
    assert {one["name"]: one["outcome"] for one in whole["steps"]} == outcomes
    coded = {one["name"]: one["code"] for one in whole["steps"]}
    assert [name for name, code in coded.items() if not code and name not in SKIPPED] == []
    assert whole["is_signature_valid"] is True
    assert whole["drill_received_at"] is not None
    path = f"/kiosks/{school.kiosk_id}/commissioning"
    page = school.http.get(f"{school.url}{path}/{told['report']}", timeout=30).text
    assert "60 s without links" in page
    school.http.cookies.set("rollcall_language", "ar")
    page = school.http.get(f"{school.url}{path}/{told['report']}", timeout=30).text
    assert "المدة دون اتصال" in page
    assert '<p lang="en"' not in page
