"""The kiosk is connected once the server itself is heard, and sets its time by the server."""

from datetime import timedelta
from pathlib import Path

import pytest

from kiosk.app.board import Eyes, HealthBoard
from kiosk.app.device import DOWNLOAD_JOB
from kiosk.config import Settings
from kiosk.domain.health import CameraHealth, Health, LinkHealth, RecognitionState
from kiosk.domain.links import LinkSecurity
from kiosk.sync.clock import SystemClock
from kiosk.sync.inbox import Arrived, Woken
from protocol.v1 import topics
from protocol.v1.messages import Ack, ClockSource
from protocol.v1.statements import sign_ack
from server.kiosks.presence import SILENT_AFTER, TOUCH_INTERVAL
from tests.fakes.kiosk_clock import START
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.machine_clocks import MachineClocks
from tests.fakes.school import KIOSK_ID, SERVER_KEY
from tests.unit.kiosk.app.test_device import NOBODY, device

ACK = sign_ack(Ack(kiosk_id=KIOSK_ID, stored_through=0, server_time=START), SERVER_KEY)


class Broker:
    """A connection to the broker that takes everything and says nothing."""

    health = LinkHealth.UP
    security = LinkSecurity.LOCAL

    def send_events(self, _batch: object) -> bool:
        return True


def test_a_connection_to_the_broker_alone_is_not_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, heard = MachineClocks(), list[Health]()
    with device(tmp_path, NOBODY, [], machine=machine) as kiosk:
        monkeypatch.setattr(kiosk, "link", Broker())
        eyes = Eyes(lambda: CameraHealth.OK, RecognitionState)
        board = HealthBoard(SystemClock(machine=machine), kiosk, eyes, heard.append)
        for items in ([Woken()], [Arrived(topics.ACK, ACK.to_json())], [Woken()]):
            kiosk.uploader.turn([*items])
            machine.advance(400)
            board.refresh()

    assert [health.is_offline for health in heard] == [True, False, True]
    assert heard[0].broker is LinkHealth.UP


def test_a_kiosk_that_is_an_hour_off_asks_twice_and_then_knows_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    school, machine, wanted = SchoolServer(), MachineClocks(), list[str]()
    school.ahead = timedelta(hours=1)
    with serving(school) as url, device(tmp_path, url, [], machine=machine) as kiosk:
        monkeypatch.setattr(kiosk.scheduler, "soon", wanted.append)
        monkeypatch.setattr(kiosk.scheduler, "watch_clock", lambda: False)
        kiosk.downloader.download()
        before = kiosk._clock.reading()
        machine.advance(1.5)
        kiosk._on_idle()
        kiosk._on_idle()
        school.ahead += timedelta(seconds=1.5)  # the fake server's clock does not follow ours
        kiosk.downloader.download()
        after = kiosk._clock.reading()

    assert before.source is ClockSource.UNSYNCED
    assert wanted == [DOWNLOAD_JOB]
    assert after.source is ClockSource.SERVER


def test_a_kiosk_shows_life_within_the_servers_limit_by_each_way() -> None:
    """A status goes through the broker, or as an empty batch where the broker is blocked."""
    longest_s = max(
        entry.le
        for entry in Settings.model_fields["status_interval_s"].metadata
        if hasattr(entry, "le")
    )
    retry_s = Settings.model_fields["retry_max_s"].default

    assert longest_s + retry_s <= (SILENT_AFTER - TOUCH_INTERVAL).total_seconds()
