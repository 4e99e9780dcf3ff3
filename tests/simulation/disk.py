"""Damage to disks, backups and clones: what happens to files between two runs of a process."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulation.kiosk_host import KioskHost
from tests.simulation.oracle import events_on_disk
from tests.simulation.world import copy_folder

if TYPE_CHECKING:
    from tests.simulation.faults import Faults
    from tests.simulation.run import Simulation

_PAGE = 4096


@dataclass(frozen=True)
class Backup:
    """Copies of all data folders as they were at a moment."""

    at: datetime
    folder: Path


def back_up(run: "Simulation") -> Backup:
    """Copy the data folders of server and kiosks."""
    number = len(run.faults.backups)
    folder = run.world.folder / f"backup-{number}"
    copy_folder(run.servers[0].folder, folder / "server")
    for kiosk in run.kiosks:
        copy_folder(kiosk.folder, folder / kiosk.name)
    return Backup(run.world.now, folder)


def restore_server(faults: "Faults") -> None:
    """Put the server back to an older backup, and do again what the office did since."""
    if not faults.backups:
        return
    backup = faults.world.chance.choice(faults.backups)
    run = faults.run
    for server in run.servers:
        if server.is_up:
            server.stop()
        server.fuse = None
    copy_folder(backup.folder / "server", run.servers[0].folder)
    faults.world.note(f"server restored to {backup.at:%d %H:%M}")
    for server in run.servers:
        server.start()
    run.office.do_again_after(backup.at)


def restore_kiosk(faults: "Faults") -> None:
    """Put a kiosk's data folder back to an older copy."""
    kiosk = faults.kiosk()
    fitting = [one for one in faults.backups if (one.folder / kiosk.name / "data").exists()]
    if not fitting:
        return
    backup = faults.world.chance.choice(fitting)
    kiosk.pull_the_plug()
    copy_folder(backup.folder / kiosk.name, kiosk.folder)
    faults.shared.add(kiosk.door_name)
    faults.world.note(f"{kiosk.name} restored to {backup.at:%d %H:%M}")
    faults.run.oracle.lose(kiosk.name, "rolled back", _surviving(faults, kiosk))


def clone_kiosk(faults: "Faults") -> None:
    """Copy a kiosk's data folder to a second machine at the same door."""
    kiosk = faults.kiosk()
    run = faults.run
    if not (kiosk.folder / "data").exists() or len(run.kiosks) > 2 * run.plan.kiosks:
        return
    name = f"{kiosk.name.partition('-clone')[0]}-clone-{len(run.kiosks)}"
    twin = KioskHost(run.world, name, run.world.folder / name, uses_broker=kiosk.uses_broker)
    copy_folder(kiosk.folder, twin.folder)
    run.kiosks.append(twin)
    run.oracle.doubled.add(kiosk.door_name)
    faults.shared.add(kiosk.door_name)
    twin.boot()


def damage_kiosk(faults: "Faults") -> None:
    """Overwrite pages of a kiosk's outbox while it is off."""
    kiosk, chance = faults.kiosk(), faults.world.chance
    kiosk.pull_the_plug()
    path = kiosk.folder / "data" / "outbox.db"
    if not path.exists():
        return
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(max(1, len(content) // _PAGE)) * _PAGE
        at = start + chance.choice((0, chance.randrange(_PAGE)))
        length = chance.choice((16, 512, _PAGE))
        content[at : min(at + length, len(content))] = chance.randbytes(
            max(0, min(length, len(content) - at))
        )
    path.write_bytes(bytes(content))
    faults.run.oracle.lose(kiosk.name, "damaged", set())


def lose_writes(faults: "Faults") -> None:
    """Lose the end of a kiosk's journal, as a card does that lied about its writes."""
    kiosk, chance = faults.kiosk(), faults.world.chance
    kiosk.pull_the_plug()
    journal = kiosk.folder / "data" / "outbox.db-wal"
    if not journal.exists():
        return
    content = journal.read_bytes()
    keep = chance.randrange(len(content) + 1)
    journal.write_bytes(content[:keep])
    faults.run.oracle.lose(kiosk.name, "damaged", _surviving(faults, kiosk))


def _surviving(faults: "Faults", kiosk: KioskHost) -> set[str]:
    """Return the events that a copy of a kiosk's outbox still holds."""
    copy = faults.world.folder / "looked-at"
    shutil.rmtree(copy, ignore_errors=True)
    copy_folder(kiosk.folder / "data", copy)
    return events_on_disk(copy / "outbox.db")
