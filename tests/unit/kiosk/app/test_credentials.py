"""Downloaded credentials: from a real HTTP server to the book in force, and gone when revoked."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from kiosk.app.device import Device, DeviceHooks
from kiosk.app.onboarding import Identity
from kiosk.config import load_settings
from kiosk.domain.credentials import NO_CREDENTIALS, CredentialBook
from kiosk.storage.erasing import erase_school_data
from kiosk.storage.identity import Keys
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient
from protocol.v1.checkin import CardEntry, CardKind, Holder, card_hash, pin_base, pin_verifier
from protocol.v1.messages import VersionHint
from protocol.v1.sealing import make_sealing_key, sealing_public_text
from tests.fakes.kiosk_clock import START
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.school import (
    CARD_KEY,
    KIOSK_ID,
    PIN_KEY,
    SIGNING_KEY,
    claim_response,
    credentials,
)

KEYS = Keys(SIGNING_KEY, make_sealing_key())
PUBLIC = sealing_public_text(KEYS.sealing)
CLAIM = claim_response(PUBLIC)
ANA = Holder(
    id="p1",
    pin=pin_verifier(pin_base("482915", bytes(16)), PIN_KEY, "p1"),
    cards=(CardEntry(hash=card_hash("04A224B1", CARD_KEY)),),
)


@pytest.fixture
def school() -> SchoolServer:
    school = SchoolServer()
    school.credentials = credentials("v1", PUBLIC, [ANA])
    return school


@pytest.fixture
def url(school: SchoolServer) -> Iterator[str]:
    with serving(school) as url:
        yield url


@contextmanager
def device(
    folder: Path, url: str, told: list[CredentialBook] | None = None, claim: int = 1
) -> Iterator[Device]:
    clock = SystemClock()
    hooks = DeviceHooks(
        lambda _timetable: None,
        on_revoked=lambda: None,
        send_status=lambda: None,
        on_book=lambda book: None if told is None else told.append(book),
    )
    identity = Identity(CLAIM.model_copy(update={"claim": claim}), KEYS)
    settings = load_settings(data_dir=folder)
    kiosk = Device(settings, identity, ServerClient(url, clock), clock, hooks)
    with closing(kiosk.outbox), closing(kiosk.gallery), closing(kiosk.changeover):
        yield kiosk


def test_both_keys_are_opened_and_the_book_answers(tmp_path: Path, url: str) -> None:
    told: list[CredentialBook] = []
    with device(tmp_path, url, told) as kiosk:
        assert kiosk.credentials.book is NO_CREDENTIALS
        assert kiosk.downloader.download()

        book = kiosk.credentials.book
        assert told == [book]
        assert book.holder_of_card("04A224B1") == (ANA, CardKind.READER)
        assert book.has_pin(ANA, "482915")
        assert not book.has_pin(ANA, "482916")


def version_of(book: CredentialBook) -> str:
    assert book.document is not None
    return book.document.version


def test_only_a_change_is_downloaded_and_told(
    tmp_path: Path, url: str, school: SchoolServer
) -> None:
    told: list[CredentialBook] = []
    with device(tmp_path, url, told) as kiosk:
        kiosk.downloader.download()
        kiosk.downloader.download()
        school.credentials = credentials("v2", PUBLIC)
        kiosk.downloader.download()

        assert school.credential_hits == [200, 304, 200]
        assert [version_of(book) for book in told] == ["v1", "v2"]


def test_a_hint_that_was_followed_says_nothing_new(tmp_path: Path, url: str) -> None:
    def hint(credentials: str | None) -> VersionHint:
        return VersionHint(gallery=0, config="c1", credentials=credentials, issued_at=START)

    with device(tmp_path, url) as kiosk:
        kiosk.downloader.download()
        assert not kiosk.downloader.is_outdated(hint(None))
        assert kiosk.downloader.is_outdated(hint("7"))
        kiosk.downloader.download()
        assert not kiosk.downloader.is_outdated(hint("7"))
        assert kiosk.downloader.is_outdated(hint("8"))


def test_credentials_are_in_force_after_a_restart_without_the_server(
    tmp_path: Path, url: str
) -> None:
    with device(tmp_path, url) as kiosk:
        kiosk.downloader.download()
    with device(tmp_path, "http://127.0.0.1:1") as kiosk:
        assert kiosk.credentials.book.holder_of_card("04A224B1") == (ANA, CardKind.READER)


def test_an_older_server_without_credentials_disturbs_nothing(
    tmp_path: Path, url: str, school: SchoolServer
) -> None:
    school.credentials = None
    with device(tmp_path, url) as kiosk:
        assert kiosk.downloader.download()
        assert kiosk.downloader.is_fresh
        assert kiosk.credentials.book is NO_CREDENTIALS


@pytest.mark.parametrize("is_other_kiosk", [True, False])
def test_credentials_for_another_kiosk_are_refused_and_the_old_ones_stay(
    tmp_path: Path,
    url: str,
    school: SchoolServer,
    is_other_kiosk: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    foreign = credentials("v2", PUBLIC if is_other_kiosk else "")
    if is_other_kiosk:
        foreign = foreign.model_copy(update={"kiosk_id": "kiosk-8"})
    with device(tmp_path, url) as kiosk:
        kiosk.downloader.download()
        school.credentials = foreign
        with caplog.at_level(logging.ERROR):
            assert not kiosk.downloader.download()

        assert version_of(kiosk.credentials.book) == "v1"
        assert "download failed" in caplog.text


def test_a_new_claim_starts_without_the_credentials_of_the_old_one(
    tmp_path: Path, url: str
) -> None:
    with device(tmp_path, url) as kiosk:
        kiosk.downloader.download()
    with device(tmp_path, "http://127.0.0.1:1", claim=2) as kiosk:
        assert kiosk.credentials.book is NO_CREDENTIALS


def test_a_revocation_leaves_nothing(tmp_path: Path, url: str) -> None:
    told: list[CredentialBook] = []
    with device(tmp_path, url, told) as kiosk:
        kiosk.downloader.download()
        kiosk.used_codes.use("c", START + timedelta(seconds=90))
        kiosk.wipe()

        assert told[-1] is NO_CREDENTIALS
        assert kiosk.used_codes.size == 0
        assert not (tmp_path / "credentials.json").exists()


def test_a_revocation_that_was_cut_short_is_finished_at_the_next_start(
    tmp_path: Path, url: str
) -> None:
    with device(tmp_path, url) as kiosk:
        kiosk.downloader.download()
        kiosk.used_codes.use("c", START + timedelta(seconds=90))
    erase_school_data(tmp_path)

    with device(tmp_path, "http://127.0.0.1:1") as kiosk:
        assert kiosk.credentials.book is NO_CREDENTIALS
        assert kiosk.used_codes.size == 0
        assert kiosk.kiosk_id == KIOSK_ID
