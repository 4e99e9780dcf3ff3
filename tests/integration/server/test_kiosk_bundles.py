"""Bundles for new kiosks: who may read them, and which files there are."""

import hashlib
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlmodel import col, select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.config import Settings
from server.db.engine import Database
from server.kiosks.guesses import ClaimGuesses
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import Classroom
from tests.support.bundles import put
from tests.support.services import replace_services

BUNDLES = "/api/v1/devices/bundles"
WHEEL = bytes(range(256)) * 4


@pytest.fixture
def digest(settings: Settings) -> str:
    """A bundle in the default folder."""
    place = settings.data_dir / "bundles"
    return put(place, "one", {"wheels/a+b.whl": WHEEL, "models/face.tflite": b"model"})


@pytest.fixture
def claim(sign_in: SignIn) -> dict[str, str]:
    """What a device sends that has a claim code."""
    kiosk = Classroom(sign_in(Role.ADMIN)).kiosk
    return {"Authorization": f"Claim {kiosk['claim_code']}"}


def test_a_device_with_a_claim_code_lists_and_reads_a_bundle(
    client: TestClient, claim: dict[str, str], digest: str
) -> None:
    (listed,) = client.get(BUNDLES, headers=claim).json()
    assert (listed["sha256"], listed["python"]) == (digest, "cp311")
    manifest = client.get(f"{BUNDLES}/{digest}/manifest.json", headers=claim)
    assert hashlib.sha256(manifest.content).hexdigest() == digest
    assert listed["size_bytes"] == len(WHEEL) + len(b"model") + len(manifest.content)

    wheel = client.get(f"{BUNDLES}/{digest}/wheels/a%2Bb.whl", headers=claim)
    assert wheel.content == WHEEL
    rest = {"Range": "bytes=1000-", "If-Range": wheel.headers["etag"]}
    part = client.get(f"{BUNDLES}/{digest}/wheels/a%2Bb.whl", headers=claim | rest)
    assert (part.status_code, part.content) == (206, WHEEL[1000:])
    assert client.get(BUNDLES, headers=claim).status_code == 200  # the code still works


@pytest.mark.parametrize("sent", ["", "Claim", "Claim 00000000", "Bearer 00000000", "Device x"])
def test_nobody_else_reads_anything(client: TestClient, digest: str, sent: str) -> None:
    headers = {"Authorization": sent} if sent else {}
    for path in ("", f"/{digest}/manifest.json", "/x/y"):
        answer = client.get(f"{BUNDLES}{path}", headers=headers)
        assert answer.status_code == 403, path


def test_wrong_codes_count_as_guesses(
    app: FastAPI, client: TestClient, claim: dict[str, str], digest: str, database: Database
) -> None:
    replace_services(app, claim_guesses=ClaimGuesses(survives=3, per_address=2))
    wrong = {"Authorization": "Claim 00000000"}
    codes = [client.get(BUNDLES, headers=wrong).status_code for _ in range(3)]
    assert codes == [403, 403, 429]
    # The right code stood by, and a technician makes a new one.
    assert client.get(BUNDLES, headers=claim).status_code == 429
    with database.reading() as db:
        query = select(AuditEntry).where(col(AuditEntry.action) == "kiosk.claim_refused")
        assert len(db.exec(query).all()) == 1


@pytest.mark.parametrize(
    "path", ["..%2F..%2Fadmin-password.txt", "%2Fetc%2Fpasswd", "wheels", "nothing", ""]
)
def test_no_path_leads_out_of_a_bundle(
    client: TestClient, claim: dict[str, str], digest: str, path: str
) -> None:
    answer = client.get(f"{BUNDLES}/{digest}/{path}", headers=claim)
    assert answer.status_code == 404
    assert answer.json()["error"]["details"]["problem"] == "no_bundle_file"
    gone = client.get(f"{BUNDLES}/{'0' * 64}/manifest.json", headers=claim)
    assert gone.json()["error"]["details"]["problem"] == "no_bundle"


def test_few_files_are_sent_at_a_time(
    app: FastAPI, client: TestClient, claim: dict[str, str], digest: str, settings: Settings
) -> None:
    path, slots = f"{BUNDLES}/{digest}/manifest.json", services_of(app).downloads
    for _ in range(settings.bundle_downloads):
        slots.acquire()
    answer = client.get(path, headers=claim)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "downloads_full")
    slots.release()
    assert client.get(path, headers=claim).status_code == 200
    assert client.get(path, headers=claim).status_code == 200


def test_a_folder_that_is_not_there_offers_nothing(
    client: TestClient, claim: dict[str, str], settings: Settings
) -> None:
    assert settings.bundles_folder == Path(settings.data_dir) / "bundles"
    assert client.get(BUNDLES, headers=claim).json() == []
