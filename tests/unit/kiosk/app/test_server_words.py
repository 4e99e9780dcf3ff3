"""What `rollcall-kiosk status` says about the server, and a new claim while the kiosk works."""

import io
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.app.commands import claim
from kiosk.app.new_claim import NewClaim
from kiosk.app.onboarding import Onboarding
from kiosk.app.status_command import status
from kiosk.config import Settings, load_settings
from kiosk.domain.screens import SetupStage
from kiosk.errors import (
    ClaimRefusedError,
    SyncError,
    UnprovenAnswerError,
    UnreachableError,
)
from kiosk.storage.identity import IdentityStore
from protocol.v1.messages import ClaimRequest, ClaimResponse
from protocol.v1.sealing import sealing_public_text
from tests.fakes.kiosk_server import CLAIM_CODE, SchoolServer, serving
from tests.fakes.school import KIOSK_ID, broker_access, claim_response
from tests.fakes.stranger import Reply, standing_in
from tests.support.authorities import Authority
from tests.support.ports import free_port
from tests.unit.kiosk.storage.drafts import draft, outbox_in

NEW_CODE = "7KQ2M9TX"


def settings_for(url: str, folder: Path, code: str | None = None) -> Settings:
    return load_settings(server_url=url, data_dir=folder, claim_code=code)


def claimed(folder: Path) -> IdentityStore:
    """Return the identity folder of a claimed kiosk."""
    store = IdentityStore(folder)
    keys = store.keys()
    store.save_claim(claim_response(sealing_public_text(keys.sealing)), keys)
    return store


def server_words(url: str, folder: Path) -> str:
    """Return what the command says of a claimed kiosk."""
    said = io.StringIO()
    claimed(folder / "identity")
    assert status(settings_for(url, folder), said) == 0
    return said.getvalue()


def test_status_asks_the_server(tmp_path: Path) -> None:
    with serving(SchoolServer()) as url:
        assert "answers and knows this kiosk" in server_words(url, tmp_path)


def test_status_says_how_the_connections_are_protected(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path / "identity")
    keys = store.keys()
    plain = broker_access(1883).model_copy(update={"host": "broker.example"})
    claim = claim_response(sealing_public_text(keys.sealing), broker=plain)
    school, said = Authority("School"), io.StringIO()
    store.save_claim(claim.model_copy(update={"ca_pem": school.pem}), keys)
    with serving(SchoolServer(), context=school.leaf().server_context(tmp_path)) as url:
        status(settings_for(url, tmp_path), said)

    assert "tls      server: encrypted, certificate checked\n" in said.getvalue()
    assert "tls      broker: plain connection refused" in said.getvalue()
    assert "to do    Give the server a certificate" in said.getvalue()


@pytest.mark.parametrize(("version", "is_told"), [(3, True), (9, False)])
def test_status_counts_records_and_leaves_their_file_as_it_is(
    tmp_path: Path, version: int, *, is_told: bool
) -> None:
    outbox = outbox_in(tmp_path)
    for _ in range(2):
        outbox.append(draft())
    outbox.close()
    file = tmp_path / "outbox.db"
    if not is_told:
        with closing(sqlite3.connect(file)) as db:
            db.execute("DROP TABLE refused")
            db.execute(f"PRAGMA user_version = {version}")
    (tmp_path / "outbox.db.reserve").unlink()
    file.chmod(0o640)
    before = file.read_bytes()
    with serving(SchoolServer()) as url:
        said = server_words(url, tmp_path)

    words = "2 recorded, 2 waiting, 0 kept" if is_told else "damaged or of another version"
    assert words in said
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (before, 0o640)
    assert not (tmp_path / "outbox.db.reserve").exists()


@pytest.mark.parametrize(
    ("misbehave", "words"),
    [
        (
            lambda school: setattr(school, "knows_kiosk", False),
            "does not know this kiosk",
        ),
        (lambda school: setattr(school, "is_signing", False), "another or an older server answers"),
        (
            lambda school: setattr(school, "broken_status", 503),
            "does not answer",
        ),
        (
            lambda school: setattr(school, "broken_status", 403),
            "refuses this kiosk",
        ),
        (lambda school: setattr(school, "broken_status", 404), "status 404"),
    ],
    ids=["unknown", "unsigned", "503", "403", "404"],
)
def test_status_says_what_is_wrong_with_the_server(
    tmp_path: Path, misbehave: Callable[[SchoolServer], None], words: str
) -> None:
    school = SchoolServer()
    misbehave(school)
    with serving(school) as url:
        assert words in server_words(url, tmp_path)


def test_status_names_a_portal_and_a_silent_server(tmp_path: Path) -> None:
    with standing_in(lambda _asked: Reply(200, b"<html>")) as url:
        portal = server_words(url, tmp_path)
    silent = server_words(f"http://127.0.0.1:{free_port()}", tmp_path)

    assert "something else answers instead" in portal
    assert "does not answer" in silent


def test_the_command_gives_a_claimed_kiosk_a_new_claim(tmp_path: Path) -> None:
    store = claimed(tmp_path / "identity")
    keys, before = store.keys(), store.claim()
    school = SchoolServer()
    with serving(school) as url:
        settings = settings_for(url, tmp_path, CLAIM_CODE)
        kept = claim(settings, threading.Event(), io.StringIO())
        claims_before = school.claims
        made = claim(settings, threading.Event(), io.StringIO(), is_anew=True)

    assert (kept, claims_before) == (0, 0)
    assert (made, school.claims) == (0, 1)
    assert store.claim() != before
    assert store.keys().signing.private_bytes_raw() == keys.signing.private_bytes_raw()


def test_a_refused_code_leaves_the_present_claim(tmp_path: Path) -> None:
    store = claimed(tmp_path / "identity")
    before = store.claim()
    with serving(SchoolServer()) as url:
        settings = settings_for(url, tmp_path, "ZZZZ9999")
        exit_status = claim(settings, threading.Event(), io.StringIO(), is_anew=True)

    assert (exit_status, store.claim()) == (1, before)


class Office:
    """Answers claims with an error, or with the next claim."""

    def __init__(self, error: SyncError | None) -> None:
        self.error = error

    def claim(self, request: ClaimRequest) -> ClaimResponse:
        if self.error is not None:
            raise self.error
        return claim_response(request.sealing_key, claim=2)


class Worker:
    """A claimed kiosk at work."""

    def __init__(self, folder: Path, error: SyncError | None = None) -> None:
        self.store = claimed(folder)
        present = self.store.claim()
        assert present is not None
        self.present = present
        self.stages: list[SetupStage] = []
        self.onboarding = Onboarding(
            self.store,
            Office(error),
            retry_max_s=1,
            stop=threading.Event(),
            on_stage=self.stages.append,
        )
        self.new_claim = NewClaim(self.onboarding, self.store, present)


def test_a_typed_code_brings_a_new_claim(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    before = worker.new_claim.look(10.0)
    worker.onboarding.enter_code(NEW_CODE)

    assert not before
    assert worker.new_claim.look(10.1)
    kept = worker.store.claim()
    assert kept is not None
    assert (kept.kiosk_id, kept.claim) == (KIOSK_ID, 2)


@pytest.mark.parametrize(
    ("error", "stage"),
    [
        (ClaimRefusedError(403, "claim_refused"), SetupStage.CLAIM_REFUSED),
        (UnreachableError("away"), SetupStage.SERVER_AWAY),
        (UnprovenAnswerError("a portal"), SetupStage.FOREIGN_ANSWER),
    ],
)
def test_a_code_that_does_not_work_changes_nothing(
    tmp_path: Path, error: SyncError, stage: SetupStage, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(tmp_path, error)
    worker.onboarding.enter_code(NEW_CODE)
    with caplog.at_level("WARNING"):
        is_claimed = worker.new_claim.look(10.0)

    assert not is_claimed
    assert worker.stages == [SetupStage.CLAIMING, stage]
    assert worker.store.claim() == worker.present
    assert NEW_CODE not in caplog.text


def test_a_claim_by_the_command_is_noticed_soon(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.new_claim.look(10.0)
    newer = worker.present.model_copy(update={"claim": 2})
    worker.store.save_claim(newer, worker.store.keys())

    assert [worker.new_claim.look(second) for second in (11.0, 12.5)] == [False, True]


def test_credentials_that_are_gone_or_damaged_are_no_new_claim(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    (tmp_path / "claim.json").write_bytes(b"{")
    damaged = worker.new_claim.look(10.0)
    (tmp_path / "claim.json").unlink()

    assert (damaged, worker.new_claim.look(20.0)) == (False, False)
