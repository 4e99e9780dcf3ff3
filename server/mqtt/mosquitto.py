"""Run Mosquitto with a configuration of our own."""

import os
import shutil
import signal
import socket
from functools import partial
from pathlib import Path

from protocol.v1.fields import MAX_MESSAGE_BYTES
from server.certificates.links import broker_chain
from server.config import Settings
from server.mqtt.filling import fill
from server.mqtt.secret import broker_folder, server_password
from server.mqtt.security import prepare_document

_BINARY_FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"
_PLUGIN_NAME = "mosquitto_dynamic_security.so"
_LIBRARY_FOLDERS = ("/usr/lib", "/usr/local/lib", "/usr/lib64")
DOCUMENT_NAME = "dynamic-security.json"
CONFIG_NAME = "mosquitto.conf"
PID_NAME = "mosquitto.pid"

# Above a full batch of events with its MQTT header; the broker drops who sends more.
PACKET_LIMIT_BYTES = MAX_MESSAGE_BYTES + 1024


def find_mosquitto() -> Path | None:
    """Return Mosquitto's program, or None where it is not installed."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=_BINARY_FOLDERS)
    return Path(found) if found else None


def find_plugin() -> Path | None:
    """Return Mosquitto's dynamic security plugin, or None where it is not installed."""
    for folder in map(Path, _LIBRARY_FOLDERS):
        for pattern in (_PLUGIN_NAME, f"*/{_PLUGIN_NAME}"):
            if found := next(folder.glob(pattern), None):
                return found
    return None


def is_embedded(settings: Settings) -> bool:
    """Say whether `rollcall-server broker` runs the embedded broker with these settings."""
    if settings.broker == "auto":
        return _is_here(settings.broker_host) and not (find_mosquitto() and find_plugin())
    return settings.broker == "embedded"


def _is_here(host: str) -> bool:
    """Whether an address is one of this machine: what runs elsewhere is not known here."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def configuration(settings: Settings, plugin: Path) -> str:
    """Return the text of mosquitto.conf: accounts only, bounded queues, state on disk."""
    folder = broker_folder(settings)
    lines = [
        "# Written by rollcall-server at every start; changes here are lost.",
        "per_listener_settings false",
        f"listener {settings.broker_port} {settings.broker_host}",
        *_tls_lines(settings),
        "allow_anonymous false",
        f"plugin {plugin}",
        f"plugin_opt_config_file {folder / DOCUMENT_NAME}",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 30",
        # Beyond a queue's end Mosquitto drops what it has acknowledged; kiosks resend until the
        # server's own ack, so a bound costs time and not events.
        "max_queued_messages 10000",
        "max_queued_bytes 67108864",
        "max_inflight_messages 100",
        f"max_packet_size {PACKET_LIMIT_BYTES}",
        "persistent_client_expiration 14d",
        "connection_messages false",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "log_timestamp_format %Y-%m-%dT%H:%M:%S",
    ]
    if os.geteuid() == 0:
        # Else it would change to its own user, who cannot read the data folder.
        lines.append("user root")
    return "\n".join(lines) + "\n"


def prepare(settings: Settings, plugin: Path) -> Path:
    """Write configuration and accounts; returns the path of mosquitto.conf."""
    folder = broker_folder(settings)
    document = folder / DOCUMENT_NAME
    prepare_document(
        document,
        settings.broker_username,
        server_password(settings),
        partial(fill, settings=settings),
    )
    path = folder / CONFIG_NAME
    path.write_text(configuration(settings, plugin))
    return path


def _tls_lines(settings: Settings) -> list[str]:
    chain = broker_chain(settings)
    if chain is None:
        return []
    return [f"certfile {chain.certificate}", f"keyfile {chain.key or chain.certificate}"]


def tell_mosquitto(settings: Settings) -> bool:
    """Let the Mosquitto of this data folder read its certificate again; connections stay.

    Returns:
        Whether it runs here and was told.
    """
    folder = settings.data_dir.resolve() / "broker"
    try:
        number = int((folder / PID_NAME).read_text())
        running = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        if os.fsencode(folder / CONFIG_NAME) not in running:
            return False  # the number belongs to another process by now
        os.kill(number, signal.SIGHUP)
    except (OSError, ValueError):
        return False
    return True


def become_mosquitto(program: Path, config: Path) -> None:
    """Turn this process into Mosquitto: signals reach it directly and nothing can be orphaned."""
    # The number stays the same, so that `tell_mosquitto` finds it.
    (config.parent / PID_NAME).write_text(str(os.getpid()))
    os.execv(program, [str(program), "-c", str(config)])  # noqa: S606 - no shell is wanted
