"""Enrolments, their encrypted photos and templates, resemblances, and the log of changes."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Integer, LargeBinary
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class EnrolmentStatus(StrEnum):
    """How far an enrolment has come."""

    PENDING = "pending"
    PROCESSING = "processing"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class ChangeKind(StrEnum):
    """What happened to a template."""

    UPSERT = "upsert"
    TOMBSTONE = "tombstone"


class ResemblanceKind(StrEnum):
    """How near two people are to each other."""

    DUPLICATE = "duplicate"
    LOOK_ALIKE = "look_alike"


class Enrolment(SQLModel, table=True):
    """One photo's way to a template. Also the job: a worker claims it with a lease."""

    __tablename__ = "enrolments"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True, ondelete="CASCADE")
    status: str = Field(max_length=20, index=True)
    reason: str | None = Field(default=None, max_length=60)
    is_waiting_for_service: bool = Field(default=False)
    face_area_ratio: float | None = Field(default=None)
    advice: list[str] = Field(default_factory=list, sa_type=JSON)
    attempts: int = Field(default=0)
    not_before: datetime = utc_field(default_now=True)
    lease_until: datetime | None = utc_field(nullable=True)
    lease_owner: str | None = Field(default=None, max_length=64)
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
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)


class Template(SQLModel, table=True):
    """A face as numbers, encrypted: float32, little-endian, `dimension` of them.

    One for each photo and model. What is set aside stays here and goes to no kiosk; a restored one
    is not set aside again.
    """

    __tablename__ = "templates"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True, ondelete="CASCADE")
    enrolment_id: uuid.UUID = Field(foreign_key="enrolments.id", index=True, ondelete="CASCADE")
    model_id: str = Field(max_length=80)
    dimension: int
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)
    set_aside_reason: str | None = Field(default=None, max_length=20)
    is_restored: bool = Field(default=False)
    created_at: datetime = utc_field(default_now=True)


class GalleryCheck(SQLModel, table=True):
    """A job: compare a person's templates of one model with those of all other people.

    The worker that claims it moves `not_before` ahead. If the worker dies, another one claims the
    job after that time. `revision` grows with every change to the templates, so an answer about
    older ones changes nothing.
    """

    __tablename__ = "gallery_checks"

    person_id: uuid.UUID = Field(foreign_key="people.id", primary_key=True, ondelete="CASCADE")
    model_id: str = Field(max_length=80, primary_key=True)
    revision: int = Field(default=1)
    attempts: int = Field(default=0)
    not_before: datetime = utc_field(default_now=True)


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


class MissingTemplate(SQLModel, table=True):
    """A photo that a model of the service has no template of yet: the job; or why there is none.

    With a `reason` it is over: this photo does not serve that model, another has to be taken.
    """

    __tablename__ = "missing_templates"

    enrolment_id: uuid.UUID = Field(
        foreign_key="enrolments.id", primary_key=True, ondelete="CASCADE"
    )
    model_id: str = Field(max_length=80, primary_key=True)
    attempts: int = Field(default=0)
    not_before: datetime = utc_field(default_now=True)
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
