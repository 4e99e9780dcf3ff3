"""Time requests of a kiosk with and without signed answers, in turns against one real server.

    .venv/bin/python -m scripts.bench.signed_answers [--turns 20] [--requests 100]

The server runs in a process of its own on SQLite, without a broker. One client asks over one
connection. Every answer to a signed request is verified after its turn, outside the timing. Prints
two Markdown tables: the processor time of one signature by size of the answer, and the requests;
the last column of these is the median over the turns of signed to unsigned.
"""

import argparse
import contextlib
import http.client
import io
import multiprocessing
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.v1 import sealing, signing
from protocol.v1.messages import ClaimRequest, EventBatch
from protocol.v1.statements import (
    NONCE_HEADER,
    SIGNATURE_HEADER,
    TIME_HEADER,
    answer_statement,
)
from server.app import create_app, open_storage
from server.config import Settings, load_settings
from server.db.types import now
from server.kiosks import claiming
from server.kiosks.service import create_kiosk
from server.timetable.service import create_room
from tests.support.ports import free_port, is_listening

_SIZES = (0, 10_000, 200_000, 1_000_000)


@dataclass(frozen=True)
class Call:
    """One kind of request."""

    name: str
    method: str
    target: str
    body: bytes = b""


@dataclass(frozen=True)
class Device:
    """A claimed kiosk, and the key its server signs with."""

    kiosk_id: str
    token: str
    server_key: Ed25519PublicKey


def claimed_device(settings: Settings) -> Device:
    """Make a database with one claimed kiosk."""
    with contextlib.redirect_stdout(io.StringIO()):  # the password of the first account
        database, vault = open_storage(settings)
    key, sealing_key = signing.make_key(), sealing.make_sealing_key()
    with database.transaction() as db:
        kiosk = create_kiosk(
            db, name="Door", room_id=create_room(db, "R1", actor="system").id, actor="system"
        )
        code, _ = claiming.issue_code(db, kiosk, actor="system", at=now())
        body = {
            "claim_code": code,
            "signing_key": signing.public_text(key),
            "sealing_key": sealing.sealing_public_text(sealing_key),
            "software_version": "",
            "hardware": "",
        }
        proof = signing.sign_document(body, key, context="claim")
        request = ClaimRequest.model_validate(body | {"proof": proof})
        outcome = claiming.claim(db, vault, request, at=now())
        assert isinstance(outcome, claiming.Claimed)
        server_key = claiming.server_signing_key(db, vault).public_key()
    database.close()
    return Device(outcome.kiosk.wire_id, outcome.device_token, server_key)


@contextmanager
def running_server(settings: Settings) -> Iterator[int]:
    """Run the server in a process; yields its port."""
    port = free_port()
    child = multiprocessing.Process(target=_serve, args=(settings, port), daemon=True)
    child.start()
    try:
        while not is_listening(port):
            child.join(0.1)
            if not child.is_alive():
                raise RuntimeError("the server did not start")
        yield port
    finally:
        child.terminate()
        child.join(15)


def _serve(settings: Settings, port: int) -> None:
    uvicorn.run(create_app(settings), port=port, access_log=False, log_config=None)


class Asker:
    """Sends one kind of request many times over one connection."""

    def __init__(self, port: int, device: Device) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._device = device

    def turn_s(self, call: Call, requests: int, *, signed: bool) -> float:
        """Return the wall time of some requests."""
        nonces = [secrets.token_urlsafe(24) for _ in range(requests)]
        answers = []
        started = time.perf_counter()
        for nonce in nonces:
            headers = {"Authorization": f"Device {self._device.token}"}
            if signed:
                headers[NONCE_HEADER] = nonce
            self._connection.request(call.method, call.target, call.body, headers)
            answer = self._connection.getresponse()
            answers.append((answer, answer.read()))
        wall_s = time.perf_counter() - started
        if signed:
            for nonce, (answer, body) in zip(nonces, answers, strict=True):
                self._verify(call, nonce, answer, body)
        return wall_s

    def _verify(
        self, call: Call, nonce: str, answer: http.client.HTTPResponse, body: bytes
    ) -> None:
        statement = answer_statement(
            nonce=nonce,
            time=answer.headers[TIME_HEADER],
            method=call.method,
            target=call.target,
            status=answer.status,
            body=body,
        )
        signature = answer.headers[SIGNATURE_HEADER]
        signing.verify_document(statement, signature, self._device.server_key, context="answer")


def measure(asker: Asker, call: Call, turns: int, requests: int) -> str:
    """Return one row of the table."""
    asker.turn_s(call, requests, signed=True)
    pairs = [
        (
            asker.turn_s(call, requests, signed=False),
            asker.turn_s(call, requests, signed=True),
        )
        for _ in range(turns)
    ]
    without, with_signature = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(signed / unsigned for unsigned, signed in pairs)
    return (
        f"| {call.name} | {requests / without:,.0f} | {requests / with_signature:,.0f} |"
        f" {(with_signature - without) / requests * 1e3:.2f} | {ratio:.2f} |"
    )


def signature_us(body: bytes, repeats: int) -> float:
    """Return the processor time of signing one answer, microseconds."""
    key = signing.make_key()
    started = time.process_time()
    for _ in range(repeats):
        statement = answer_statement(
            nonce="n" * 32,
            time="2026-11-27T08:00:00.000Z",
            method="GET",
            target="/api/v1/sync/config",
            status=200,
            body=body,
        )
        signing.sign_document(statement, key, context="answer")
    return (time.process_time() - started) / repeats * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--requests", type=int, default=100)
    options = parser.parse_args()
    print("| answer, bytes | processor time of one signature, us |")
    print("|---|---|")
    for size in _SIZES:
        print(f"| {size:,} | {signature_us(bytes(size), 200):,.0f} |", flush=True)
    print()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(
            data_dir=Path(folder), broker_port=free_port(), ml_service_url="http://127.0.0.1:9"
        )
        device = claimed_device(settings)
        empty = EventBatch(kiosk_id=device.kiosk_id, events=()).to_json()
        calls = [
            Call("configuration", "GET", "/api/v1/sync/config"),
            Call("gallery, nothing new", "GET", "/api/v1/sync/gallery?since=0"),
            Call("empty batch of events", "POST", "/api/v1/sync/events", empty),
            Call("refused request (404)", "GET", "/api/v1/sync/none"),
        ]
        with running_server(settings) as port:
            asker = Asker(port, device)
            print("| request | unsigned, per s | signed, per s | difference, ms | ratio |")
            print("|---|---|---|---|---|")
            for call in calls:
                print(measure(asker, call, options.turns, options.requests), flush=True)


if __name__ == "__main__":
    main()
