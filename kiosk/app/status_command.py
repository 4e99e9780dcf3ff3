"""The command `status`: how this kiosk stands, a line for each thing, and what to do."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from kiosk.app.commands import network_words
from kiosk.app.device import broker_access
from kiosk.app.onboarding import CLOCK_FILE, server_client
from kiosk.app.private_files import PrivateFiles
from kiosk.app.server_trust import Authorities
from kiosk.config import Settings
from kiosk.domain.clock import ClockReading
from kiosk.domain.health import DiskHealth
from kiosk.domain.identity import IdentityFault
from kiosk.domain.keeping import KeyKeeping, KeyPlace
from kiosk.domain.links import LinkSecurity
from kiosk.domain.room import clock_difference, room_health
from kiosk.domain.technician import technician_pin
from kiosk.errors import SyncError
from kiosk.storage.clock_file import ReadClockFile
from kiosk.storage.configuration import ConfigFile
from kiosk.storage.earlier import earlier_files, waiting_in
from kiosk.storage.files import free_bytes
from kiosk.storage.identity import ClaimPlace, KeptIdentity
from kiosk.storage.refusals import Contents, contents
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import Timeouts
from kiosk.sync.trust import fault_words
from protocol.v1.findings import CodedText, coded
from protocol.v1.messages import ClaimResponse, ClockSource

_SOON = Timeouts(connect_s=5, read_s=5, whole_s=10)
_KEEPERS = (KeyPlace.TPM2, KeyPlace.HOST)
_LINK = {
    LinkSecurity.TLS: "encrypted, certificate checked",
    LinkSecurity.LOCAL: "on this machine, not encrypted",
    LinkSecurity.PLAIN: "not encrypted, as allow_plain allows",
    **{fault: fault_words(fault) for fault in LinkSecurity if fault.is_fault},
}
_LINK_TO_DO = {
    LinkSecurity.PLAIN: "Give the server a certificate, then claim this kiosk again.",
    LinkSecurity.PLAIN_REFUSED: "Give the server a certificate and use its https address, or set"
    " allow_plain.",
    LinkSecurity.EXPIRED: "Check this kiosk's clock, then renew the server's certificate.",
    LinkSecurity.NOT_YET_VALID: "Check this kiosk's clock, then the server's.",
    LinkSecurity.FOREIGN_AUTHORITY: "Look for something that answers in the server's place. If the"
    " server's authority is new, run rollcall-kiosk claim --code.",
    LinkSecurity.WRONG_NAME: "Use an address that the certificate names, or renew it.",
    LinkSecurity.OTHER_FINGERPRINT: "Compare the fingerprint with the kiosk's page.",
    LinkSecurity.NO_TLS: "Check the address and the port.",
}
_ROOM = {
    DiskHealth.NEARLY_FULL: "Free space on the disk: it does not hold all records that may wait.",
    DiskHealth.OUTBOX_NEARLY_FULL: "Connect this kiosk: its record store is nearly full.",
    DiskHealth.OUTBOX_FULL: "Connect this kiosk now: its record store is full.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing about the kiosk, and what a person has to do about it; empty for nothing.

    Attributes:
        code: names words and to_do in every language; empty: there is only English.
        values: what stands in the places of those sentences.
    """

    name: str
    words: str
    to_do: str = ""
    code: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, text: CodedText) -> "Line":
        """Return a line that can be translated."""
        return cls(name, text.words, text.fix, text.code, text.values)


def status(settings: Settings, output: TextIO) -> int:
    """Say how this kiosk stands. Returns the exit status: 1 if it needs a claim code.

    Raises:
        StorageError: the identity cannot be read.
    """
    files = PrivateFiles(settings)
    kept = files.identity.kept()
    lines = lines_of(settings, files, kept)
    if kept.keys is not None and kept.claim is not None:
        # not in lines_of: support bundles hold those
        pin = technician_pin(kept.keys.signing)
        lines.append(Line("pin", f"{pin} opens the technician screen of this kiosk"))
    for line in lines:
        output.write(f"{line.name:<9}{line.words}\n")
    for line in lines:
        if line.to_do:
            output.write(f"{'to do':<9}{line.to_do}\n")
    return 0 if kept.keys is not None and kept.claim is not None else 1


def lines_of(settings: Settings, files: PrivateFiles, kept: KeptIdentity) -> list[Line]:
    """Return a line for each thing about the kiosk; asks its server once.

    Raises:
        StorageError: a file cannot be read.
    """
    lines = [_identity(kept), *_key(files.storage_key.keeping)]
    if kept.claim is not None:
        clock = SystemClock(ReadClockFile(settings.data_dir / CLOCK_FILE))
        lines.extend(_server(settings, kept.claim, kept.place, clock, files.config))
        lines.extend(_records(settings))
        lines.append(_clock(clock.reading()))
        lines.extend(_configuration(settings, files.config))
    return lines


def _identity(kept: KeptIdentity) -> Line:
    if kept.claim is None or kept.fault is not IdentityFault.NONE:
        return Line.of("identity", coded(f"identity.{kept.fault.value}"))
    claim = kept.claim
    return Line("identity", f"kiosk {claim.kiosk_id}, {claim.name}, in room {claim.room.name}")


def _key(keeping: KeyKeeping) -> Iterator[Line]:
    if keeping.place is None:
        return
    kept = coded(f"key.{keeping.place.value}")
    if keeping.refused in _KEEPERS:
        kept = coded(f"key.{keeping.refused.value}_refused", why=kept)
    yield Line.of("key", kept)


def _server(
    settings: Settings,
    claim: ClaimResponse,
    place: ClaimPlace,
    clock: SystemClock,
    config: ConfigFile,
) -> Iterator[Line]:
    """Ask the server, as the kiosk does."""
    client = server_client(settings, clock, _SOON)
    client.use_claim(claim)
    trust = Authorities(settings, claim, place, client, clock).broker
    kept = config.load()
    detail = ""
    try:
        client.config(kept.etag if kept else "")
    except SyncError as exc:
        detail = f" ({exc})"
    found = coded(f"server.{client.health.value}", address=client.address, detail=detail)
    yield Line.of("server", found)
    yield _link("server", client.security)
    access = broker_access(settings, claim.broker)
    if access is not None:
        yield _link("broker", trust.nominal(access.host, is_tls=access.tls))


def _link(name: str, security: LinkSecurity) -> Line:
    to_do = f"{_LINK_TO_DO.get(security, '')} ({name})" if security in _LINK_TO_DO else ""
    return Line("tls", f"{name}: {_LINK[security]}", to_do)


def _records(settings: Settings) -> Iterator[Line]:
    path = settings.data_dir / "outbox.db"
    waiting = 0
    if path.is_file() and not os.access(path, os.R_OK, effective_ids=True):
        yield Line("events", "cannot be read", "Check who owns the data folder.")
    elif path.is_file():
        found = contents(path)
        waiting = found.waiting if found else 0
        yield from _events(found)
    yield from _earlier(path)
    yield _disk(settings, waiting)


def _events(found: Contents | None) -> Iterator[Line]:
    if found is None:
        words = "the record store is damaged or of another version; the kiosk saves what it can"
        yield Line("events", words)
        return
    words = (
        f"{found.last_seq} recorded, {found.waiting} waiting, {found.kept} kept after delivery,"
        f" {found.refused} refused by the server"
    )
    to_do = "Look at the refused records on the kiosk's page." if found.refused else ""
    yield Line("events", words, to_do)
    if found.lost:
        to_do = "Close the gap on the kiosk's page, and check the disk."
        yield Line("lost", f"{found.lost} events were lost to a damaged disk", to_do)


def _earlier(path: Path) -> Iterator[Line]:
    waiting = sum(waiting_in(file) for file in earlier_files(path))
    if waiting:
        yield Line("earlier", f"{waiting} events of an earlier claim or key wait, sent again soon")


def _disk(settings: Settings, waiting: int) -> Line:
    free = free_bytes(settings.data_dir)
    room = room_health(waiting=waiting, most=settings.max_events, free_bytes=free)
    words = f"{free / 1e9:.1f} GB free, room for {settings.max_events - waiting} more events"
    return Line("disk", words, _ROOM.get(room, ""))


def _clock(reading: ClockReading) -> Line:
    difference = clock_difference(reading.offset_ms)
    if reading.source is ClockSource.UNSYNCED:
        return Line("clock", "not set; times are uncertain", "Connect this kiosk to its server.")
    if difference is None:
        return Line("clock", f"set by {reading.source}")
    words = f"{difference.number} {difference.unit} off, corrected with the server's time"
    return Line("clock", words, "Give this kiosk a time server or a battery-backed clock.")


def _configuration(settings: Settings, file: ConfigFile) -> Iterator[Line]:
    kept = file.load()
    none = "damaged, will be downloaded again" if file.was_damaged else "none yet"
    yield Line("config", kept.document.version if kept else none)
    yield Line("network", network_words(settings, kept.document.network if kept else None))
