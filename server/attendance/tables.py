"""Events as they came, those refused, and what people decided about registers.

What a kiosk said is never changed. The moment an event counts at may be corrected once.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class StoredEvent(SQLModel, table=True):
    """One verified event. `body` is its JSON with every field, so that it can be verified again."""

    __tablename__ = "attendance_events"
    __table_args__ = (
        UniqueConstraint("kiosk_id", "seq"),
        # The last three are there to be counted without a look at the events themselves.
        Index(
            "ix_attendance_events_kiosk_id_counted_at",
            "kiosk_id",
            "counted_at",
            "kind",
            "method",
            "person_id",
        ),
        # The few objections among many events.
        Index(
            "ix_attendance_events_not_me",
            "counted_at",
            "method",
            "kiosk_id",
            "refers_to",
            sqlite_where=text("kind = 'not_me'"),
            postgresql_where=text("kind = 'not_me'"),
        ),
        # Recognitions that were not clear, and who was recognised.
        Index(
            "ix_attendance_events_faces",
            "counted_at",
            "margin",
            "person_id",
            sqlite_where=text("kind = 'seen' AND method = 'face'"),
            postgresql_where=text("kind = 'seen' AND method = 'face'"),
        ),
        Index("ix_attendance_events_kiosk_id_boot_id", "kiosk_id", "boot_id"),
        Index("ix_attendance_events_kiosk_id_not_before", "kiosk_id", "not_before"),
        Index("ix_attendance_events_kiosk_id_refers_to", "kiosk_id", "refers_to"),
    )

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id")
    id: uuid.UUID = Field(primary_key=True)
    # None where another event has its number: then an admin accepted it from quarantine.
    seq: int | None = Field(sa_type=BigInteger)
    # As the kiosk stated it, and corrected by the clock offset it stated beside it or by the
    # first trusted moment of its boot (`BootClock`).
    occurred_at: datetime = utc_field()
    counted_at: datetime = utc_field()
    received_at: datetime = utc_field()
    lesson_id: uuid.UUID | None = Field(default=None, index=True)
    person_id: uuid.UUID | None = Field(default=None, index=True)
    kind: str = Field(max_length=48)
    method: str = Field(max_length=48)
    refers_to: uuid.UUID | None = Field(default=None)
    clock_source: str = Field(max_length=48)
    # Where the kiosk did not compare its clock: what its time can be corrected by.
    boot_id: str | None = Field(default=None, max_length=64)
    uptime_s: float | None = Field(default=None)
    is_time_corrected: bool = Field(default=False)
    # Only where the time is uncertain: it was not earlier than this, nor later than received.
    not_before: datetime | None = utc_field(nullable=True)
    distance: float | None = Field(default=None)
    # To the second-best person; None without one.
    margin: float | None = Field(default=None)
    shown_status: str | None = Field(default=None, max_length=48)
    # `in` or `out`, of sightings alone, where the policy asked for it.
    direction: str | None = Field(default=None, max_length=48)
    hash: str = Field(max_length=64)
    # The event before it is known, and is not the one this event names.
    is_chain_torn: bool = Field(default=False)
    # Who accepted it from quarantine.
    accepted_by: str | None = Field(default=None, max_length=80)
    body: str


class BootClock(SQLModel, table=True):
    """The first trusted moment of a kiosk's boot; events of that boot are dated by it.

    Attributes:
        uptime_s: at that moment, seconds since the boot.
        true_at: that moment, UTC.
        basis: what it rests on: `event:<id>` or `watermark:<number>`.
    """

    __tablename__ = "boot_clocks"

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id")
    boot_id: str = Field(primary_key=True, max_length=64)
    uptime_s: float
    true_at: datetime = utc_field()
    basis: str = Field(max_length=80)
    learned_at: datetime = utc_field(default_now=True)


class QuarantineDecision(StrEnum):
    """What became of a quarantined event."""

    ACCEPTED = "accepted"  # by a person: it is in the record
    DISCARDED = "discarded"  # by a person
    RECORDED = "recorded"  # automatically: the record has it


class QuarantinedEvent(SQLModel, table=True):
    """Something a kiosk sent that did not become part of the record, and why."""

    __tablename__ = "quarantined_events"
    __table_args__ = (
        UniqueConstraint("kiosk_id", "body_hash"),
        Index("ix_quarantined_events_kiosk_id_seq", "kiosk_id", "seq"),
        Index("ix_quarantined_events_kiosk_id_event_id", "kiosk_id", "event_id"),
        Index("ix_quarantined_events_decision_id", "decision", "id"),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kiosk_id: str = Field(max_length=64)
    event_id: str | None = Field(default=None, max_length=64)
    seq: int | None = Field(default=None, sa_type=BigInteger)
    reason: str = Field(max_length=48)
    # Signed by the kiosk: then its place in the chain counts as received.
    is_authentic: bool = Field(default=False)
    hash: str | None = Field(default=None, max_length=64)
    body_hash: bytes = Field(max_length=32)
    body: str
    received_at: datetime = utc_field(default_now=True)
    # From then on it is judged again automatically; None where it is not.
    due_at: datetime | None = utc_field(nullable=True, index=True)
    # None: undecided. A decided row stays, and a repeat does not open it again.
    decision: str | None = Field(default=None, max_length=20)
    decided_by: str | None = Field(default=None, max_length=80)
    decided_at: datetime | None = utc_field(nullable=True)
    decision_reason: str | None = Field(default=None, max_length=500)


class QuarantineTally(SQLModel, table=True):
    """How much a kiosk, or the user of its account, has in quarantine that no key of it signed.

    Attributes:
        held: rows of `QuarantinedEvent`, decided ones too.
        held_bytes: what they came as.
        dropped: how much was not kept, as there is enough of it.
        dropped_at: when the last of that came.
    """

    __tablename__ = "quarantine_tallies"

    kiosk_id: str = Field(primary_key=True, max_length=64)
    held: int = Field(default=0, sa_type=BigInteger)
    held_bytes: int = Field(default=0, sa_type=BigInteger)
    dropped: int = Field(default=0, sa_type=BigInteger)
    dropped_at: datetime | None = utc_field(nullable=True)


class Correction(SQLModel, table=True):
    """A person's word about a student's status in a lesson. The newest one counts.

    Attributes:
        status: the category of the code, as it was then; None where the word before was undone,
            so that events alone count again.
        code_id: the code that was chosen; None in rows from before there were codes, and undone.
        is_attended: whether the code counted as attended then.
        batch_id: the action over several lines that it is a part of.
        minutes_late: how late the student came, as a file said; None where nobody said so.
    """

    __tablename__ = "attendance_corrections"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    lesson_id: uuid.UUID = Field(foreign_key="lessons.id", index=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True)
    status: str | None = Field(max_length=20)
    reason: str = Field(max_length=500)
    made_by: uuid.UUID = Field(foreign_key="accounts.id")
    made_at: datetime = utc_field(default_now=True)
    code_id: uuid.UUID | None = Field(default=None, foreign_key="status_codes.id")
    is_attended: bool
    batch_id: uuid.UUID | None = Field(
        default=None, foreign_key="correction_batches.id", index=True
    )
    minutes_late: int | None = Field(default=None)


class CorrectionMention(SQLModel, table=True):
    """Who the reason of a correction may name, besides the person of its line.

    A decision about marks has one reason for two people. Undoing it deletes the decision, but not
    what it wrote: an erasure finds the reason here.
    """

    __tablename__ = "correction_mentions"

    correction_id: uuid.UUID = Field(
        foreign_key="attendance_corrections.id", ondelete="CASCADE", primary_key=True
    )
    person_id: uuid.UUID = Field(
        foreign_key="people.id", ondelete="CASCADE", primary_key=True, index=True
    )


class CorrectionBatch(SQLModel, table=True):
    """One action over several lines of a register; undoing it is a further one.

    Attributes:
        code_id: the code that was set; None where a batch was undone.
        undoes_id: the batch that it undid.
        lines: how many lines it changed.
    """

    __tablename__ = "correction_batches"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    lesson_id: uuid.UUID = Field(foreign_key="lessons.id", index=True)
    code_id: uuid.UUID | None = Field(default=None, foreign_key="status_codes.id")
    undoes_id: uuid.UUID | None = Field(
        default=None, foreign_key="correction_batches.id", unique=True
    )
    lines: int
    made_by: uuid.UUID = Field(foreign_key="accounts.id")
    made_at: datetime = utc_field(default_now=True)


class LineRemark(SQLModel, table=True):
    """A remark about one line of a register. The newest one counts; an empty one takes it away."""

    __tablename__ = "line_remarks"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    lesson_id: uuid.UUID = Field(foreign_key="lessons.id", index=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True)
    text: str = Field(max_length=500)
    made_by: uuid.UUID = Field(foreign_key="accounts.id")
    made_at: datetime = utc_field(default_now=True)


class RegisterConfirmation(SQLModel, table=True):
    """A person's word that a register is right. The newest one of a lesson counts.

    A lesson without a row here is one whose register was not taken.

    Attributes:
        unseen: ids of the students that no event shows, also of those with a correction or an
            excuse: by this word they are absent where nothing else decides.
        states: what each line said then, by the student's id: a code's id after a correction, else
            the status.
    """

    __tablename__ = "register_confirmations"
    __table_args__ = (Index("ix_register_confirmations_lesson_id_made_at", "lesson_id", "made_at"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    lesson_id: uuid.UUID = Field(foreign_key="lessons.id")
    unseen: list[str] = Field(sa_type=JSON)
    states: dict[str, str] = Field(sa_type=JSON)
    made_by: uuid.UUID = Field(foreign_key="accounts.id")
    made_at: datetime = utc_field(default_now=True)


class PastChange(SQLModel, table=True):
    """A change of the past that a person made: what, why, and how many lines it changed."""

    __tablename__ = "past_changes"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(max_length=20)
    document: dict[str, Any] = Field(sa_type=JSON)
    lines_changed: int
    reason: str = Field(max_length=500)
    made_by: str = Field(max_length=80)
    made_at: datetime = utc_field(default_now=True)
