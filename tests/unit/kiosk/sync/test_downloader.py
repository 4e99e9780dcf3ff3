import logging
from pathlib import Path

import pytest

from kiosk.domain.download import CachedConfig, CachedCredentials
from kiosk.errors import (
    AnswerError,
    RefusedError,
    RevokedError,
    SyncError,
    UnprovenAnswerError,
    UnreachableError,
)
from kiosk.storage.configuration import ConfigFile
from kiosk.storage.credentials import CredentialFile
from kiosk.storage.gallery import GalleryKeys, SQLiteGallery
from kiosk.storage.storage_key import StorageKey
from kiosk.sync.downloader import Downloader, DownloadStores
from protocol.v1.messages import ConfigDocument, Erasure, GalleryPage, VersionHint
from tests.fakes.kiosk_clock import START, ManualClock
from tests.fakes.kiosk_server import SchoolServer
from tests.fakes.school import (
    CLAIM,
    DATA_KEY,
    KEY_ID,
    KIOSK_ID,
    MODEL_ID,
    SIGNING_KEY,
    config,
    page,
    tombstone,
)
from tests.fakes.school import upsert as template


class Source:
    """The server without the network; fails with `error` while that is set."""

    def __init__(self) -> None:
        self.school = SchoolServer()
        self.error: SyncError | None = None
        self.pages_left: int | None = None

    def config(self, etag: str) -> CachedConfig | None:
        self._fail()
        is_known = etag == self.school.config.version
        return None if is_known else CachedConfig(self.school.config, self.school.config.version)

    def credentials(self, etag: str) -> CachedCredentials | None:
        self._fail()
        held = self.school.credentials
        if held is None:
            raise RefusedError(404, "not_found")
        return None if etag == held.version else CachedCredentials(held, held.version)

    def gallery_page(self, since: int, limit: int) -> GalleryPage:
        self._fail()
        if self.pages_left is not None:
            self.pages_left -= 1
            if self.pages_left < 0:
                raise UnreachableError("the line broke")
        return self.school.gallery_page(since, limit)

    def send_erasure(self, erasure: Erasure) -> None:
        self._fail()
        self.school.erasures.append(erasure)

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


class Site:
    """A downloader with real stores."""

    def __init__(self, folder: Path) -> None:
        self.source = Source()
        self.clock = ManualClock()
        keys = GalleryKeys(KIOSK_ID, KEY_ID, DATA_KEY, SIGNING_KEY)
        self.gallery = SQLiteGallery(folder / "gallery.db", keys, self.clock)
        self.config = ConfigFile(folder / "config.json", StorageKey(folder))
        self.credentials = CredentialFile(folder / "c.json", StorageKey(folder), CLAIM)
        self.heard: list[ConfigDocument] = []
        self.revoked: list[bool] = []
        self.downloader = Downloader(
            self.source,
            DownloadStores(self.gallery, self.config, self.credentials),
            clock=self.clock,
            on_config=self.heard.append,
            on_revoked=lambda: self.revoked.append(True),
            page_limit=2,
        )

    def people(self) -> list[str]:
        return list(self.gallery.snapshot(MODEL_ID).person_ids)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_everything_is_downloaded_page_by_page(site: Site) -> None:
    site.source.school.upserts = [template(number) for number in range(1, 6)]

    assert site.downloader.download()

    assert site.people() == ["p1", "p2", "p3", "p4", "p5"]
    assert site.heard == [site.source.school.config]
    assert site.downloader.is_fresh


def test_configuration_is_passed_on_only_when_it_changed(site: Site) -> None:
    site.downloader.download()
    site.downloader.download()
    site.source.school.config = config("c2")
    site.downloader.download()

    assert [document.version for document in site.heard] == ["c1", "c2"]


def test_broken_download_resumes_at_its_last_page(site: Site) -> None:
    site.source.school.upserts = [template(number) for number in range(1, 6)]
    site.source.pages_left = 1
    first = site.downloader.download()
    after_first = site.people()
    site.source.pages_left = None
    second = site.downloader.download()

    assert (first, after_first) == (False, ["p1", "p2"])
    assert second
    assert site.people() == ["p1", "p2", "p3", "p4", "p5"]


def test_kiosk_keeps_what_it_has_while_the_server_is_away_and_logs_twice(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.source.school.upserts = [template(1)]
    site.downloader.download()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        site.source.error = UnreachableError("away")
        site.downloader.download()
        site.clock.advance(3600)
        site.downloader.download()
        site.source.error = None
        site.downloader.download()

    assert site.people() == ["p1"]
    assert [record.getMessage() for record in caplog.records] == [
        "Working from what is stored here: away",
        "Downloads work again after 3600 s",
    ]


def test_erasure_receipts_reach_the_server_once(site: Site) -> None:
    school = site.source.school
    school.upserts = [template(1)]
    site.downloader.download()
    school.upserts, school.tombstones = [], [tombstone(1, 2, "erased")]
    site.downloader.download()
    site.downloader.download()

    assert [erasure.person_id for erasure in school.erasures] == ["p1"]
    assert site.people() == []


def test_hint_tells_whether_a_download_is_due(site: Site) -> None:
    site.source.school.upserts = [template(1)]
    site.downloader.download()

    assert not site.downloader.is_outdated(VersionHint(gallery=1, config="c1", issued_at=START))
    assert site.downloader.is_outdated(VersionHint(gallery=2, config="c1", issued_at=START))
    assert site.downloader.is_outdated(VersionHint(gallery=1, config="c2", issued_at=START))


def test_revoked_kiosk_is_told_so(site: Site) -> None:
    site.source.error = RevokedError(401, "revoked")

    site.downloader.download()

    assert site.revoked == [True]


@pytest.mark.parametrize(
    "error",
    [
        RefusedError(401, "unknown_device"),
        RefusedError(401, "revoked"),
        RefusedError(401, "other"),
        RefusedError(403, "other"),
        RefusedError(404, "other"),
        UnprovenAnswerError("something in between"),
        AnswerError("an answer without sense"),
    ],
    ids=lambda error: f"{type(error).__name__} {error}",
)
@pytest.mark.parametrize("is_due", [False, True])
def test_no_other_answer_revokes_or_deletes_anything(
    site: Site, error: SyncError, *, is_due: bool
) -> None:
    school = site.source.school
    school.upserts = [template(1), template(2)]
    site.downloader.download()
    if is_due:
        site.gallery.apply(page(2, (), [tombstone(1, 3, "erased")]))
    site.source.error = error

    assert not site.downloader.download()
    assert site.revoked == []
    assert site.people() == (["p2"] if is_due else ["p1", "p2"])
    assert len(site.gallery.erasures()) == is_due
    assert site.config.load() is not None


def test_kiosk_that_the_server_does_not_know_logs_it_once(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.source.error = RefusedError(401, "unknown_device")
    with caplog.at_level(logging.INFO):
        site.downloader.download()
        site.downloader.download()

    assert [record.levelname for record in caplog.records] == ["INFO"]
