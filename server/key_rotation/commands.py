"""`rollcall-server rotate-keys`."""

import argparse
import sys

from server.audit.service import SYSTEM
from server.backup.kept_keys import keys_of_copies
from server.config import Settings
from server.db.engine import Database
from server.db.vault import Vault, add_key, open_vault
from server.key_rotation import rotation


def add_rotation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `rotate-keys`."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="say which keys are still needed")
    what.add_argument("--drop", action="store_true", help="delete the keys that nothing needs")
    what.add_argument(
        "--named",
        action="store_true",
        help="use the first key of ROLLCALL_SERVER_MASTER_KEY, and make no file",
    )


def rotate_command(settings: Settings, options: argparse.Namespace) -> int:
    """Make a new key and ask for a rotation, say how far it is, or drop old keys."""
    vault = open_vault(settings)
    database = Database(settings.sqlalchemy_url)
    try:
        if options.status:
            return _status(database, vault)
        if options.drop:
            return _drop(settings, database, vault)
        return _start(settings, database, vault, is_named=options.named)
    finally:
        database.close()


def _start(settings: Settings, database: Database, vault: Vault, *, is_named: bool) -> int:
    if not is_named:
        rotation.refuse_named_keys(settings.master_key)
        add_key(settings.data_dir / "keys")
        vault.follow()
    with database.transaction() as db:
        rotation.request(db, actor=SYSTEM)
    _say(f"The key {vault.active_key_id} is in use for everything new.")
    _say("The server encrypts the rest anew in the background, also after a restart.")
    _say("How far it is: rollcall-server rotate-keys --status")
    return 0


def _status(database: Database, vault: Vault) -> int:
    with database.reading() as db:
        used = rotation.usage(db)
    for key in sorted({*used, *vault.key_ids()}):
        note = " (in use)" if key == vault.active_key_id else ""
        missing = "" if vault.has_key(key) else " (missing)"
        _say(f"{key}{note}{missing}: {used[key]:,} values")
    waiting = sum(count for key, count in used.items() if key != vault.active_key_id)
    _say(f"{waiting:,} values are left." if waiting else "Nothing is left.")
    return 0


def _drop(settings: Settings, database: Database, vault: Vault) -> int:
    with database.reading() as db:
        used = rotation.usage(db)
    copies = keys_of_copies(database, vault, settings)
    for name in copies.unreadable:
        _say(f"Every key is kept, because this copy cannot be read and may need any: {name}")
    folder = settings.data_dir / "keys"
    dropped, needed = rotation.drop_unused(folder, copies, used, vault.active_key_id)
    if dropped:
        with database.transaction() as db:
            rotation.note_dropped(db, len(dropped), actor=SYSTEM)
    for key in dropped:
        _say(f"Deleted the key {key}.")
    for key in needed:
        _say(f"Kept the key {key}: values or copies of the last 30 days need it.")
    if not dropped and not needed:
        _say("There is no other key than the one in use.")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
