"""Every kind of fault, by the name that switches it on."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from protocol.v1 import topics
from tests.simulation import disk, school
from tests.simulation.broker import Message
from tests.simulation.world import Host

if TYPE_CHECKING:
    from tests.simulation.faults import Faults

_Kind = Callable[["Faults"], None]
_POINTS = 60


def _crash_kiosk(faults: "Faults") -> None:
    """Crash at the n-th call of clock, store or transport from now on."""
    faults.kiosk().fuse = faults.world.chance.randint(1, _POINTS)


def _unplug_kiosk(faults: "Faults") -> None:
    faults.kiosk().pull_the_plug()


def _crash_server(faults: "Faults") -> None:
    server = faults.world.chance.choice(faults.run.servers)
    server.fuse = faults.world.chance.randint(1, _POINTS)


def _drop(faults: "Faults") -> None:
    faults.run.weather.loss = faults.world.chance.uniform(0.05, 0.5)
    faults.for_a_while(lambda: setattr(faults.run.weather, "loss", 0.0))


def _duplicate(faults: "Faults") -> None:
    faults.run.weather.repeat = faults.world.chance.uniform(0.05, 0.5)
    faults.for_a_while(lambda: setattr(faults.run.weather, "repeat", 0.0))


def _delay(faults: "Faults") -> None:
    faults.run.weather.late = faults.world.chance.uniform(0.05, 0.5)
    faults.for_a_while(lambda: setattr(faults.run.weather, "late", 0.0))


def _partition(faults: "Faults") -> None:
    host = faults.world.chance.choice([*faults.run.kiosks, *faults.run.servers])
    faults.run.weather.cut.add(host.name)
    faults.run.broker.cut_off(host)
    faults.for_a_while(lambda: faults.run.weather.cut.discard(host.name))


def _broker_power(faults: "Faults") -> None:
    faults.run.broker.lose_power()
    faults.for_a_while(faults.run.broker.start, is_short=True)


def _kiosk_disk_full(faults: "Faults") -> None:
    kiosk = faults.kiosk()
    kiosk.is_full, kiosk.allowance = True, 4
    faults.for_a_while(lambda: setattr(kiosk, "is_full", False))


def _server_disk_full(faults: "Faults") -> None:
    for server in faults.run.servers:
        server.is_full = True

    def make_room() -> None:
        for server in faults.run.servers:
            server.is_full = False

    faults.for_a_while(make_room, is_short=True)


def _policy(faults: "Faults") -> None:
    minutes = faults.world.chance.choice((0, 3, 10, 15))
    faults.run.office.do("policy", school.change_policy(minutes))


def _consent(faults: "Faults") -> None:
    everybody = [one for door in faults.run.school.students for one in door]
    person_id = faults.world.chance.choice(everybody)
    faults.run.school.withdrawn.add(person_id)
    holders = [one for one in faults.run.kiosks if one.device and not one.is_removed]
    for kiosk in holders:
        if kiosk.device and person_id in kiosk.device.gallery.people():
            faults.holders.add((kiosk.door, person_id))
    faults.run.office.do("withdraw", school.withdraw(person_id))


def _clock_kiosk(faults: "Faults") -> None:
    """Step a kiosk's clock; a kiosk without battery may also start in 1970."""
    kiosk, chance = faults.kiosk(), faults.world.chance
    kiosk.has_ntp, kiosk.has_rtc = chance.random() < 0.3, chance.random() < 0.5
    if chance.random() < 0.4:
        kiosk.pull_the_plug()
    since_1970 = timedelta(seconds=faults.world.now.timestamp())
    steps = (timedelta(days=-1), timedelta(hours=3), -since_1970, timedelta(minutes=20))
    kiosk.set_clock(chance.choice(steps))
    kiosk.mark_sources()

    def set_right() -> None:
        kiosk.has_ntp = kiosk.has_rtc = True
        kiosk.set_clock(timedelta(0))
        kiosk.mark_sources()

    faults.for_a_while(set_right)


def _clock_server(faults: "Faults") -> None:
    step = faults.world.chance.choice((timedelta(hours=-2), timedelta(hours=5)))
    faults.run.oracle.was_server_wrong = True
    for server in faults.run.servers:
        server.wall_offset = step

    def set_right() -> None:
        for server in faults.run.servers:
            server.wall_offset = timedelta(0)

    faults.for_a_while(set_right)


def _captive_portal(faults: "Faults") -> None:
    kiosk = faults.kiosk()
    faults.run.weather.portals.add(kiosk.name)
    faults.for_a_while(lambda: faults.run.weather.portals.discard(kiosk.name))


def _revoke(faults: "Faults") -> None:
    kiosk = faults.kiosk()
    door = kiosk.door
    faults.run.office.revoked.add(kiosk.door_name)
    faults.run.office.do("revoke", school.revoke(faults.run.school.kiosk_ids[door]))
    faults.for_a_while(lambda: faults.claim_again(kiosk))


def _forged_watermark(faults: "Faults") -> None:
    """Let a thief of an MQTT password claim that a kiosk has sent everything, while it cannot."""
    run, kiosk = faults.run, faults.kiosk()
    run.weather.cut.add(kiosk.name)
    run.broker.cut_off(kiosk)
    thief = Host(faults.world, "thief", kiosk.folder)
    kiosk_id = run.school.kiosk_ids[kiosk.door]

    def forge() -> None:
        if run.servers[0].is_up and not faults.is_over:
            with run.servers[0].database.reading() as db:
                forged = school.forged_status(db, kiosk_id, faults.world.now)
            message = Message(topics.status(kiosk_id), forged.to_json())
            run.broker.publish(thief, message, lambda: None)

    for minutes in (60, 120, 180):
        faults.world.later(minutes * 60.0, "forge", forge)
    faults.world.later(200 * 60.0, "heal", lambda: run.weather.cut.discard(kiosk.name))


def _flag(_faults: "Faults") -> None:
    """A kind that changes how the run is built; nothing happens at a moment."""


KINDS: dict[str, _Kind] = {
    "crash_kiosk": _crash_kiosk,
    "unplug_kiosk": _unplug_kiosk,
    "crash_server": _crash_server,
    "drop": _drop,
    "duplicate": _duplicate,
    "delay": _delay,
    "partition": _partition,
    "broker_power": _broker_power,
    "kiosk_disk_full": _kiosk_disk_full,
    "server_disk_full": _server_disk_full,
    "policy": _policy,
    "consent": _consent,
    "two_servers": _flag,
    "clock_kiosk": _clock_kiosk,
    "clock_server": _clock_server,
    "captive_portal": _captive_portal,
    "forged_watermark": _forged_watermark,
    "revoke": _revoke,
    "server_restore": disk.restore_server,
    "kiosk_restore": disk.restore_kiosk,
    "kiosk_clone": disk.clone_kiosk,
    "kiosk_damage": disk.damage_kiosk,
    "kiosk_lost_writes": disk.lose_writes,
}
ALL_FAULTS = frozenset(KINDS)
