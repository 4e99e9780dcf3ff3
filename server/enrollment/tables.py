"""Enrolments, their encrypted photos and templates, moves, resemblances, and the log of changes."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class EnrolmentStatus(StrEnum):
    """How far an enrolment has come."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class EnrolmentSource(StrEnum):
    """What an enrolment's templates were made from."""

    PHOTO = "photo"
    SCAN = "scan"  # two scans at kiosks; there never was a photo on the server


class ChangeKind(StrEnum):
    """What happened to a template."""

    UPSERT = "upsert"
    TOMBSTONE = "tombstone"


class ResemblanceKind(StrEnum):
    """How near two people are to each other."""

    DUPLICATE = "duplicate"
    LOOK_ALIKE = "look_alike"


class Enrolment(SQLModel, table=True):
    """One photo's way to a template, or the two scans that became templates.

    Attributes:
        source: which of the two; a member of `EnrolmentSource`.
        photo_digest: keyed fingerprint of the file; the same file again is no second photo.
    """

    __tablename__ = "enrolments"
    # The last two are there to be counted without a look at the rows.
    __table_args__ = (Index("ix_enrolments_person_id", "person_id", "created_at", "id"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", ondelete="CASCADE")
    status: str = Field(max_length=20, index=True)
    source: str = Field(default=EnrolmentSource.PHOTO.value, max_length=10)
    reason: str | None = Field(default=None, max_length=60)
    face_area_ratio: float | None = Field(default=None)
    advice: list[str] = Field(default_factory=list, sa_type=JSON)
    photo_digest: str | None = Field(default=None, max_length=64, index=True)
    correlation_id: str = Field(max_length=64)
    created_by: str = Field(max_length=80)
    created_at: datetime = utc_field(default_now=True)
    finished_at: datetime | None = utc_field(nullable=True)


class EnrolmentPhoto(SQLModel, table=True):
    """The photo, encrypted. In the database, so that it and its row come and go together."""

    __tablename__ = "enrolment_photos"

    enrolment_id: uuid.UUID = Field(
        primary_key=True, foreign_key="enrolments.id", ondelete="CASCADE"
    )
    key_id: str = Field(max_length=40, index=True)
    data: bytes = Field(sa_type=LargeBinary)


#: What decides whether a template is in use; see `gallery.is_in_use`.
_USE = ("model_id", "set_aside_reason", "checked_at")


class Template(SQLModel, table=True):
    """A face as numbers, encrypted: float32, little-endian, `dimension` of them.

    One for each photo and model; two for a pair of scans. It goes to kiosks once it was compared
    with everybody else's.
    What is set aside stays here and goes to no kiosk; a restored one is not set aside again.
    """

    __tablename__ = "templates"
    # Each row holds a face: what is counted stands in the indexes.
    __table_args__ = (
        Index("ix_templates_person_id", "person_id", "enrolment_id", *_USE),
        Index("ix_templates_enrolment_id", "enrolment_id", *_USE),
        Index("ix_templates_model_id", "model_id", "person_id"),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", ondelete="CASCADE")
    enrolment_id: uuid.UUID = Field(foreign_key="enrolments.id", ondelete="CASCADE")
    model_id: str = Field(max_length=80)
    dimension: int
    key_id: str = Field(max_length=40, index=True)
    data: bytes = Field(sa_type=LargeBinary)
    set_aside_reason: str | None = Field(default=None, max_length=20)
    is_restored: bool = Field(default=False)
    checked_at: datetime | None = utc_field(nullable=True, index=True)
    created_at: datetime = utc_field(default_now=True)


class Resemblance(SQLModel, table=True):
    """Two people whose templates of one model are near each other; the smaller id first."""

    __tablename__ = "resemblances"

    first_id: uuid.UUID = Field(foreign_key="people.id", primary_key=True, ondelete="CASCADE")
    second_id: uuid.UUID = Field(
        foreign_key="people.id", primary_key=True, index=True, ondelete="CASCADE"
    )
    model_id: str = Field(max_length=80, primary_key=True)
    kind: str = Field(max_length=20)
    distance: float
    found_at: datetime = utc_field(default_now=True)
    dismissed_by: str | None = Field(default=None, max_length=80)
    dismissed_at: datetime | None = utc_field(nullable=True)


class EnrolmentMove(SQLModel, table=True):
    """Photos that were enrolled under the wrong person, and were moved to the right one.

    Attributes:
        enrolments: their ids, sorted.
        used_since: when the first of their templates went to kiosks; None: none ever did.
        asked_until: later marks are not asked about; a kiosk that was offline may have gone on
            with the old photos until then.
    """

    __tablename__ = "enrolment_moves"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    from_id: uuid.UUID = Field(foreign_key="people.id", index=True, ondelete="CASCADE")
    to_id: uuid.UUID = Field(foreign_key="people.id", index=True, ondelete="CASCADE")
    enrolments: list[str] = Field(sa_type=JSON)
    used_since: datetime | None = utc_field(nullable=True)
    asked_until: datetime = utc_field()
    made_by: str = Field(max_length=80)
    made_at: datetime = utc_field(default_now=True)


class MissingTemplate(SQLModel, table=True):
    """A photo without a template of one of the service's models, and why; no reason: a job waits.

    With a reason this photo does not serve that model: another one has to be taken.
    """

    __tablename__ = "missing_templates"

    enrolment_id: uuid.UUID = Field(
        foreign_key="enrolments.id", primary_key=True, ondelete="CASCADE"
    )
    model_id: str = Field(max_length=80, primary_key=True)
    reason: str | None = Field(default=None, max_length=60)


class GalleryChange(SQLModel, table=True):
    """One change to the gallery. `seq` grows without gaps in the order of commits.

    No foreign keys: a tombstone outlives the template and the person it is about.
    """

    __tablename__ = "gallery_changes"

    seq: int = Field(
        primary_key=True,
        sa_type=BigInteger().with_variant(Integer, "sqlite"),
        sa_column_kwargs={"autoincrement": False},
    )
    person_id: uuid.UUID = Field(index=True)
    template_id: uuid.UUID = Field(index=True)
    kind: str = Field(max_length=20)
    at: datetime = utc_field(default_now=True)
