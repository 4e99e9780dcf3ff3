"""What an admin entered about the school, and how the running server follows it."""

from datetime import datetime

from sqlmodel import Session

from server.audit.service import record
from server.config import SchoolIdentity, Settings
from server.db.committed import after_commit
from server.db.upsert import insert_into
from server.people.keys import ensure_keys
from server.school.tables import ONLY, School
from server.timetable.service import bump_version

#: Settings that an admin may enter, where the configuration does not name them.
ENTERED = ("name", "timezone", "language")
_SETTINGS = {"name": "school_name", "timezone": "timezone", "language": "language"}


def fixed_by(settings: Settings) -> tuple[str, ...]:
    """Return what the configuration says, by its name here."""
    return tuple(name for name in ENTERED if getattr(settings, _SETTINGS[name]) is not None)


def entered(db: Session) -> School:
    """Return what was entered; an empty row where nothing was."""
    return db.get(School, ONLY) or School()


def follow(db: Session, settings: Settings) -> None:
    """Let the settings of this process say what was entered."""
    settings.follow(_identity(entered(db)))


def enter(db: Session, settings: Settings, wanted: SchoolIdentity, *, actor: str) -> SchoolIdentity:
    """Store what an admin entered; returns what the school is called then.

    This process follows once it is committed, others do within seconds. Kiosks fetch their
    configuration again; names are sorted by the new language. What the configuration fixes is left
    as it was.
    """
    row = _locked(db)
    open_names = [name for name in ENTERED if name not in fixed_by(settings)]
    changed = [name for name in open_names if getattr(row, name) != getattr(wanted, name)]
    for name in changed:
        setattr(row, name, getattr(wanted, name))
    db.add(row)
    ensure_keys(db, settings.locale or settings.language or wanted.language)
    bump_version(db)
    details = {"fields": changed}
    record(db, actor=actor, action="school.change", subject="school", details=details)
    stored = _identity(row)
    after_commit(db, lambda: settings.follow(stored))
    return settings.school_as(stored)


def hide_steps(db: Session, *, at: datetime, actor: str) -> None:
    """Show the first steps on Today no more."""
    row = _locked(db)
    row.steps_hidden_at = row.steps_hidden_at or at
    db.add(row)
    record(db, actor=actor, action="school.hide_steps", subject="school")


def _locked(db: Session) -> School:
    """Return the row, which nobody else changes until the commit; it is made where there is none.

    Two requests may make it at once: the second one waits, and gets the row of the first.
    """
    db.execute(insert_into(db, School).values(id=ONLY).on_conflict_do_nothing())
    return db.get_one(School, ONLY, with_for_update=True, populate_existing=True)


def _identity(row: School) -> SchoolIdentity:
    known = {name: value for name in ENTERED if (value := getattr(row, name)) is not None}
    return SchoolIdentity(**known)
