"""Every file of the data folder, whatever happened to it: no end, no false Welcome, no lost record.

A cache is made anew. A record is kept: used, saved out of a damaged file, or renamed. A lost key
asks for a new claim code.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.config import CONFIG_VARIABLE
from kiosk.domain.health import DiskHealth
from kiosk.domain.identity import IdentityFault
from kiosk.domain.screens import SetupStage
from tests.fakes.kiosk_server import CLAIM_CODE, SchoolServer, serving
from tests.unit.kiosk.app import data_folder
from tests.unit.kiosk.app.data_folder import DAMAGES, Start, Visit

KEYS = {
    "identity/signing.key": IdentityFault.SIGNING_KEY_LOST,
    "identity/sealing.key": IdentityFault.SEALING_KEY_LOST,
    "identity/storage.key": IdentityFault.STORAGE_KEY_LOST,
}
CLAIM = "identity/claim.json"
OUTBOX = ("outbox.db", "outbox.db-wal")
CACHES = ("gallery.db", "scans.db", "config.json")
SMALL_FILES = (
    "shadow.json",
    "outbox.db-shm",
    "outbox.db.reserve",
    "outbox.seq",
    "clock.json",
    "identity/revoked.json",
    "identity/authorities.json",
)
FILES = (*KEYS, CLAIM, *OUTBOX, *CACHES, *SMALL_FILES)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def school() -> SchoolServer:
    return data_folder.school_with_a_running_lesson()


@pytest.fixture(scope="module")
def url(school: SchoolServer) -> Iterator[str]:
    with serving(school) as url:
        yield url


@pytest.fixture(scope="module")
def template(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(CONFIG_VARIABLE, raising=False)
        return data_folder.claimed_folder(tmp_path_factory.mktemp("kiosk") / "data", url)


@pytest.fixture
def folder(template: Path, tmp_path: Path, school: SchoolServer) -> Path:
    """A fresh copy of the folder, and a server that holds none of its events."""
    school.events.clear()
    school.signing_key = data_folder.key_text(template)
    return data_folder.copied(template, tmp_path / "data")


def damaged(folder: Path, name: str, damage: str) -> set[bytes]:
    """Damage a file; return what lay there."""
    before = data_folder.contents(folder, name)
    DAMAGES[damage](folder / name)
    return before


def check_open(visit: Visit, school: SchoolServer) -> None:
    """The door opened, the person was told so, and the server has the event."""
    assert visit.is_welcome, visit
    assert (visit.waiting, visit.refused) == (0, 0)
    assert "p2" in data_folder.event_ids(school)


def check_closed(visit: Visit, school: SchoolServer) -> None:
    """Nobody was told that a mark is recorded."""
    assert visit.answer is None
    assert school.events == {}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", KEYS)
def test_lost_key_is_said_and_only_a_claim_makes_a_new_one(
    folder: Path, url: str, school: SchoolServer, name: str, damage: str
) -> None:
    damaged(folder, name, damage)
    left = {path.name for path in (folder / "identity").iterdir()}

    said = data_folder.said_by_status(folder, url)
    visit = Start(folder, url).run()

    check_closed(visit, school)
    assert (visit.stage, visit.fault) == (SetupStage.NEEDS_CLAIM_CODE, KEYS[name])
    assert "lost" in said
    assert "new claim code" in said
    assert {path.name for path in (folder / "identity").iterdir()} == left

    again = Start(folder, url, code=CLAIM_CODE).run()
    check_open(again, school)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_claim_is_kept_and_a_code_asked_for(
    folder: Path, url: str, school: SchoolServer, damage: str
) -> None:
    damaged(folder, CLAIM, damage)
    damaged_content = data_folder.contents(folder, CLAIM)
    fault = IdentityFault.NONE if damage == "missing" else IdentityFault.CLAIM_DAMAGED

    said = data_folder.said_by_status(folder, url)
    visit = Start(folder, url).run()

    check_closed(visit, school)
    assert (visit.stage, visit.fault) == (SetupStage.NEEDS_CLAIM_CODE, fault)
    assert "new claim code" in said
    assert data_folder.contents(folder, CLAIM) == damaged_content

    check_open(Start(folder, url, code=CLAIM_CODE).run(), school)
    assert damaged_content <= data_folder.contents(folder, CLAIM)


def test_claim_file_that_comes_back_is_used(folder: Path, url: str, school: SchoolServer) -> None:
    content = (folder / CLAIM).read_bytes()
    damaged(folder, CLAIM, "garbage")
    Start(folder, url).run()
    (folder / CLAIM).write_bytes(content)

    check_open(Start(folder, url).run(), school)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", OUTBOX)
def test_outbox_is_never_deleted_and_never_ends_the_kiosk(
    folder: Path, url: str, school: SchoolServer, name: str, damage: str
) -> None:
    damaged(folder, name, damage)

    data_folder.said_by_status(folder, url)
    visit = Start(folder, url).run()

    check_open(visit, school)
    is_noticed = name == "outbox.db" and damage not in ("missing", "empty")
    assert (visit.health.disk is DiskHealth.RECOVERED) == is_noticed
    assert bool(list(folder.glob("outbox.db.corrupt-*"))) == is_noticed
    assert visit.last_seq >= 2
    assert school.held() >= {0, 1, 2}


@pytest.mark.parametrize("journal", ["missing", "garbage", "folder"])
def test_event_of_a_readable_outbox_reaches_the_server(
    folder: Path, url: str, school: SchoolServer, journal: str
) -> None:
    damaged(folder, "outbox.db", "other-version")
    damaged(folder, "outbox.db-wal", journal)

    check_open(Start(folder, url).run(), school)

    assert data_folder.event_ids(school) == {"p1", "p2"}
    assert list(folder.glob("outbox.db.corrupt-*"))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", CACHES)
def test_cache_is_made_anew_and_that_is_said(
    folder: Path,
    url: str,
    school: SchoolServer,
    caplog: pytest.LogCaptureFixture,
    name: str,
    damage: str,
) -> None:
    damaged(folder, name, damage)
    is_new = damage in ("missing", "empty") and name != "config.json"

    data_folder.said_by_status(folder, url)
    visit = Start(folder, url).run()

    check_open(visit, school)
    assert data_folder.event_ids(school) == {"p1", "p2"}
    is_named = name.split(".")[0] in visit.health.renewed
    assert is_named != (is_new or damage == "missing")
    assert visit.report is not None
    assert ("storage" in visit.report.parts) == is_named
    assert bool(caplog.records) == is_named
    assert Start(folder, url).run().health.renewed == ()


@pytest.mark.parametrize("damage", DAMAGES)
def test_small_files_never_matter(
    folder: Path, url: str, school: SchoolServer, damage: str
) -> None:
    for name in SMALL_FILES:
        damaged(folder, name, damage)

    check_open(Start(folder, url).run(), school)

    assert data_folder.event_ids(school) == {"p1", "p2"}


@pytest.fixture
def plain_folder(template: Path, school: SchoolServer) -> Iterator[Path]:
    """A copy where another account may enter, worked on as that account."""
    school.events.clear()
    school.signing_key = data_folder.key_text(template)
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = data_folder.copied(template, Path(place) / "data")
        with data_folder.plain_account(folder):
            yield folder


def touched(folder: Path, name: str) -> Path:
    """A file that is there, also one that a kiosk has only now and then."""
    path = folder / name
    if name not in KEYS:
        path.touch(exist_ok=True)
    return path


def test_own_files_whose_mode_keeps_the_kiosk_out_are_opened_up(
    plain_folder: Path, url: str, school: SchoolServer
) -> None:
    for name in FILES:
        touched(plain_folder, name).chmod(0)

    data_folder.said_by_status(plain_folder, url)
    visit = Start(plain_folder, url).run()

    check_open(visit, school)
    assert data_folder.event_ids(school) == {"p1", "p2"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another account")
@pytest.mark.parametrize("name", FILES)
def test_file_of_another_account_is_replaced_if_a_cache_and_named_if_a_record(
    plain_folder: Path, url: str, school: SchoolServer, name: str
) -> None:
    path = touched(plain_folder, name)
    os.seteuid(0)
    os.chown(path, 0, 0)
    path.chmod(0o600)
    os.seteuid(data_folder.NOBODY_UID)
    is_record = name in (*KEYS, CLAIM, "outbox.db", "outbox.db-wal")

    data_folder.said_by_status(plain_folder, url)
    visit = Start(plain_folder, url).run()

    assert visit.is_welcome != is_record
    assert (visit.stage is SetupStage.STORAGE_FAULT) == is_record
    assert (visit.file == Path(name).name) == is_record
