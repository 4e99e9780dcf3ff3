"""The school's network: read it, lock it, and fix it with the first enrolment."""

from dataclasses import dataclass

from sqlmodel import Session

from server.audit.service import SYSTEM, record
from server.db.types import now
from server.networks.tables import ONLY, SchoolNetwork

SUBJECT = "network"
#: Where a session holds the row.
_ROW = "school_network"
#: Networks that confuse some groups of people clearly more often than the others that we know.
#: Source: docs/measurements/sface.md, and the table by group in docs/networks.md.
_WEAK = frozenset({"dlib-resnet-v1"})


@dataclass(frozen=True)
class Networks:
    """The school's networks at one moment.

    Attributes:
        current: decides at the doors; None while nothing was chosen.
        next: is to replace it; None while no change is under way.
        collects_scans: whether templates of `next` are made from scans.
    """

    current: str | None
    next: str | None
    collects_scans: bool

    @property
    def wanted(self) -> tuple[str, ...]:
        """Of which networks templates are made and sent; empty while nothing was chosen."""
        return tuple(one for one in (self.current, self.next) if one is not None)


def networks_of(db: Session) -> Networks:
    """Read which networks the school uses."""
    return as_value(row_of(db))


def row_of(db: Session) -> SchoolNetwork:
    """Read the school's only row; it exists in every migrated database."""
    # A session forgets what nobody holds, and would ask for it again each time.
    db.info[_ROW] = row = db.get_one(SchoolNetwork, ONLY)
    return row


def hold(db: Session) -> Networks:
    """Read the networks, and keep them as they are until the caller's commit.

    Several transactions may hold them at once; `locked` waits for all. Locks are taken in this
    order: person, enrolment, network, waiting scan, audit, gallery, jobs.
    """
    lock = {"read": True}
    return as_value(db.get_one(SchoolNetwork, ONLY, with_for_update=lock, populate_existing=True))


def locked(db: Session) -> SchoolNetwork:
    """Read the row to change it; waits for every transaction that makes templates."""
    return db.get_one(SchoolNetwork, ONLY, with_for_update=True, populate_existing=True)


def fix_first(db: Session, model_id: str) -> Networks:
    """Fix the network of a school that has not chosen one: that of its first accepted photo.

    Args:
        db: the caller's transaction.
        model_id: the network that the recognition service chose for that photo.

    Returns:
        The networks; another photo may have fixed them meanwhile.
    """
    # Not `hold` and then `locked`: two photos that both hold it would wait for each other.
    if row_of(db).current is not None:
        return hold(db)
    row = locked(db)
    if row.current is None:
        row.current, row.chosen_by, row.chosen_at = model_id, SYSTEM, now()
        db.add(row)
        record(
            db,
            actor=SYSTEM,
            action="network.choose",
            subject=SUBJECT,
            details={"model": model_id, "reason": "first_enrolment"},
        )
    return as_value(row)


def weak_network_note(db: Session) -> str | None:
    """Return the key of the text that warns of the network in use; None where it need not.

    The text belongs on pages where people decide about recognition. It takes no values.
    """
    current = row_of(db).current
    return "networks.weak" if current is not None and is_weak(current) else None


def is_weak(model_id: str) -> bool:
    """Return whether a network confuses some groups of people clearly more often than others."""
    return model_id in _WEAK


def as_value(row: SchoolNetwork) -> Networks:
    """Return the row's networks as a value that does not change with it."""
    return Networks(row.current, row.next, row.collects_scans and row.next is not None)
