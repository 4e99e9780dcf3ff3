"""The running server renews certificates and tells the broker."""

from datetime import timedelta
from pathlib import Path

import pytest

from server.certificates.authority import Use
from server.certificates.upkeep import CertificateUpkeep, renew_at_start
from server.config import load_settings
from server.db.types import now
from tests.support.certificates import school

DAY = timedelta(days=1)


class Broker:
    def __init__(self) -> None:
        self.told = 0

    def tell(self) -> None:
        self.told += 1


def test_broker_is_told_of_each_renewal_once(tmp_path: Path) -> None:
    folder, broker = school(tmp_path), Broker()
    upkeep = CertificateUpkeep(load_settings(data_dir=tmp_path), broker.tell)
    first = folder.leaf(Use.BROKER).read_text()
    for days in (0, 1, 300):
        upkeep.look(now() + days * DAY)
    assert (broker.told, folder.leaf(Use.BROKER).read_text()) == (1, first)
    for days in (370, 371):
        upkeep.look(now() + days * DAY)
    assert broker.told == 2
    assert folder.leaf(Use.BROKER).read_text() != first


def test_school_without_an_authority_gets_none(tmp_path: Path) -> None:
    broker = Broker()
    CertificateUpkeep(load_settings(data_dir=tmp_path), broker.tell).look(now())
    assert (broker.told, list(tmp_path.iterdir())) == (0, [])


def test_damaged_file_is_logged_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, broker = school(tmp_path), Broker()
    upkeep = CertificateUpkeep(load_settings(data_dir=tmp_path), broker.tell)
    good = folder.leaf(Use.SERVER).read_text()
    folder.leaf(Use.SERVER).write_text("damaged")
    upkeep.look(now())
    upkeep.look(now())
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    folder.leaf(Use.SERVER).write_text(good)
    upkeep.look(now())
    assert broker.told == 1


@pytest.mark.parametrize("fault", ["unwritable", "damaged"])
def test_renewal_that_fails_stops_no_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    folder = school(tmp_path, at=now() - 368 * DAY)
    before = folder.leaf(Use.SERVER).read_text()
    if fault == "unwritable":
        (folder.path / ".server.pem.draft").mkdir()
    else:
        (folder.path / "authority-key.pem").write_text("damaged")
    renew_at_start(load_settings(data_dir=tmp_path), now())
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert folder.leaf(Use.SERVER).read_text() == before


def test_thread_looks_at_its_start_and_ends_when_told(tmp_path: Path) -> None:
    school(tmp_path)
    broker = Broker()
    upkeep = CertificateUpkeep(load_settings(data_dir=tmp_path), broker.tell)
    upkeep.start()
    upkeep.stop()
    assert not upkeep._thread.is_alive()
