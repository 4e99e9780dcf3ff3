"""Ways to break a machine, and what the doctor says then."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from kiosk.doctor import CheckResult
from tests.support.ports import free_port
from tests.unit.kiosk.doctor.bench import METADATA_INFO, TIME, Bench
from tests.unit.protocol.v1.test_tls import http


class Broken(NamedTuple):
    """A way to break a machine, and what the doctor says then."""

    how: Callable[[Bench, pytest.MonkeyPatch], object]
    check: str
    result: CheckResult
    words: str
    fix: str
    also: tuple[str, ...] = ()


def _busy(bench: Bench, _: pytest.MonkeyPatch) -> None:
    error = "VIDIOC_REQBUFS returned -1 (Device or resource busy)"
    bench.script("v4l2-ctl", f'case "$*" in *--info*) {ONLY_VIDEO};; *) echo "{error}" >&2;; esac')


def _no_frames(bench: Bench, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("kiosk.doctor.picture._CAPTURE_S", 0.3)
    bench.script("v4l2-ctl", f'case "$*" in *--info*) {ONLY_VIDEO};; *) /bin/sleep 60;; esac')


def _no_dns(bench: Bench, patch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    patch.setattr(socket, "getaddrinfo", unknown)
    bench.settings["server_url"] = "http://rollcall.school.example"
    bench.settings["allow_plain"] = True


def _silent_server(bench: Bench) -> None:
    bench.settings["server_url"] = f"http://127.0.0.1:{free_port()}"


def _foreign_file(bench: Bench, patch: pytest.MonkeyPatch) -> None:
    path = bench.data / "outbox.db"
    path.write_text("")
    found = os.lstat

    def other(self: Path) -> os.stat_result:
        values = list(found(self))
        values[4] = values[4] + 1 if self == path else values[4]
        return os.stat_result(values)

    patch.setattr(Path, "lstat", other)


def _events(**counts: int) -> Callable[[Bench, pytest.MonkeyPatch], object]:
    return lambda bench, _: bench.status["events"].update(counts)


HEALTHY = b'{"service": "rollcall-server", "version": "0.1.0"}'
LONG_AGO = "Mon, 01 Jan 2024 08:00:00 GMT"
ONLY_VIDEO = 'printf "Device Caps\\n Video Capture"'
FAIL, WARN = CheckResult.FAIL, CheckResult.WARN
BROKEN = {
    "camera unplugged": Broken(
        lambda b, _: b.put("dev/video0", "").rename(b.folder / "root/dev/video2"),
        "camera",
        FAIL,
        "There is no camera at /dev/video0",
        r"/dev/video2.*--camera",
        ("light", "focus"),
    ),
    "camera in use": Broken(
        _busy, "camera", FAIL, "Another program uses", "sudo fuser", ("light", "focus")
    ),
    "camera hangs": Broken(
        _no_frames,
        "camera",
        FAIL,
        "delivers no pictures",
        "Unplug the camera",
        ("light", "focus"),
    ),
    "metadata device": Broken(
        lambda b, _: b.camera("sharp", info=METADATA_INFO),
        "camera",
        FAIL,
        "another part of the camera",
        "--camera 0",
    ),
    "lens covered": Broken(
        lambda b, _: b.camera("black"), "light", FAIL, "only black", "cover off", ("focus",)
    ),
    "room dark": Broken(
        lambda b, _: b.camera("dark"), "light", WARN, "too dark", "light on", ("focus",)
    ),
    "window behind": Broken(lambda b, _: b.camera("bright"), "light", WARN, "too bright", "window"),
    "out of focus": Broken(lambda b, _: b.camera("blurred"), "focus", WARN, "not sharp", "lens"),
    "accelerator in a slow port": Broken(
        lambda b, _: b.usb("1-2", "1a6e", "089a", "480"), "accelerator", WARN, "slow port", "USB 3"
    ),
    "accelerator without library": Broken(
        lambda b, _: b.tool("ldconfig", "\tlibc.so.6\n"),
        "accelerator",
        FAIL,
        "not installed",
        "libedgetpu1-std",
    ),
    "clock not synchronised": Broken(
        lambda b, _: b.tool("timedatectl", TIME.replace("Synchronized=yes", "Synchronized=no")),
        "clock",
        WARN,
        "No time server",
        "port 123",
    ),
    "time synchronisation off": Broken(
        lambda b, _: b.tool("timedatectl", "NTP=no\nNTPSynchronized=no\n"),
        "clock",
        WARN,
        "is off",
        "set-ntp true",
    ),
    "clock wrong": Broken(
        lambda b, _: setattr(b, "health", http(HEALTHY, f"200 OK\r\nDate: {LONG_AGO}")),
        "clock",
        FAIL,
        r"\d+ days ahead of",
        "set-ntp true",
    ),
    "disk full": Broken(
        lambda _, p: p.setattr(
            shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 4096)
        ),
        "disk space",
        FAIL,
        "full",
        "vacuum-size",
    ),
    "disk worn": Broken(
        lambda b, _: b.put("sys/block/mmcblk0/device/life_time", "0x03 0x0b\n"),
        "disk wear",
        FAIL,
        "worn out",
        "Replace the card",
    ),
    "disk errors": Broken(
        lambda b, _: b.tool("journalctl", "blk_update_request: I/O error, dev mmcblk0, sector 9\n"),
        "disk wear",
        FAIL,
        "reports errors",
        "import-events",
    ),
    "disk read-only": Broken(
        lambda b, _: b.put("proc/mounts", "/dev/mmcblk0p2 / ext4 ro,noatime 0 0\n"),
        "disk wear",
        FAIL,
        "read-only",
        "Replace the card",
    ),
    "hot": Broken(
        lambda b, _: b.board("83.1", "0x0"),
        "temperature",
        FAIL,
        "83 °C and slows down",
        "fan",
    ),
    "undervoltage": Broken(
        lambda b, _: b.board("50.0", "0x50005"),
        "undervoltage",
        FAIL,
        "too weak",
        "power supply that came",
    ),
    "undervoltage before": Broken(
        lambda b, _: b.board("50.0", "0x10000"),
        "undervoltage",
        WARN,
        "at times",
        "power supply that came",
    ),
    "weak wi-fi": Broken(
        lambda b, _: b.tool("nmcli", case={"list": " :88\n*:23\n", "device": "wifi:connected\n"}),
        "network",
        WARN,
        "weak .23 %",
        "cable",
    ),
    "name unknown": Broken(
        _no_dns,
        "dns",
        FAIL,
        "rollcall.school.example is unknown",
        "IP address",
        ("tls", "http", "mqtt"),
    ),
    "server off": Broken(
        lambda b, _: _silent_server(b), "http", FAIL, "does not answer", "reach port"
    ),
    "another product": Broken(
        lambda b, _: setattr(b, "health", http(b"<html>Sign in</html>")),
        "http",
        FAIL,
        "Something else",
        "sign-in page",
    ),
    "redirect": Broken(
        lambda b, _: setattr(
            b, "health", http(b"", "302 Found\r\nLocation: https://hotspot.example/in?token=x")
        ),
        "http",
        FAIL,
        "redirects to https://hotspot.example.$",
        "sign-in",
    ),
    "database down": Broken(
        lambda b, _: setattr(b, "health", http(b'{"service": "rollcall-server"}', "503 Gone")),
        "http",
        FAIL,
        "database",
        "server's log",
    ),
    "broker off": Broken(
        lambda b, _: b.status["broker"].update(port=free_port()),
        "mqtt",
        WARN,
        "does not answer",
        "rollcall-server broker",
    ),
    "no broker": Broken(
        lambda b, _: setattr(b, "broker", b"HTTP/1.1 400"),
        "mqtt",
        WARN,
        "not an MQTT broker",
        "port",
    ),
    "old server": Broken(
        lambda b, _: b.health.update(version="0.0.9") if isinstance(b.health, dict) else None,
        "versions",
        WARN,
        "the server 0.0.9",
        "update the server",
    ),
    "model missing": Broken(
        lambda b, _: b.status["models"].update({"sface-2021dec": "missing"}),
        "models",
        FAIL,
        "missing: sface-2021dec",
        "rollcall-models install",
    ),
    "file of root": Broken(
        _foreign_file, "permissions", FAIL, "outbox.db belongs to", "sudo chown -R"
    ),
    "open folder": Broken(
        lambda b, _: b.data.chmod(0o755), "permissions", WARN, "Other accounts", "chmod 700"
    ),
    "not claimed": Broken(
        lambda b, _: b.status.update(
            claimed=False,
            broker=None,
            lines=[{"name": "identity", "words": "Not claimed.", "to_do": "Claim it."}],
        ),
        "claim",
        FAIL,
        "Not claimed",
        "Claim it",
        ("mqtt",),
    ),
    "records lost": Broken(_events(lost=2), "outbox", FAIL, "2 records were lost", "close the gap"),
    "outbox full": Broken(
        _events(waiting=190_000), "outbox", FAIL, "190000 records wait", "Connect"
    ),
}
