"""A card without programs: the kiosk downloads them from the school's server over a network."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.boot_drill.machine import Drill, run
from scripts.demo.processes import DemoError, Supervisor, console_script
from scripts.demo.run import Demo
from scripts.demo.school import AdminClient

_BRIDGE = "rollcall-drill"
_SERVER, _KIOSK, _BITS = "10.77.12.1", "10.77.12.2", 24
#: In place of the school's router, which gives addresses by DHCP.
_LINK = f"""[Match]
Name=host0
[Network]
Address={_KIOSK}/{_BITS}
IPv6AcceptRA=no
"""
_DOWNLOAD_S = 900.0
_NEXT_TRY_S = 300.0
_IS_COMING = "Downloaded "
_AGAIN_END = "It is tried again in two minutes. See first-boot.log on the card."


@contextmanager
def school_network() -> Iterator[None]:
    """Have a network inside the block, with this machine in it.

    Raises:
        DemoError: this machine cannot have one.
    """
    run("ip", "link", "add", _BRIDGE, "type", "bridge")
    try:
        run("ip", "address", "add", f"{_SERVER}/{_BITS}", "dev", _BRIDGE)
        run("ip", "link", "set", _BRIDGE, "up")
        yield
    finally:
        run("ip", "link", "delete", _BRIDGE)


class ServedDemo(Demo):
    """A school whose server and broker are on the school's network, with TLS."""

    def __init__(
        self,
        supervisor: Supervisor,
        scratch: Path,
        output: Path,
        ports: dict[str, int],
        *,
        embedder: str,
    ) -> None:
        super().__init__(supervisor, scratch, output, ports, embedder=embedder)
        self.server_url = f"https://{_SERVER}:{ports['server']}"
        self.client = AdminClient(self.server_url)

    @property
    def authority(self) -> Path:
        """Of the certificates."""
        return self.scratch / "server/certificates/authority.pem"

    @property
    def bundle(self) -> Path:
        """The bundle that the server offers."""
        return self.scratch / "bundles/kiosks"

    def server_settings(self) -> dict[str, str]:
        """See `Demo.server_settings`."""
        return super().server_settings() | {
            "ROLLCALL_SERVER_HOST": "0.0.0.0",  # noqa: S104 - as docs/install.md says
            "ROLLCALL_SERVER_BROKER_HOST": "0.0.0.0",  # noqa: S104
            "ROLLCALL_SERVER_BUNDLES_DIR": str(self.bundle.parent),
        }

    def offer(self, bundle: Path) -> None:
        """Make the certificates, and put a bundle into the server's folder."""
        command = [console_script("rollcall-server"), "certificates", "--name", _SERVER]
        environment = {**os.environ, **self.server_settings()}
        subprocess.run(command, env=environment, check=True, capture_output=True)
        shutil.copytree(bundle, self.bundle)
        # What this process trusts when it asks the server.
        os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = str(self.authority)

    def stop_server(self) -> None:
        """End the server at once."""
        self._supervisor.kill("server")

    def start_server(self) -> None:
        """Start the server again."""
        self._supervisor.restart("server")


@dataclass
class ServedDrill(Drill):
    """One run with a card that carries no programs.

    Attributes:
        has_faults: the server is killed during the download, and has a damaged file.
    """

    has_faults: bool = False

    def programs(self, demo: Demo) -> tuple[str | Path, ...]:
        """See `Drill.programs`; `image` asks the server for bundles of a Pi alone, so name it."""
        assert isinstance(demo, ServedDemo)
        bundle = ("--bundle", self.folder / "bundle")
        return ("--from-server", "--server-ca", demo.authority, *bundle)

    def network(self) -> tuple[str, ...]:
        """See `Drill.network`."""
        return (f"--network-bridge={_BRIDGE}",)

    def write_card(self, demo: Demo, clip: Path) -> None:
        """See `Drill.write_card`; the system knows its address on the network."""
        super().write_card(demo, clip)
        if (self.card / "bundle").exists():
            raise DemoError("the card carries programs")
        (self.root / "etc/systemd/network/10-school.network").write_text(_LINK)
        run("systemctl", f"--root={self.root}", "enable", "systemd-networkd.service")

    def first_boot(self) -> None:
        """Boot with the arguments of the card's command line; nothing is downloaded by then."""
        started = time.monotonic()
        self.run_command_line()
        self.times["first boot, until it starts again"] = time.monotonic() - started
        self._refuse_installed()

    def mark(self, demo: Demo) -> dict[str, object]:
        """Boot again, download, install, and wait for the first mark; returns the register."""
        assert isinstance(demo, ServedDemo)
        started = time.monotonic()
        with self.booted() as container:
            self._await_words(container, "Downloading the programs", limit_s=_NEXT_TRY_S)
            self.times["second boot, until the download begins"] = time.monotonic() - started
            if self.has_faults:
                self._interrupt(container, demo)
            for name, words, limit_s in (
                ("all programs are there", "Installing the packages", _DOWNLOAD_S),
                ("the kiosk is installed", "Installed. The kiosk starts now.", _DOWNLOAD_S),
            ):
                self._await_words(container, words, limit_s=limit_s)
                self.times[f"second boot, until {name}"] = time.monotonic() - started
            register = self.await_mark(container, demo)
            self.times["second boot, until the first recorded mark"] = time.monotonic() - started
        self._refuse_leftovers()
        return register

    def _interrupt(self, container: subprocess.Popen[bytes], demo: ServedDemo) -> None:
        """Stop the server in the middle of the download, and damage the last file of the bundle."""
        last = demo.bundle / _last_file(demo.bundle)
        right = last.read_bytes()
        last.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
        self._await_words(container, _IS_COMING, limit_s=_DOWNLOAD_S)
        demo.stop_server()
        self.story.tell("Broken", "the server was killed in the middle of the download")
        self._await_failure(container, "; check the network and the server.")
        demo.start_server()
        self._await_failure(container, f"{last.name} on {demo.server_url} is not the file")
        last.write_bytes(right)
        self.story.tell("Repaired", "the damaged file on the server")

    def _await_words(
        self, container: subprocess.Popen[bytes], words: str, *, limit_s: float
    ) -> None:
        self.wait(container, lambda: words in self.first_boot_log, limit_s)

    def _await_failure(self, container: subprocess.Popen[bytes], words: str) -> None:
        """Wait until the kiosk tells a failure and that it tries again; nothing is installed."""
        self.wait(container, lambda: self._failure_with(words) is not None, _NEXT_TRY_S)
        failure = self._failure_with(words) or ""
        self.story.tell("Kiosk", failure.removeprefix("rollcall: "))
        self._refuse_installed()

    def _failure_with(self, words: str) -> str | None:
        found = (
            line
            for line in self.first_boot_log.splitlines()
            if words in line and line.endswith(_AGAIN_END)
        )
        return next(found, None)

    def _refuse_installed(self) -> None:
        if (self.root / "usr/bin/cage").exists() or (self.root / "opt/rollcall").exists():
            raise DemoError("something was installed before the programs were right")

    def _refuse_leftovers(self) -> None:
        """See to it that nothing of the card's secrets and of the download stays."""
        left = [
            *(self.card / name for name in ("kiosk.toml", "school.nmconnection")),
            self.root / "var/lib/rollcall-download",
            self.root / "etc/systemd/system/rollcall-first-boot.service",
        ]
        if found := [path for path in left if path.exists()]:
            raise DemoError(f"{found[0]} was left behind")


def _last_file(bundle: Path) -> str:
    """Return the file that is downloaded last."""
    listed = json.loads((bundle / "manifest.json").read_text())["files"]
    return str(listed[-1]["path"])
