"""The data key is changed while people and kiosks use two servers, and the old one is deleted."""

import os
import subprocess
import uuid
from pathlib import Path

import pytest

from server.config import load_settings
from server.db.engine import Database
from server.db.types import now
from server.db.vault import open_vault
from server.enrollment.gallery import log_change, seal_template
from server.enrollment.tables import ChangeKind, Enrolment, EnrolmentStatus, Template
from tests.faults.conftest import Report
from tests.faults.school.replicas import (
    Browser,
    Replicas,
    Visitors,
    add_kiosk,
    replicas,
    wait_for_more,
)
from tests.integration.kiosk.real_school import SERVER
from tests.integration.school.conftest import MODEL
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
BROWSERS, ROUNDS, ANSWERS_BETWEEN = 3, 2, 10


@pytest.mark.slow_fault
@pytest.mark.parametrize("kept_in", ["postgresql"], indirect=True)
def test_new_data_keys_under_load_fail_no_request_and_lose_no_mark(
    tmp_path: Path, migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    """Data key changed twice and the old ones deleted, two servers under load."""
    with replicas(tmp_path, migrated_postgres_url) as found:
        world, url = found.world, found.world.school.url
        monkeypatch.setenv("ROLLCALL_KIOSK_SERVER_CA", str(found.authority))
        enrol(found, monkeypatch)
        kiosk = world.kiosk.start()
        browsers = [Browser(url, found.authority) for _ in range(BROWSERS)]
        for browser in browsers:
            browser.start()
        visitors = Visitors(kiosk, world.people)
        for _ in range(ROUNDS):
            wait_for_more(browsers, ANSWERS_BETWEEN)
            rotate(found)
            wait_until(
                lambda: "Nothing is left." in rotate(found, "--status"),
                what="all values of the new key",
                timeout_s=120,
            )
            assert "Deleted the key" in rotate(found, "--drop")
        wait_for_more(browsers, ANSWERS_BETWEEN)
        late = add_kiosk(found).start()
        wait_until(  # encrypted for this kiosk from what the new key alone opens
            lambda: late.ask("gallery") == sorted(world.people), what="gallery", timeout_s=60
        )
        late.sees(*world.people)
        visitors.stop()
        for browser in browsers:
            browser.stop()

        assert [words for browser in browsers for words in browser.failed] == []
        for one in (kiosk, late):
            one.wait_delivered()
        world.wait_stored(world.marks())
        outcome = world.settle()
        report(outcome)
        outcome.assert_kept()
        assert (outcome.undecided, outcome.in_register) == (0, outcome.recorded)


def enrol(found: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give everyone a template, as a server's worker does."""
    for name, value in found.servers[0].process.env.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    vault, database = open_vault(settings), Database(settings.sqlalchemy_url)
    for person in found.world.people:
        with database.transaction() as db:
            enrolment = Enrolment(
                person_id=uuid.UUID(person),
                status=EnrolmentStatus.ACCEPTED,
                correlation_id="test",
                created_by="system",
            )
            db.add(enrolment)
            db.flush()
            template = Template(
                id=uuid.uuid4(),
                person_id=enrolment.person_id,
                enrolment_id=enrolment.id,
                model_id=MODEL,
                dimension=128,
                key_id="",
                data=b"",
                checked_at=now(),
            )
            sealed = seal_template(vault, template.id, (0.5,) * 128)
            template.key_id, template.data = sealed.key_id, sealed.data
            db.add(template)
            log_change(db, template, ChangeKind.UPSERT, now())
    database.close()


def rotate(found: Replicas, *words: str) -> str:
    """Run `rollcall-server rotate-keys` beside the servers; return what it says."""
    env = {**os.environ, **found.servers[0].process.env}
    done = subprocess.run(
        [SERVER, "rotate-keys", *words], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
