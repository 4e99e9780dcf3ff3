"""Clients that stall while they upload, before and after a change: what they cost the others.

    .venv/bin/python -m scripts.bench.uploads --tree . --tree OLDER_CHECKOUT

Starts the ML service and the server of each checkout with this checkout's packages. Prints a
Markdown table.
"""

import argparse
import contextlib
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

KEY = secrets.token_hex(16)
MIB = 1024 * 1024
_ASKED = 20
_JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "multipart/form-data; boundary=cut", "X-Requested-With": "rollcall"}
_PART = b'--cut\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
_NO_PICTURE = json.dumps({"image_base64": "bm8gcGljdHVyZQ=="}).encode()


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(tree: Path, module: str, port: int, settings: dict[str, str]) -> Iterator[int]:
    """A process of a checkout; gives its id."""
    env = os.environ | settings | {"PYTHONPATH": str(tree)}
    command = [sys.executable, *module.split()]
    child = subprocess.Popen(
        command, env=env, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: ask(port, "/health")[0] == 200, 60.0)
        yield child.pid
    finally:
        child.terminate()
        child.wait(30)


def until(is_true: Callable[[], bool], within_s: float) -> None:
    """Wait; end the program where it does not come true."""
    deadline = time.monotonic() + within_s
    while not is_true():
        if time.monotonic() > deadline:
            raise SystemExit("a process did not start")


def ask(
    port: int, path: str, body: bytes | None = None, timeout_s: float = 5.0
) -> tuple[int, float]:
    """Status (0: none) and seconds of a request."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data=body, headers={"X-API-Key": KEY, **_JSON}
    )
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            status: int = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError:
        status = 0
    return status, time.perf_counter() - started


@contextlib.contextmanager
def unfinished(
    port: int, count: int, path: str, headers: dict[str, str], start: bytes
) -> Iterator[list[socket.socket]]:
    """Uploads of 8 MiB that begin."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {8 * MIB}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, "", ""]).encode()
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            found.append(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
            found[-1].sendall(head + start)
        yield found


def flood(connections: list[socket.socket]) -> None:
    """Send all but the last part of each body, as far as it is taken within ten seconds."""
    left = dict.fromkeys(connections, 8 * MIB - 65536 - len(_PART))
    deadline = time.monotonic() + 10.0
    for connection in connections:
        connection.settimeout(0)
    while any(left.values()) and time.monotonic() < deadline:
        for connection in connections:
            try:
                left[connection] -= connection.send(b" " * min(65536, left[connection]))
            except BlockingIOError:
                continue
            except ConnectionError:
                left[connection] = 0


def resident_mib(pid: int) -> float:
    """Memory of a process in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / MIB


def of_ml_service(tree: Path) -> list[tuple[str, str]]:
    """34 uploads with a key that stall after one byte, while others ask."""
    port = free_port()
    settings = {
        "ROLLCALL_ML_API_KEY": KEY,
        "ROLLCALL_ML_PORT": str(port),
        "ROLLCALL_ML_WORKERS": "2",
        "ROLLCALL_ML_QUEUE_LIMIT": "32",
    }
    headers = {"X-API-Key": KEY, **_JSON}
    with (
        running(tree, "-m models.service.main", port, settings),
        unfinished(port, 34, "/api/ml/encode-face", headers, b"{"),
    ):
        time.sleep(0.5)
        answers = [ask(port, "/api/ml/encode-face", _NO_PICTURE) for _ in range(_ASKED)]
        ready, _ = ask(port, "/ready")
    good = sum(status == 200 for status, _ in answers)
    median_ms = statistics.median(took for _, took in answers) * 1000
    return [
        (
            "ML service: 34 stalled uploads with a key",
            f"{good} of {_ASKED} others answered, median {median_ms:.0f} ms; /ready {ready}",
        )
    ]


def of_server(tree: Path) -> list[tuple[str, str]]:
    """60 uploads that never end, without a sign-in."""
    found = []
    for path in ("/api/v1/people/00000000-0000-0000-0000-000000000000/enrolments", "/sign-in"):
        port = free_port()
        with tempfile.TemporaryDirectory() as data:
            settings = {
                "ROLLCALL_SERVER_DATA_DIR": f"{data}/server",
                "ROLLCALL_SERVER_PORT": str(port),
                "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
            }
            command = "-m server.main serve"
            with running(tree, command, port, settings) as pid:
                before = resident_mib(pid)
                with unfinished(port, 60, path, _FORM, _PART) as uploads:
                    flood(uploads)
                    grown = resident_mib(pid) - before
                    refused = sum(_is_answered(one) for one in uploads)
        words = f"{grown:.0f} MiB more memory, {refused} of 60 refused before their end"
        name = "photos" if "people" in path else path
        found.append((f"server: 60 unfinished uploads without sign-in to {name}", words))
    return found


def _is_answered(connection: socket.socket) -> bool:
    connection.settimeout(1.0)
    try:
        return connection.recv(20).startswith(b"HTTP/1.1 ")
    except OSError:
        return False


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path, action="append", metavar="FOLDER")
    trees = parser.parse_args().tree or [Path()]
    rows: dict[str, list[str]] = {}
    for tree in trees:
        for name, value in (*of_ml_service(tree.resolve()), *of_server(tree.resolve())):
            rows.setdefault(name, []).append(value)
    print(f"| | {' | '.join(str(tree) for tree in trees)} |\n|{'---|' * (len(trees) + 1)}")
    for name, values in rows.items():
        print(f"| {name} | {' | '.join(values)} |")


if __name__ == "__main__":
    main()
