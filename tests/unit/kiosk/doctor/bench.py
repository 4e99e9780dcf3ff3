"""A kiosk's machine that tests break: files under another root, and tools that replay output.

The output follows the documented formats: v4l2-ctl of v4l-utils 1.22, vcgencmd of Raspberry Pi OS,
nmcli 1.42 (-t), timedatectl of systemd 252, proc_locks(5), proc_mounts(5).
"""

import json
import os
import shlex
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kiosk.doctor import Diagnosis, HostMachine
from provisioning.commands.doctor import examined
from tests.support.tls_recorder import recording
from tests.unit.protocol.v1.test_tls import http

WIDTH, HEIGHT = 640, 480
INFO = """Driver Info:
\tDriver name      : uvcvideo
\tCard type        : HD Pro Webcam C920
\tBus info         : usb-xhci-hcd.0-1
\tDriver version   : 6.6.51
\tCapabilities     : 0x84a00001
\t\tVideo Capture
\t\tMetadata Capture
\t\tStreaming
\tDevice Caps      : 0x04200001
\t\tVideo Capture
\t\tStreaming
"""
METADATA_INFO = (
    f"{INFO.partition('Device Caps')[0]}Device Caps      : 0x04a00000\n\t\tMetadata Capture\n"
)
FORMAT = """Format Video Capture:
\tWidth/Height      : 640/480
\tPixel Format      : 'YUYV' (YUYV 4:2:2)
\tField             : None
\tBytes per Line    : 1280
\tSize Image        : 614400
"""
TIME = "Timezone=Europe/Berlin\nLocalRTC=no\nCanNTP=yes\nNTP=yes\nNTPSynchronized=yes\n"
STATUS: dict[str, Any] = {
    "claimed": True,
    "kiosk_id": "kiosk-1",
    "lines": [{"name": "server", "words": "answers and knows this kiosk", "to_do": ""}],
    "broker": {"host": "127.0.0.1", "port": 0, "tls": False},
    "events": {"last_seq": 90, "waiting": 3, "kept": 87, "refused": 0, "lost": 0},
    "models": {"blazeface-full-range": "ok", "sface-2021dec": "ok"},
}
HEALTH: dict[str, Any] = {"status": "healthy", "service": "rollcall-server", "version": "0.1.0"}


def frame(kind: str) -> bytes:
    """A YUYV picture: `sharp`, `blurred`, `dark`, `black`, `bright`, or `wall`."""
    rows = {
        "sharp": bytes(80 + 90 * (x // 4 % 2) for x in range(WIDTH)),
        "blurred": bytes(60 + x * 120 // WIDTH for x in range(WIDTH)),
        "dark": bytes(20 + 20 * (x // 4 % 2) for x in range(WIDTH)),
        "black": bytes(WIDTH),
        "bright": bytes(220 + 35 * (x // 4 % 2) for x in range(WIDTH)),
        "wall": bytes([120]) * WIDTH,
    }
    line = bytearray(b"\x80" * (2 * WIDTH))
    line[0::2] = rows[kind]
    return bytes(line) * HEIGHT


@dataclass
class Bench:
    """A machine in order.

    Attributes:
        folder: of the machine: `root`, `bin`, `data`, `kiosk.toml`.
        settings: of the kiosk.
        status: what `rollcall-kiosk status --json` prints.
        health: what the server answers; bytes stand for another whole answer.
        broker: what the broker answers.
    """

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(STATUS)))
    health: dict[str, Any] | bytes = field(default_factory=lambda: dict(HEALTH))
    broker: bytes = b"\x20\x02\x00\x05"

    def __post_init__(self) -> None:
        for name in ("root", "bin", "data"):
            (self.folder / name).mkdir()
        self.data.chmod(0o700)
        self.put("dev/video0", "")
        self.put("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
        self.put("proc/mounts", "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n")
        self.put("proc/locks", "1: POSIX  ADVISORY  READ 22 fe:00:7 123 123\n")
        self.put("etc/os-release", 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
        self.put("sys/block/mmcblk0/device/life_time", "0x01 0x02\n")
        self.put("sys/block/mmcblk0/device/pre_eol_info", "0x01\n")
        self.usb("1-2", "18d1", "9302", "5000")
        self.tool("timedatectl", TIME)
        self.board("48.3", "0x0")
        self.tool(
            "nmcli",
            case={
                "list": "*:71\n:40\n",
                "device": "ethernet:connected\nloopback:connected (externally)\n",
            },
        )
        self.tool(
            "ldconfig",
            "\tlibedgetpu.so.1 (libc6,AArch64) => /lib/aarch64-linux-gnu/libedgetpu.so.1\n",
        )
        self.tool("journalctl", "bcm2835-wdt: Broadcom watchdog timer\n")
        self.camera("sharp")

    @property
    def data(self) -> Path:
        """The kiosk's data folder."""
        return self.folder / "data"

    @property
    def file(self) -> Path:
        """The kiosk's settings."""
        return self.folder / "kiosk.toml"

    def put(self, path: str, text: str) -> Path:
        """Write a file of the machine."""
        place = self.folder / "root" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def usb(self, port: str, vendor: str, product: str, speed: str) -> None:
        """Plug a device in."""
        values = {
            "idVendor": vendor,
            "idProduct": product,
            "speed": speed,
            "busnum": "1",
            "devnum": "4",
        }
        for name, text in values.items():
            self.put(f"sys/bus/usb/devices/{port}/{name}", f"{text}\n")
        self.put("dev/bus/usb/001/004", "")

    def tool(
        self,
        name: str,
        text: str = "",
        *,
        status: int = 0,
        errors: str = "",
        case: dict[str, str] | None = None,
    ) -> None:
        """Install a tool that replays output.

        Args:
            name: of the tool.
            text: its output.
            status: its exit status.
            errors: its output on standard error.
            case: output for calls with this word among the arguments.
        """
        lines = [f"printf %s {shlex.quote(errors)} >&2"]
        for word, said in (case or {}).items():
            lines.append(
                f'case " $* " in *" {word} "*) printf %s {shlex.quote(said)}; exit 0;; esac'
            )
        lines.append(f"printf %s {shlex.quote(text)}\nexit {status}")
        self.script(name, "\n".join(lines))

    def script(self, name: str, text: str) -> None:
        """Install a tool that runs these lines."""
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def board(self, degrees: str, throttled: str) -> None:
        """Install vcgencmd of a board at this temperature, with these bits."""
        said = {"measure_temp": f"temp={degrees}'C\n", "get_throttled": f"throttled={throttled}\n"}
        self.tool("vcgencmd", case=said)

    def remove(self, name: str) -> None:
        """Uninstall a tool."""
        (self.folder / "bin" / name).unlink()

    def camera(self, kind: str, *, info: str = INFO, told: str = FORMAT) -> None:
        """Install v4l2-ctl with a camera that sees something."""
        (self.folder / "frame.raw").write_bytes(frame(kind))
        self.script(
            "v4l2-ctl",
            f'echo "$*" >> {self.folder}/v4l2-calls\n'
            f'for a in "$@"; do case "$a" in --info) printf %s {shlex.quote(info)}; exit 0;;'
            f' --stream-to=*) /bin/cp {self.folder}/frame.raw "${{a#--stream-to=}}";; esac; done\n'
            f"printf %s {shlex.quote(told)}",
        )

    def examine(self) -> dict[str, Diagnosis]:
        """Run the doctor, with a server and a broker on this machine."""
        with ExitStack() as stack:
            body = self.health
            answer = body if isinstance(body, bytes) else http(json.dumps(body).encode())
            server = stack.enter_context(recording(None, self.folder, answer))
            broker = stack.enter_context(recording(None, self.folder, self.broker))
            if self.status["broker"] and not self.status["broker"]["port"]:
                self.status["broker"]["port"] = broker.port
            self.tool("rollcall-kiosk", json.dumps(self.status))
            settings = {"server_url": f"http://127.0.0.1:{server.port}", "data_dir": str(self.data)}
            texts = {**settings, **self.settings}
            if not self.file.exists():
                self.file.write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in texts.items()))
                self.file.chmod(0o600)
            findings = examined(HostMachine(self.folder / "root"), self.file)
        return {finding.check: finding for finding in findings}

    def hold(self) -> None:
        """Let a kiosk run, which holds its data folder."""
        found = self.data.stat()
        device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
        self.put("proc/locks", f"1: FLOCK  ADVISORY  WRITE 812 {device} 0 EOF\n")
