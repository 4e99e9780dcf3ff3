"""State what it costs the server to tell a kiosk that nothing changed.

    .venv/bin/python -m scripts.bench.unchanged_answers [--kiosks 1000] [--checkout FOLDER]

Fills an invented school in SQLite, starts the server as a process, and lets every kiosk ask for
its configuration and its gallery over one connection: first for all of it, then twice whether it
is still the same. CPU is that of the server's process, so middleware, the check of the
token and the signature of the answer are in it. `--checkout` adds a row for the code in another
checkout, on the same data. Prints a Markdown table.
"""

import argparse
import http.client
import json
import logging
import secrets
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from protocol.v1.statements import NONCE_HEADER
from scripts.bench.many import Crowd, make_crowd
from scripts.bench.noon import noon_zone
from scripts.bench.server_cpu import Running, serving
from scripts.invented_school import Size
from server.config import load_settings

HERE = Path(__file__).resolve().parents[2]
_GALLERY = "/api/v1/sync/gallery?since={since}&limit=500"
_PART, _ROUNDS = 50, 2


class Asker:
    """Kiosks that ask one after another over one connection."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)

    def ask(self, path: str, token: str, etag: str = "") -> tuple[int, str, bytes]:
        """Return status, ETag and body."""
        headers = {"Authorization": f"Device {token}", NONCE_HEADER: secrets.token_urlsafe(24)}
        headers |= {"If-None-Match": etag} if etag else {}
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        return answer.status, answer.headers.get("ETag", ""), body

    def gallery_end(self, token: str) -> int:
        """Let a kiosk download its gallery; return the number of the last change."""
        since, is_complete = 0, False
        while not is_complete:
            _status, _etag, body = self.ask(_GALLERY.format(since=since), token)
            page = json.loads(body)
            since, is_complete = page["next"], page["complete"]
        return int(since)

    def costs_ms(self, paths: dict[str, str], etags: dict[str, str], wanted: int) -> list[float]:
        """Let all ask; return the CPU time of one answer, mean of each 50.

        Args:
            paths: what to ask for, by token.
            etags: by token; brought up to date.
            wanted: status of each answer.
        """
        found = []
        tokens = list(paths)
        for start in range(0, len(tokens), _PART):
            part = tokens[start : start + _PART]
            before_ms = self._running.cpu_ms
            for token in part:
                status, etag, _body = self.ask(paths[token], token, etags.get(token, ""))
                if status != wanted:
                    raise SystemExit(f"{paths[token]}: {status} instead of {wanted}")
                etags[token] = etag
            found.append((self._running.cpu_ms - before_ms) / len(part))
        return found


def measure(name: str, crowd: Crowd, checkout: Path) -> None:
    """Print one row for each kind of answer."""
    with serving(crowd.settings, checkout) as running:
        asker = Asker(running)
        ends = {token: asker.gallery_end(token) for token in crowd.tokens}
        asked = {
            "configuration": dict.fromkeys(crowd.tokens, "/api/v1/sync/config"),
            "gallery": {token: _GALLERY.format(since=end) for token, end in ends.items()},
        }
        for what, paths in asked.items():
            known: dict[str, str] = {}
            whole = asker.costs_ms(paths, known, 200)
            same = [one for _ in range(_ROUNDS) for one in asker.costs_ms(paths, known, 304)]
            print(f"| {name} | {what} | {median(whole):.2f} | {median(same):.2f} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kiosks", type=int, default=1000)
    parser.add_argument("--checkout", type=Path, action="append", default=[])
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    size = Size(people=2 * options.kiosks, lessons=2 * options.kiosks, kiosks=options.kiosks)
    print("| code | answer | whole, ms of CPU | not changed, ms of CPU |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="rollcall-unchanged-") as folder:
        zone = noon_zone(datetime.now(UTC))
        crowd = make_crowd(load_settings(data_dir=Path(folder, "data"), timezone=zone), size)
        for checkout in (*options.checkout, HERE):
            measure(checkout.name, crowd, checkout)


if __name__ == "__main__":
    main()
