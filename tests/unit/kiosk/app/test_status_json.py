"""`rollcall-kiosk status --json` says what the doctor needs, and the doctor can read it."""

import io
import json
from pathlib import Path

from kiosk.app.status_json import status_json
from kiosk.doctor.report import BrokerPlace, KioskReport, parse_report
from kiosk.storage.identity import IdentityStore
from protocol.v1.sealing import sealing_public_text
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.school import KIOSK_ID, broker_access, claim_response
from tests.support.ports import free_port
from tests.unit.kiosk.app.test_server_words import claimed, settings_for
from tests.unit.kiosk.storage.drafts import draft, outbox_in


def report(url: str, folder: Path, status: int) -> tuple[KioskReport, str]:
    said = io.StringIO()
    assert status_json(settings_for(url, folder), said) == status
    found = parse_report(said.getvalue())
    assert found is not None
    return found, said.getvalue()


def test_a_claimed_kiosk_names_its_broker_records_and_models(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path / "identity")
    keys = store.keys()
    answer = claim_response(sealing_public_text(keys.sealing))
    store.save_claim(answer.model_copy(update={"broker": broker_access(1884)}), keys)
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    with serving(SchoolServer()) as url:
        found, text = report(url, tmp_path, 0)

    assert found.is_claimed
    assert found.to_do == ()
    assert found.broker == BrokerPlace("127.0.0.1", 1884, is_tls=False)
    assert found.events is not None
    assert (found.events["waiting"], found.events["lost"]) == (1, 0)
    assert found.models["blazeface-full-range"] == "ok"
    assert json.loads(text)["kiosk_id"] == str(KIOSK_ID)
    assert "token" not in text


def test_a_server_that_is_away_is_named_with_what_to_do(tmp_path: Path) -> None:
    claimed(tmp_path / "identity")
    found, _ = report(f"http://127.0.0.1:{free_port()}", tmp_path, 0)
    assert [one.fix for one in found.to_do] == ["Check the network and the server."]
    arabic = found.to_do[0].in_language("ar")
    assert arabic is not None
    assert found.to_do[0].values["address"] in arabic.words


def test_a_new_kiosk_asks_for_a_claim_code(tmp_path: Path) -> None:
    found, _ = report("http://127.0.0.1:9", tmp_path, 1)
    assert (found.is_claimed, found.broker, found.events) == (False, None, {})
    assert "new claim code" in found.to_do[0].fix


def test_a_damaged_outbox_is_not_counted(tmp_path: Path) -> None:
    claimed(tmp_path / "identity")
    (tmp_path / "outbox.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    found, _ = report(f"http://127.0.0.1:{free_port()}", tmp_path, 0)
    assert found.events is None


def test_something_else_is_no_report() -> None:
    assert [parse_report(text) for text in ("", "[]", "null", '{"claimed": true}', "{")] == [
        None
    ] * 5
