"""`rollcall-server backup`, `verify` and `restore`."""

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from server.backup.errors import BackupError
from server.backup.key_backup import PreparedKeys, RestoredKeys, key_ids_in, prepared_keys
from server.backup.reading import FindKey, opened
from server.backup.recovery_key import RecoveryKey, make_key, read_key
from server.backup.restore import Restored, Wish, is_unused, restore
from server.backup.scratch import Verified, verify_backup
from server.backup.service import FinishedBackup, back_up, places_of, refuse_near_data
from server.backup.vault_key import vault_key
from server.backup_history.service import note_backup, note_failure
from server.config import Settings
from server.db.engine import Database
from server.db.lock import alone
from server.db.private import private_folder
from server.db.types import now
from server.db.vault import Vault, find_vault

_logger = logging.getLogger(__name__)
_KEY_HELP = "recovery key; default: the file that ROLLCALL_SERVER_BACKUP_KEY_FILE names"


def add_backup_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `backup`."""
    parser.add_argument("--new-key", type=Path, metavar="FILE", help="only make a recovery key")
    parser.add_argument("--key", type=Path, metavar="FILE", help=_KEY_HELP)
    parser.add_argument(
        "--folder", type=Path, help="default: what ROLLCALL_SERVER_BACKUP_FOLDER names"
    )


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `verify`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="backup of the database")
    parser.add_argument("--key", type=Path, metavar="FILE", help=_KEY_HELP)
    parser.add_argument("--keys", type=Path, metavar="FILE", help="backup of the data keys")


def add_restore_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `restore`."""
    add_verify_arguments(parser)
    parser.add_argument(
        "--replace",
        action="store_true",
        help="put a database that is not empty aside; it is kept under another name",
    )
    parser.add_argument(
        "--without-keys",
        action="store_true",
        help="restore though data keys are missing; what they sealed cannot be read then",
    )


def backup_command(settings: Settings, options: argparse.Namespace) -> int:
    """Make a recovery key, or a backup."""
    if options.new_key is not None:
        return _new_key(settings, options.new_key)
    if options.folder is not None:
        settings = settings.model_copy(update={"backup_folder": options.folder})
    places, vault = places_of(settings, options.key), find_vault(settings)
    if vault is None:
        raise BackupError("There is no data to back up yet. Start the server first.")
    database = Database(settings.sqlalchemy_url)
    at = now()
    try:
        finished = back_up(database, vault, settings, places, at)
        with _if_possible():
            name, size = finished.written.path.name, finished.written.size_bytes
            note_backup(database, name, size, at, problem=finished.problem)
    except Exception as exc:  # whatever it was, Today must say that no backup was made
        with _if_possible():
            note_failure(database, exc, at)
        raise
    finally:
        database.close()
    _say(_finished(finished))
    return 0 if finished.verified.is_good else 1


def verify_command(settings: Settings, options: argparse.Namespace) -> int:
    """Restore a backup into a scratch database, and say what it holds."""
    find_key, vault = _keys(settings, options)
    known = set(vault.key_ids()) if vault else set()
    if options.keys is not None:
        known |= key_ids_in(options.keys, find_key)
    verified = verify_backup(
        options.file,
        find_key,
        folder=private_folder(settings.data_dir),
        time_zone=settings.school.timezone,
        known_keys=known,
    )
    _say(_verified(verified))
    return 0 if verified.is_good else 1


def restore_command(settings: Settings, options: argparse.Namespace) -> int:
    """Put a backup in the place of the database."""
    find_key, _vault = _keys(settings, options)
    with ExitStack() as stack:
        if not stack.enter_context(alone(settings.data_dir)):
            raise BackupError(
                f"A server runs on {settings.data_dir}. Stop it, then repeat. Nothing was changed."
            )
        backup = stack.enter_context(opened(options.file, find_key))
        keys = None
        if options.keys is not None:
            keys = stack.enter_context(_prepared_keys(settings, options.keys, find_key))
        _refuse_missing_keys(settings, backup.manifest.key_ids, options)
        wish = Wish(options.replace, settings.school.timezone, now())
        restored = restore(settings.sqlalchemy_url, backup, wish)
        if keys is not None:  # last: a restore that failed leaves this machine's certificates
            _say(_restored_keys(keys.finish(wish.at)))
    _say(_restored(restored))
    return 0


def _prepared_keys(
    settings: Settings, path: Path, find_key: FindKey
) -> AbstractContextManager[PreparedKeys]:
    unused = is_unused(settings.sqlalchemy_url)
    return prepared_keys(settings.data_dir, path, find_key, is_unused=unused)


@contextmanager
def _if_possible() -> Iterator[None]:
    """A backup of an older schema, which has no place for notes, is a backup all the same."""
    try:
        yield
    except SQLAlchemyError as exc:
        _logger.warning("backup not noted in the database, error=%s", type(exc).__name__)


def _new_key(settings: Settings, path: Path) -> int:
    refuse_near_data(path, settings)
    key = make_key(path)
    _say(
        [
            f"Wrote the recovery key {key.id} to {path}.",
            "Print it or copy it to a safe place now, apart from the server and the backups.",
            "Without it no backup can be restored.",
            f"Then set ROLLCALL_SERVER_BACKUP_KEY_FILE={path.resolve()}",
        ]
    )
    return 0


def _keys(settings: Settings, options: argparse.Namespace) -> tuple[FindKey, Vault | None]:
    """Return what finds keys: the recovery key, and the keys of this data folder."""
    file = options.key or settings.backup_key_file
    recovery = read_key(file) if file is not None else None
    vault = find_vault(settings)

    def find(key_id: str) -> RecoveryKey | None:
        if recovery is not None and recovery.id == key_id:
            return recovery
        return vault_key(vault, key_id) if vault is not None else None

    return find, vault


def _refuse_missing_keys(
    settings: Settings, needed: Iterable[str], options: argparse.Namespace
) -> None:
    vault = find_vault(settings)
    missing = sorted(set(needed).difference(vault.key_ids() if vault else ()))
    if missing and not options.without_keys:
        raise BackupError(
            f"Data keys are missing: {', '.join(missing)}. Without them photos, templates and PINs"
            " cannot be read. Name the backup of the keys with --keys FILE, or set"
            " ROLLCALL_SERVER_MASTER_KEY. Nothing was changed in the database."
        )


def _finished(finished: FinishedBackup) -> list[str]:
    written = finished.written
    return [
        f"Wrote {written.path} ({written.size_bytes:,} bytes).",
        f"Wrote the keys to {finished.keys_path}. Keep this file on another disk.",
        *_verified(finished.verified),
    ]


def _verified(verified: Verified) -> list[str]:
    manifest, trail = verified.manifest, verified.trail
    lines = [
        f"The backup of {manifest.made_at} is whole: {verified.loaded.rows:,} rows in"
        f" {len(manifest.counts)} tables, by Rollcall {manifest.version}.",
        f"The audit trail is intact: {trail.entries} entries."
        if trail.broken_at is None
        else f"The audit trail is broken at entry {trail.broken_at}.",
    ]
    if verified.missing_keys:
        lines.append(f"Data keys are missing: {', '.join(verified.missing_keys)}.")
    return lines + _left_out(verified.loaded.left_out)


def _restored(restored: Restored) -> list[str]:
    lines = [
        f"Restored the backup of {restored.manifest.made_at}: {restored.loaded.rows:,} rows.",
        *_left_out(restored.loaded.left_out),
    ]
    if restored.kept is not None:
        lines.append(
            f"The old database is kept as {restored.kept}. The server deletes it after 30 days."
        )
    lines.append("Everybody signs in again, and API tokens have to be made again.")
    lines += _taken_back(restored)
    lines.append("Start the server. Kiosks then send again what the backup lacks.")
    return lines


def _taken_back(restored: Restored) -> list[str]:
    """Say what was taken back after the backup, and what of it must be done again."""
    since, again = restored.since, restored.repeated
    if since is None:
        return [
            "Rollcall could not read what was changed after the backup. Do again what was done"
            " since: revoke kiosks that are stolen or gone, withdraw consents, and erase people,"
            " photos and the templates of old models."
        ]
    lines = []
    if any((again.kiosks, again.statements, again.people, again.erased)):
        lines.append(
            f"Repeated what was done after the backup: kiosks revoked {again.kiosks}, consents"
            f" withdrawn or refused {again.statements}, people whose photos and templates were"
            f" erased {again.people}, people who were erased {again.erased}."
        )
    if since.models:
        models = ", ".join(since.models)
        lines.append(
            f"Templates of these models were deleted after the backup: {models}. Delete them again"
            " on the page Networks, as the school may use one of them again now."
        )
    return lines


def _restored_keys(keys: RestoredKeys) -> list[str]:
    lines = [f"Restored {len(keys.written)} files of keys and certificates."]
    if keys.put_aside:
        lines.append(f"Those of this machine are kept as {', '.join(keys.put_aside)}.")
    if keys.kept:
        lines.append(f"Left as they were, as others are in place: {', '.join(keys.kept)}.")
    return lines


def _left_out(names: tuple[str, ...]) -> list[str]:
    if not names:
        return []
    return [f"Left out, because Rollcall did not make them: {', '.join(names)}."]


def _say(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
