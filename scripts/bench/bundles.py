"""Let kiosks download a bundle from a real server over TLS at the same time.

    .venv/bin/python -m scripts.bench.bundles [--kiosks 8] [--megabytes 100]

Each kiosk is the script of a card, as a process. Meanwhile the server is asked for its health, and
its largest memory is read at the end.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from provisioning.bundling.folder import MANIFEST, digest, write_manifest
from provisioning.bundling.lock import BOOKWORM
from provisioning.image.on_card import fetch_bundle
from scripts.demo.processes import answers, console_script
from scripts.demo.school import AdminClient

_PORT, _BROKER_PORT = 18010, 18011
_FILES = 100
_MEGABYTE = 1_000_000
_PASSWORD = "chosen at the first sign-in"  # noqa: S105 - of a server that ends at once
_ASK_EVERY_S = 0.2


@dataclass
class Bench:
    """A server with a bundle, and kiosks that want it.

    Attributes:
        folder: of everything that is written.
        kiosks: how many.
        health_ms: how long the server took to say how it is, each time.
    """

    folder: Path
    kiosks: int
    health_ms: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Of the server."""
        return f"https://127.0.0.1:{_PORT}"

    @property
    def authority(self) -> Path:
        """Of the server's certificate."""
        return self.folder / "data/certificates/authority.pem"

    @property
    def settings(self) -> dict[str, str]:
        """Of the server."""
        return {
            "ROLLCALL_SERVER_DATA_DIR": str(self.folder / "data"),
            "ROLLCALL_SERVER_PORT": str(_PORT),
            "ROLLCALL_SERVER_BROKER_PORT": str(_BROKER_PORT),
            "ROLLCALL_SERVER_BUNDLES_DIR": str(self.folder / "bundles"),
        }

    def make_bundle(self, megabytes: int) -> str:
        """Write files that cannot be compressed; returns the digest of the manifest."""
        bundle = self.folder / "bundles/one"
        paths = {f"wheels/{number}.whl" for number in range(_FILES)}
        (bundle / "wheels").mkdir(parents=True)
        for path in paths:
            (bundle / path).write_bytes(os.urandom(megabytes * _MEGABYTE // _FILES))
        write_manifest(bundle, "0.1.0", BOOKWORM, paths)
        return digest(bundle / MANIFEST)

    def claim_codes(self) -> list[str]:
        """Add the kiosks."""
        admin = AdminClient(self.url)
        one_time = (self.folder / "data/admin-password.txt").read_text().strip()
        admin.sign_in("admin", one_time)
        admin.post("/sign-in/password", {"old": one_time, "new": _PASSWORD})
        room = admin.post("/rooms", {"name": "R12"})["id"]
        named = [{"name": f"Door {one}", "room_id": room} for one in range(self.kiosks)]
        return [str(admin.post("/kiosks", body)["claim_code"]) for body in named]

    def fetch(self, sha256: str) -> list[float]:
        """Download with all kiosks; returns after how many seconds each had everything."""
        started, running = time.monotonic(), {}
        for number, code in enumerate(self.claim_codes()):
            settings = self.folder / f"{number}.toml"
            settings.write_text(f'claim_code = "{code}"\n')
            told = ("--server", self.url, "--sha256", sha256, "--settings", str(settings))
            where = ("--authority", str(self.authority), "--into", str(self.folder / str(number)))
            command = [sys.executable, "-I", "-B", fetch_bundle.__file__, *told, *where]
            running[number] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        times = []
        while running:
            asked = time.monotonic()
            answers(f"{self.url}/health")
            self.health_ms.append((time.monotonic() - asked) * 1000)
            for number in [one for one, process in running.items() if process.poll() is not None]:
                if running.pop(number).returncode:
                    raise SystemExit(f"kiosk {number} could not download")
                times.append(time.monotonic() - started)
            time.sleep(_ASK_EVERY_S)
        return times


def peak_mib(pid: int) -> int:
    """Return the largest memory that a process had, MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def main(argv: list[str]) -> int:
    """Run the bench and print a line of a table."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.bundles", description=__doc__)
    parser.add_argument("--kiosks", type=int, default=8)
    parser.add_argument("--megabytes", type=int, default=100)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="rollcall-bundles-") as scratch:
        bench = Bench(Path(scratch), options.kiosks)
        sha256 = bench.make_bundle(options.megabytes)
        environment = {**os.environ, **bench.settings}
        server = console_script("rollcall-server")
        subprocess.run([server, "certificates"], env=environment, check=True, capture_output=True)
        # What trusts the school's authority here: this process, which asks for the health.
        os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = str(bench.authority)
        with (bench.folder / "log").open("wb") as log:
            command = [server, "serve"]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            while not answers(f"{bench.url}/health"):
                time.sleep(_ASK_EVERY_S)
            before = peak_mib(process.pid)
            times = bench.fetch(sha256)
            after = peak_mib(process.pid)
        finally:
            process.terminate()
            process.wait()
    health = f"{statistics.median(bench.health_ms):.0f} / {max(bench.health_ms):.0f}"
    span = f"{min(times):.0f} to {max(times):.0f}"
    load = f"{os.getloadavg()[0]:.1f}"
    facts = (options.kiosks, options.megabytes, span, health, before, after, load)
    sys.stdout.write("| " + " | ".join(map(str, facts)) + " |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
