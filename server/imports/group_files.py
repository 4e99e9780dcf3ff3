"""Files of classes and groups: each row a student in a class, with dates."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from server.db.types import now
from server.imports.coming import ComingSpans
from server.imports.course_files import FROM, UNTIL
from server.imports.findings import (
    Column,
    Finding,
    Judged,
    ParsedRow,
    RowError,
    RowOutcome,
    ValueChange,
    judged_each,
    written_each,
)
from server.imports.people_files import NUMBER_ALIASES
from server.imports.people_numbers import PeopleByNumber
from server.imports.place_files import refuse_text
from server.imports.values import read_date, refuse_backwards
from server.people.bulk import ImportOrigin, KnownPerson
from server.people.folding import comparable_number
from server.timetable.groups import service
from server.timetable.groups.service import GroupChange
from server.timetable.service import lock_courses, lock_timetable, lock_version
from server.timetable.tables import CourseGroup, GroupMember, StudentGroup

_LONGEST_NAME = 80
_IN_ONE_QUERY = 500


@dataclass(frozen=True)
class _Stay:
    """What a row wants: a person in a group from a date on, or until another one.

    Attributes:
        member_id: of the stay whose last day changes; None: a new one.
    """

    group: str
    person_id: uuid.UUID
    first: date
    last: date | None
    member_id: uuid.UUID | None = None


@dataclass(frozen=True)
class _KnownMembers:
    """Groups by name, people by number, and who was, is or will be in which group."""

    groups: Mapping[str, StudentGroup]
    people: Mapping[str, KnownPerson]
    stays: Mapping[tuple[uuid.UUID, uuid.UUID], Sequence[GroupMember]]


class GroupFiles:
    """The kind: each row a student in a class or group. Groups that are not there are added."""

    name = "groups"
    columns = (
        Column(
            "group",
            (
                "class", "group", "class or group", "class name", "group name", "form", "homeroom",
                "klasse", "gruppe", "klassenname", "classe", "groupe", "clase", "grupo", "curso",
                "الصف أو المجموعة", "الصف", "الفصل", "المجموعة", "القسم",
            ),
            ("7B", "7B", "French B"),
            is_required=True,
        ),
        Column("student_number", NUMBER_ALIASES, ("00123", "00124", "00123"), is_required=True),
        FROM,
        Column(UNTIL.key, UNTIL.aliases, ("", "", "")),
    )  # fmt: skip

    def __init__(self, today: date) -> None:
        self._today = today
        self._people = PeopleByNumber()
        self._coming = ComingSpans()

    def identify(self, row: ParsedRow) -> str:
        """Return group, student number and first day."""
        return "\n".join((row["group"], comparable_number(row["student_number"]), row["from"]))

    def about(self, row: ParsedRow) -> str:
        """Return group and student number."""
        return f"{row['group']} · {row['student_number']}"

    def look_ahead(self, rows: Iterable[ParsedRow]) -> None:
        """Note the first days of all rows of a file."""
        self._coming.look_ahead(rows, _placed)

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Compare rows with the members of their groups."""
        if lock:
            lock_timetable(db)  # before people, as everywhere
        known = self._known(db, rows, lock=lock)
        return judged_each(self, rows, lambda row: self._judged(row, known))

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Add groups and members, and set the last day of others."""
        groups = _groups(db, {one.payload.group for one in judged if one.payload})
        # A new group is recorded before the next row changes a roster.
        lock_courses(db, _courses_of(db, groups.values()))
        lock_version(db)

        def write(one: Judged) -> None:
            wanted: _Stay = one.payload
            change = GroupChange(actor=origin.actor, at=now(), today=self._today)
            group = groups.get(wanted.group)
            if group is None:
                group = service.create_group(db, wanted.group, actor=origin.actor)
            member = wanted.member_id
            if member is None:
                people = [wanted.person_id]
                member = service.add_members(db, group.id, people, wanted.first, change)[0].id
            if wanted.last is not None:
                service.end_member(db, group.id, member, wanted.last, change)
            groups[wanted.group] = group

        return written_each(db, judged, write)

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield who is in a group of the file today, but not in the file."""
        listed = {(row["group"], comparable_number(row["student_number"])) for row in rows}
        for name, group in sorted(_groups(db, {name for name, _ in listed}).items()):
            for stay, person in service.members(db, group.id):
                number = comparable_number(person.student_number)
                if _covers(stay, self._today) and (name, number) not in listed:
                    about = f"{name} · {person.student_number} · {person.display_name}"
                    yield Finding(0, RowOutcome.MISSING, about)

    def _known(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> _KnownMembers:
        numbers = {comparable_number(row["student_number"]) for row in rows}
        people = self._people.find(db, numbers, lock=lock)
        stays: dict[tuple[uuid.UUID, uuid.UUID], list[GroupMember]] = {}
        query = select(GroupMember).where(
            col(GroupMember.person_id).in_([one.id for one in people.values()])
        )
        for stay in db.exec(query.order_by(col(GroupMember.from_date))):
            stays.setdefault((stay.group_id, stay.person_id), []).append(stay)
        return _KnownMembers(_groups(db, {row["group"] for row in rows}), people, stays)

    def _judged(self, row: ParsedRow, known: _KnownMembers) -> Judged:
        refuse_text(row, "group", _LONGEST_NAME)
        if not row["student_number"]:
            raise RowError("empty", "student_number")
        person = known.people.get(comparable_number(row["student_number"]))
        if person is None:
            raise RowError("no_student_number", "student_number")
        if person.erased_at is not None:
            raise RowError("erased", "student_number")
        group = known.groups.get(row["group"])
        stays = known.stays.get((group.id, person.id), ()) if group else ()
        outcome, stay, changes = self._compared(row, person.id, stays)
        about = f"{self.about(row)} · {person.display_name}"
        return Judged(Finding(row.number, outcome, about, changes=changes), stay)

    def _compared(
        self, row: ParsedRow, person_id: uuid.UUID, stays: Sequence[GroupMember]
    ) -> tuple[RowOutcome, _Stay | None, tuple[ValueChange, ...]]:
        """Compare the dates of a row with the stays of the same person in the same group."""
        first, last = read_date(row["from"], "from"), read_date(row["until"], "until")
        begins = first or self._today
        refuse_backwards(begins, last, "until")
        same = next((one for one in stays if _is_meant(one, first, self._today)), None)
        if same is not None and first is None:
            self._coming.refuse_undated(_placed(row), [same.from_date], "in_group")
        if same is None:
            if any(_overlaps(one, begins, last) for one in stays):
                raise RowError("in_group", "from")
            self._refuse_over(last)
            self._coming.take((row["group"], person_id), row.number, (begins, last), "in_group")
            return RowOutcome.NEW, _Stay(row["group"], person_id, begins, last), ()
        if last is None or same.until_date == last:
            return RowOutcome.UNCHANGED, None, ()
        self._refuse_over(last)
        change = ValueChange("until", _text(same.until_date), _text(last))
        stay = _Stay(row["group"], person_id, same.from_date, last, same.id)
        return RowOutcome.CHANGED, stay, (change,)

    def _refuse_over(self, last: date | None) -> None:
        """Refuse a last day before today: registers that were taken do not change.

        Raises:
            RowError: it is.
        """
        if last is not None and last < self._today:
            raise RowError("group_past", "until")


def _placed(row: ParsedRow) -> str:
    """Return group and student of a row."""
    return f"{row['group']}\n{comparable_number(row['student_number'])}"


def _groups(db: Session, names: set[str]) -> dict[str, StudentGroup]:
    """Return groups by name, some names in each query."""
    wanted = sorted(names)
    found: dict[str, StudentGroup] = {}
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        part = wanted[start : start + _IN_ONE_QUERY]
        query = select(StudentGroup).where(col(StudentGroup.name).in_(part))
        found |= {one.name: one for one in db.exec(query)}
    return found


def _courses_of(db: Session, groups: Iterable[StudentGroup]) -> set[uuid.UUID]:
    """Return the courses that take, took or will take their students from these groups."""
    wanted = col(CourseGroup.group_id).in_([one.id for one in groups])
    return set(db.exec(select(CourseGroup.course_id).where(wanted)))


def _is_meant(stay: GroupMember, first: date | None, today: date) -> bool:
    """Whether a row means a stay: the one of its first day, or the one of today."""
    return _covers(stay, today) if first is None else stay.from_date == first


def _covers(stay: GroupMember, day: date) -> bool:
    return stay.from_date <= day and (stay.until_date is None or stay.until_date >= day)


def _overlaps(stay: GroupMember, first: date, last: date | None) -> bool:
    starts_later = last is not None and stay.from_date > last
    ended = stay.until_date is not None and stay.until_date < first
    return not (starts_later or ended)


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""
