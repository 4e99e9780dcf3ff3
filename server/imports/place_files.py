"""Files of rooms and of courses."""

from collections.abc import Iterable, Iterator, Sequence

from sqlmodel import Session, col, select

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
from server.people.bulk import ImportOrigin
from server.timetable import service
from server.timetable.tables import Course, Room

_LONGEST_NAME, _LONGEST_CODE, _LONGEST_TITLE = 80, 40, 120
#: Shared with the files that name a room in each row.
ROOM_ALIASES = (
    "room", "room name", "room number", "raum", "raumname", "zimmer", "salle", "nom de la salle",
    "aula", "sala", "nombre del aula", "القاعة", "اسم القاعة", "الغرفة", "الحجرة",
)  # fmt: skip
#: Shared with the files that name a course in each row.
COURSE_CODE_ALIASES = (
    "course code", "course", "code", "class code", "class", "subject", "group", "section",
    "kurs", "kurscode", "kurskürzel", "kürzel", "klasse", "fach", "gruppe", "code cours",
    "cours", "code du cours", "classe", "groupe", "curso", "código", "código del curso", "clase",
    "grupo", "asignatura", "رمز المقرر", "المقرر", "رمز المادة", "المادة", "الصف", "القسم",
)  # fmt: skip


class RoomFiles:
    """The kind: each row a room, told apart by its name."""

    name = "rooms"
    columns = (
        Column(
            "name",
            (*ROOM_ALIASES, "name", "nom", "nombre", "الاسم"),
            ("R12", "R14", "Sports hall"),
            is_required=True,
        ),
    )  # fmt: skip

    def identify(self, row: ParsedRow) -> str:
        """Return the name."""
        return row["name"]

    def about(self, row: ParsedRow) -> str:
        """Return the name."""
        return row["name"]

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Compare rows with the rooms of these names."""
        if lock:
            service.lock_timetable(db)  # before a new room is recorded
        names = [row["name"] for row in rows]
        known = set(db.exec(select(Room.name).where(col(Room.name).in_(names))))

        def judge(row: ParsedRow) -> Judged:
            refuse_text(row, "name", _LONGEST_NAME)
            outcome = RowOutcome.UNCHANGED if row["name"] in known else RowOutcome.NEW
            return Judged(Finding(row.number, outcome, row["name"]), row["name"])

        return judged_each(self, rows, judge)

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Add rooms."""
        return written_each(
            db, judged, lambda one: service.create_room(db, one.payload, actor=origin.actor)
        )

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield the rooms that are not in the file."""
        given = {row["name"] for row in rows}
        for room in service.rooms(db):
            if room.name not in given:
                yield Finding(0, RowOutcome.MISSING, room.name)


class CourseFiles:
    """The kind: each row a course, told apart by its code."""

    name = "courses"
    columns = (
        Column("code", COURSE_CODE_ALIASES, ("BIO-9", "ART-1", "MATH-7B"), is_required=True),
        Column(
            "title",
            (
                "title", "course title", "course name", "name", "description", "titel",
                "kursname", "bezeichnung", "titre", "intitulé", "nom", "nom du cours", "título",
                "nombre", "nombre del curso", "descripción", "العنوان", "اسم المقرر", "اسم المادة",
            ),
            ("Biology 9", "Art", "Mathematics 7B"),
            is_required=True,
        ),
    )  # fmt: skip

    def identify(self, row: ParsedRow) -> str:
        """Return the code."""
        return row["code"]

    def about(self, row: ParsedRow) -> str:
        """Return code and title."""
        return " · ".join(text for text in (row["code"], row["title"]) if text)

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Compare rows with the courses of these codes."""
        if lock:
            service.lock_timetable(db)  # before courses, as everywhere
        known = courses_by_code(db, [row["code"] for row in rows])
        if lock:
            # A new course is recorded before the next row changes another one.
            service.lock_courses(db, [one.id for one in known.values()], is_exclusive=True)

        def judge(row: ParsedRow) -> Judged:
            refuse_text(row, "code", _LONGEST_CODE)
            course = known.get(row["code"])
            if course is None:
                refuse_text(row, "title", _LONGEST_TITLE)
                return Judged(Finding(row.number, RowOutcome.NEW, self.about(row)), (None, row))
            if row["title"] in ("", course.title):
                return Judged(Finding(row.number, RowOutcome.UNCHANGED, self.about(row)))
            refuse_text(row, "title", _LONGEST_TITLE)
            changes = (ValueChange("title", course.title, row["title"]),)
            finding = Finding(row.number, RowOutcome.CHANGED, self.about(row), changes=changes)
            return Judged(finding, (course.id, row))

        return judged_each(self, rows, judge)

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Add courses and give others their new title."""

        def write(one: Judged) -> None:
            course_id, row = one.payload
            values = {"code": row["code"], "title": row["title"], "actor": origin.actor}
            if course_id is None:
                service.create_course(db, **values)
            else:
                service.change_course(db, course_id, **values)

        return written_each(db, judged, write)

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield the courses that are not in the file."""
        given = {row["code"] for row in rows}
        for course in service.courses(db):
            if course.code not in given:
                yield Finding(0, RowOutcome.MISSING, f"{course.code} · {course.title}")


def courses_by_code(db: Session, codes: Iterable[str]) -> dict[str, Course]:
    """Return the courses that have one of these codes."""
    found = db.exec(select(Course).where(col(Course.code).in_(set(codes))))
    return {course.code: course for course in found}


def refuse_text(row: ParsedRow, column: str, longest: int) -> None:
    """Refuse a cell that is empty or too long.

    Raises:
        RowError: it is.
    """
    if not row[column]:
        raise RowError("empty", column)
    if len(row[column]) > longest:
        raise RowError("too_long", column)
