"""Scan templates go to a real HTTP server, and what it judged is deleted here."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.storage.scans import SQLiteScans
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient
from kiosk.sync.scans import ScanSender
from tests.fakes.kiosk_clock import START, ManualClock
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.scans import NEXT_ID, VALUES, opened, scan
from tests.fakes.school import CLAIM


class Post:
    """A kiosk's waiting scans and the server they go to."""

    def __init__(self, school: SchoolServer, url: str, store: SQLiteScans) -> None:
        self.school = school
        self.url = url
        self.store = store
        client = ServerClient(url, SystemClock())
        client.use_claim(CLAIM)
        self.sender = ScanSender(store, client, ManualClock())

    def put(self, count: int) -> None:
        for number in range(count):
            assert self.store.put(scan(f"p{number}"), START.date())


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    school = SchoolServer()
    with (
        serving(school) as url,
        closing(SQLiteScans(tmp_path / "scans.db", "this claim")) as store,
    ):
        store.bind(NEXT_ID)
        yield Post(school, url, store)


def test_everything_that_waits_is_sent_in_batches_and_deleted(post: Post) -> None:
    post.put(120)
    post.sender.send()

    assert post.store.waiting == 0
    assert len(post.school.scans) == 120
    assert all(opened(one) == VALUES for one in post.school.scans.values())


def test_refused_scans_are_deleted_too(post: Post) -> None:
    post.school.refused_people = {"p1"}
    post.put(3)
    post.sender.send()

    assert post.store.waiting == 0


def test_what_the_receipt_does_not_name_is_kept_and_sent_again(post: Post) -> None:
    post.school.judged_at_once = 0
    post.put(3)
    post.sender.send()
    assert post.store.waiting == 3

    post.school.judged_at_once = 2
    post.sender.send()
    assert post.store.waiting == 0


def test_a_scan_waits_for_its_event(post: Post) -> None:
    post.put(2)
    (first, second) = post.store.oldest(2)
    waiting = {first.event_id}
    client = ServerClient(post.url, SystemClock())
    client.use_claim(CLAIM)
    sender = ScanSender(post.store, client, ManualClock(), is_event_waiting=waiting.__contains__)
    sender.send()
    assert list(post.school.scans) == [second.id]

    waiting.clear()
    sender.send()
    assert post.store.waiting == 0


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_server_that_cannot_take_them_gets_them_later(
    post: Post, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="kiosk.sync.scans")
    post.put(2)
    post.school.broken_status = status
    post.sender.send()
    post.sender.send()
    assert post.store.waiting == 2

    post.school.broken_status = None
    post.sender.send()
    assert post.store.waiting == 0
    said = [record.message for record in caplog.records]
    assert len(said) == 2, said
    assert said[1] == "scan templates are sent again"
