"""`rollcall-server broker --verify` against brokers that are right, and one that is not."""

from pathlib import Path

import pytest

from server.certificates.authority import Use
from server.config import load_settings
from server.mqtt.verification import verify_broker
from tests.contract.broker.conftest import SERVER_PASSWORD, running_broker
from tests.support.certificates import school, trusting
from tests.support.mosquitto import PlainBroker
from tests.support.ports import free_port

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def shorter_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never comes is waited for less long."""
    monkeypatch.setattr("server.mqtt.accounts.ANSWER_TIMEOUT_S", 3.0)


@pytest.mark.parametrize("with_tls", [False, True], ids=["plain", "tls"])
def test_broker_of_ours_passes_and_keeps_no_account_of_the_trial(
    broker_kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, with_tls: bool
) -> None:
    tls = trusting(school(tmp_path / "data", Use.BROKER)) if with_tls else None
    with running_broker(broker_kind, tmp_path, tls=tls) as broker:
        settings = load_settings(
            data_dir=tmp_path / "data", broker_port=broker.port, broker_password=SERVER_PASSWORD
        )
        status = verify_broker(settings)
        told = capsys.readouterr().out
        with broker.accounts() as accounts:
            held = accounts.generations()

    assert (status, held) == (0, {}), told
    assert "FAILED" not in told
    assert ("with TLS" in told) == with_tls
    assert "A client without a password is refused." in told
    assert "A kiosk hears no other's topics." in told
    assert ("`persistence true`" in told) == (broker_kind == "mosquitto")


def test_open_broker_is_named_as_such(
    mosquitto: PlainBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify_broker(load_settings(data_dir=tmp_path, broker_port=mosquitto.port)) == 1

    told = capsys.readouterr().out
    assert "FAILED      A client without a password is let in." in told
    assert "cannot keep the kiosks' accounts" in told


def test_broker_that_is_away_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify_broker(load_settings(data_dir=tmp_path, broker_port=free_port())) == 1

    (line,) = capsys.readouterr().out.splitlines()
    assert "cannot be reached" in line
