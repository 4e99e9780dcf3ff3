"""The restore drill with real processes: the server's disk is lost, and no mark is."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.conftest import Report
from tests.faults.school.world import World
from tests.integration.kiosk.real_school import SERVER

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def run(world: World, folder: Path, *words: object) -> str:
    """Run a command of the server with its settings, and return what it printed."""
    places = {
        "ROLLCALL_SERVER_BACKUP_FOLDER": str(folder / "nas"),
        "ROLLCALL_SERVER_BACKUP_KEY_FILE": str(folder / "recovery.key"),
    }
    done = subprocess.run(
        [SERVER, *map(str, words)],
        env={**os.environ, **world.school.server.env, **places},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow_fault
def test_lost_disk_of_the_server_costs_no_mark(
    running: World, report: Report, tmp_path: Path
) -> None:
    """Server's disk lost, restored from its backup."""
    kiosk, people, school = running.kiosk, running.people, running.school
    data = Path(school.server.env["ROLLCALL_SERVER_DATA_DIR"])
    kiosk.sees(people[0])
    kiosk.wait_delivered()
    run(running, tmp_path, "backup", "--new-key", tmp_path / "recovery.key")
    assert "is whole" in run(running, tmp_path, "backup")
    kiosk.sees(*people[1:3])
    kiosk.wait_delivered()

    school.server.stop()
    school.broker.kill()
    shutil.rmtree(data)
    kiosk.sees(people[3])
    (backup,) = (tmp_path / "nas").glob("*.backup")
    (keys,) = (tmp_path / "nas" / "keys").glob("*.keys")
    run(running, tmp_path, "restore", backup, "--keys", keys, "--replace")
    school.start_broker()
    school.start_server()

    running.wait_stored(running.marks())
    outcome = running.settle()
    report(outcome)
    outcome.assert_kept()
    assert (outcome.undecided, outcome.twice) == (0, 0)
