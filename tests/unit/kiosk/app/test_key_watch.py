"""A refused signature means another key only where our own key did sign; then nothing counts."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.app.device import Device
from kiosk.app.key_watch import KeyWatch
from kiosk.domain.identity import IdentityFault
from kiosk.domain.screens import Notice, SetupStage
from kiosk.storage.outbox import SQLiteOutbox
from kiosk.sync.clock import SystemClock
from protocol.v1.messages import EventRefusal, RefusalReason
from tests.fakes.kiosk_server import CLAIM_CODE, serving
from tests.unit.kiosk.app import data_folder
from tests.unit.kiosk.app.data_folder import Start
from tests.unit.kiosk.storage.drafts import ack, draft, outbox_in, seqs


def refuse_next(outbox: SQLiteOutbox, reason: str) -> None:
    """Record an event that the server then refuses."""
    outbox.append(draft())
    event = outbox.pending(100)[-1]
    outbox.settle(ack(0, EventRefusal(id=str(event["id"]), reason=reason)))


@pytest.mark.parametrize(
    ("reason", "is_heard"),
    [
        (RefusalReason.BAD_SIGNATURE, True),
        (RefusalReason.BAD_HASH, False),
        (RefusalReason.MALFORMED, False),
    ],
)
def test_only_our_own_signature_refused_says_that_the_key_is_another(
    tmp_path: Path, reason: str, *, is_heard: bool
) -> None:
    outbox = outbox_in(tmp_path)
    heard: list[str] = []
    watch = KeyWatch(outbox, lambda: heard.append("refused"))

    refuse_next(outbox, reason)
    watch.look()
    watch.look()

    assert heard == ["refused"] * is_heard
    assert (outbox.waiting, outbox.refused) == ((1, 0) if is_heard else (0, 1))
    outbox.close()


def test_refusal_of_an_earlier_claim_says_nothing_of_the_present_one(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    refuse_next(outbox, RefusalReason.BAD_SIGNATURE)
    outbox.close()
    outbox = outbox_in(tmp_path)
    heard: list[str] = []
    watch = KeyWatch(outbox, lambda: heard.append("refused"))

    refuse_next(outbox, RefusalReason.MALFORMED)
    watch.look()

    assert heard == []
    outbox.close()


def test_marks_whose_signature_was_refused_are_delivered_after_the_new_claim(
    tmp_path: Path,
) -> None:
    outbox = outbox_in(tmp_path)
    for _ in range(3):
        refuse_next(outbox, RefusalReason.BAD_SIGNATURE)
    outbox.close()
    again = outbox_in(tmp_path)

    assert seqs(again) == [1, 2, 3]
    assert again.settle(ack(3, after_s=60)).stored == 3
    again.close()


def test_marks_that_an_earlier_version_put_apart_for_their_signature_wait_again(
    tmp_path: Path,
) -> None:
    outbox = outbox_in(tmp_path)
    for _ in range(2):
        outbox.append(draft())
    outbox.close()
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as db, db:
        db.execute(
            "INSERT INTO refused (id, seq, body, reason, refused_at)"
            " SELECT id, seq, body, 'bad_signature', '' FROM event WHERE seq = 1"
        )
        db.execute("DELETE FROM event WHERE seq = 1")
    again = outbox_in(tmp_path)

    assert (seqs(again), again.waiting, again.refused) == ([1, 2], 2, 0)
    again.close()


def test_kiosk_whose_key_the_server_refuses_welcomes_nobody_until_a_new_claim(
    tmp_path: Path,
) -> None:
    school = data_folder.school_with_a_running_lesson()
    with serving(school) as url:
        folder = data_folder.claimed_folder(tmp_path / "data", url)
        school.signing_key = "A" * 43 + "="  # of an earlier claim, as in an older database
        start = Start(folder, url)

        def refused(device: Device) -> None:
            device.uploader.turn([])
            device._on_idle()
            start.visit.answer = data_folder.greet(device, SystemClock(), "p2")
            start.startup.identity.note_key_refused()

        assert isinstance(start.run(refused).answer, Notice)
        visit = Start(folder, url).run()
        assert (visit.stage, visit.fault) == (
            SetupStage.NEEDS_CLAIM_CODE,
            IdentityFault.KEY_REFUSED,
        )
        assert Start(folder, url, code=CLAIM_CODE).run().is_welcome
