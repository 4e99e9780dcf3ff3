"""The parts of a kiosk that keep its records: identity, server, disk, outbox, clock, copies."""

from kiosk.domain.health import DiskHealth, Health, LinkHealth
from kiosk.domain.identity import IdentityFault
from kiosk.domain.keeping import KeyKeeping, KeyPlace
from kiosk.domain.links import LinkSecurity
from kiosk.domain.room import clock_difference
from protocol.v1.messages import ClockSource, PartHealth, PartState

_OUTBOX_ROOM = {
    DiskHealth.OUTBOX_FULL: (PartState.FAILED, "full"),
    DiskHealth.OUTBOX_NEARLY_FULL: (PartState.DEGRADED, "nearly_full"),
}


def identity_part(fault: IdentityFault) -> PartHealth:
    """Say whether this kiosk can record in its own name."""
    if fault is IdentityFault.NONE:
        return PartHealth(state=PartState.OK)
    return PartHealth(state=PartState.FAILED, detail=fault)


def record_parts(health: Health) -> dict[str, PartHealth]:
    """Return these parts by name. Stored copies are a part only while one is made anew."""
    parts = {
        "server": _server(health.server),
        "server_link": _link(health.server_link),
        "disk": _disk(health.disk),
        "outbox": _outbox(health),
        "clock": _clock(health),
    }
    if health.key.place is not None:
        parts["key"] = _key(health.key)
    if health.broker_link is not None:
        parts["broker_link"] = _link(health.broker_link)
    if health.renewed:
        detail = " ".join(("renewed", *health.renewed))
        parts["storage"] = PartHealth(state=PartState.DEGRADED, detail=detail)
    return parts


def _server(link: LinkHealth) -> PartHealth:
    states = {LinkHealth.UP: PartState.OK, LinkHealth.DOWN: PartState.DEGRADED}
    return PartHealth(state=states.get(link, PartState.FAILED), detail=link)


def _link(security: LinkSecurity) -> PartHealth:
    """Say how a connection is protected."""
    if security.is_fault:
        return PartHealth(state=PartState.FAILED, detail=security)
    is_plain = security is LinkSecurity.PLAIN
    return PartHealth(state=PartState.DEGRADED if is_plain else PartState.OK, detail=security)


def _disk(disk: DiskHealth) -> PartHealth:
    """Judge the disk itself; a full or repaired outbox is not the disk's fault."""
    states = {
        DiskHealth.FULL: PartState.FAILED,
        DiskHealth.FAILING: PartState.FAILED,
        DiskHealth.NEARLY_FULL: PartState.DEGRADED,
    }
    if disk not in states:
        return PartHealth(state=PartState.OK, detail=DiskHealth.OK)
    return PartHealth(state=states[disk], detail=disk)


def _outbox(health: Health) -> PartHealth:
    """Say the worst thing about the outbox, with its number."""
    if health.disk in _OUTBOX_ROOM:
        state, word = _OUTBOX_ROOM[health.disk]
        return PartHealth(state=state, detail=f"{word} {health.waiting}")
    if health.lost:
        return PartHealth(state=PartState.DEGRADED, detail=f"lost {health.lost}")
    if health.disk is DiskHealth.RECOVERED:
        return PartHealth(state=PartState.DEGRADED, detail="recovered")
    if health.set_aside:
        return PartHealth(state=PartState.DEGRADED, detail=f"set_aside {health.set_aside}")
    return PartHealth(state=PartState.OK)


def _clock(health: Health) -> PartHealth:
    if health.clock is ClockSource.UNSYNCED:
        return PartHealth(state=PartState.DEGRADED, detail="unsynced")
    difference = clock_difference(health.clock_offset_ms)
    if difference is not None:
        detail = f"off {difference.number} {difference.unit}"
        return PartHealth(state=PartState.DEGRADED, detail=detail)
    return PartHealth(state=PartState.OK, detail=health.clock)


def _key(keeping: KeyKeeping) -> PartHealth:
    """Say what keeps the key to this kiosk's files; a kiosk without a TPM has nothing broken."""
    if keeping.refused is not None:
        return PartHealth(state=PartState.DEGRADED, detail=f"not_{keeping.refused}")
    state = PartState.OK if keeping.place is KeyPlace.TPM2 else PartState.ABSENT
    return PartHealth(state=state, detail=keeping.place)
