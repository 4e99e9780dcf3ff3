"""Read a page while strangers guess passwords, and say how long it takes and what they get.

    .venv/bin/python -m scripts.bench.sign_in [--guessers 16] [--checkout FOLDER]

Starts a server process with production passwords and no people. One person reads a page again and
again; first alone, then while guessers send names and passwords without pause, each from a new
address (as a botnet does) or all from one. `--checkout` adds rows for the code in another checkout,
for a comparison in one run. Prints a Markdown table.
"""

import argparse
import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench.many import HERE, _wait_for, free_port

_PAGE = "/lessons"
_NEW_PASSWORD = "a password for measuring"  # noqa: S105 - of a server that lives for a minute
_CLIENT = {"X-Requested-With": "rollcall", "Content-Type": "application/json"}


@dataclass
class Tally:
    """What guessers got, until they are told to stop."""

    statuses: Counter[int] = field(default_factory=Counter)
    is_over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(folder: Path, checkout: Path) -> Iterator[int]:
    """Run the server of a checkout on an empty folder; gives its port."""
    port = free_port()
    env = os.environ | {
        "ROLLCALL_SERVER_DATA_DIR": str(folder),
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
        "ROLLCALL_SERVER_TRUSTED_PROXIES": "127.0.0.1",
        "ROLLCALL_SERVER_LOG_LEVEL": "error",
        "PYTHONPATH": str(checkout),
    }
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "server.main", "serve"],
        env=env,
        cwd=checkout,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, child)
        yield port
    finally:
        child.terminate()
        child.wait(30)


def sign_in(port: int, folder: Path) -> str:
    """Sign the first admin in and choose a password; returns the cookie."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    first = (folder / "admin-password.txt").read_text().strip()
    body = json.dumps({"username": "admin", "password": first})
    connection.request("POST", "/api/v1/sign-in", body, _CLIENT)
    answer = connection.getresponse()
    answer.read()
    cookie = "; ".join(
        value.partition(";")[0] for name, value in answer.getheaders() if name == "set-cookie"
    )
    body = json.dumps({"old": first, "new": _NEW_PASSWORD})
    connection.request("POST", "/api/v1/sign-in/password", body, _CLIENT | {"Cookie": cookie})
    assert connection.getresponse().status == 204
    connection.close()
    return cookie


def read_pages(port: int, cookie: str, seconds: float) -> list[float]:
    """Read the page for some seconds; returns how long each took, milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    took, end = [], time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        connection.request("GET", _PAGE, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        took.append((time.perf_counter() - begun) * 1000)
    connection.close()
    return took


def guess(port: int, address: Callable[[], str], tally: Tally) -> None:
    """Guess without pause, each time at another name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while not tally.is_over.is_set():
        body = json.dumps({"username": secrets.token_hex(4), "password": secrets.token_hex(8)})
        headers = _CLIENT | {"X-Forwarded-For": address()}
        connection.request("POST", "/api/v1/sign-in", body, headers)
        answer = connection.getresponse()
        answer.read()
        tally.statuses[answer.status] += 1
    connection.close()


def new_address() -> str:
    """An address that nobody had before."""
    return "10." + ".".join(str(secrets.randbelow(256)) for _ in range(3))


def measure(name: str, checkout: Path, guessers: int, seconds: float) -> None:
    """Print the rows of one checkout."""
    attacks: dict[str, Callable[[], str] | None] = {
        "nobody guesses": None,
        "each guess from a new address": new_address,
        "all guesses from one address": lambda: "10.0.0.7",
    }
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder,
        serving(Path(folder), checkout) as port,
    ):
        cookie = sign_in(port, Path(folder))
        read_pages(port, cookie, 1.0)
        for what, address in attacks.items():
            took_ms, statuses = _under(port, cookie, address, guessers, seconds)
            sys.stdout.write(_row(name, what, took_ms, statuses))
            sys.stdout.flush()


def _under(
    port: int, cookie: str, address: Callable[[], str] | None, guessers: int, seconds: float
) -> tuple[list[float], Counter[int]]:
    tally = Tally()
    count = guessers if address is not None else 0
    threads = [
        threading.Thread(target=guess, args=(port, address, tally), daemon=True)
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        took = read_pages(port, cookie, seconds)
    finally:
        tally.is_over.set()
        for thread in threads:
            thread.join(60)
    return took, tally.statuses


def _row(name: str, what: str, took_ms: list[float], statuses: Counter[int]) -> str:
    ranked = sorted(took_ms)
    p50, p95 = ranked[len(ranked) // 2], ranked[len(ranked) * 95 // 100]
    got = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())) or "none"
    return f"| {name} | {what} | {len(took_ms)} | {p50:.0f} | {p95:.0f} | {got} |\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--guessers", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--checkout", type=Path, action="append", default=[])
    options = parser.parse_args()
    sys.stdout.write("| code | guessing | pages | p50, ms | p95, ms | answers to guesses |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for checkout in [*options.checkout, HERE]:
        name = "this" if checkout == HERE else "before"
        measure(name, checkout.resolve(), options.guessers, options.seconds)


if __name__ == "__main__":
    main()
