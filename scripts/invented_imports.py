"""Imports of an invented school: one of each state that a page shows."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.imports import service, uploads
from server.imports.kinds import Announced, KindName
from server.imports.samples import zip_of
from server.imports.tables import ImportRun, ImportState
from server.imports.tasks import ImportFiles
from server.jobs import service as jobs
from server.jobs.schemas import ClaimedJob, Done
from server.past_marks.files import AttendanceFiles
from server.people.tables import Person
from server.timetable.roster import roster_people
from server.timetable.service import courses, rooms
from server.timetable.tables import Course, Room
from server.web.principal import Role

_BERLIN = ZoneInfo("Europe/Berlin")
_JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256))
_PHOTO_BYTES = 20 * 1024 * 1024
_HEAD = "Student number;First name;Surname;Date of birth;Class;Guardian\n"
_WRONG = (
    ";Mia;Sommer;2012;7B;A. Sommer\n"
    "90002;;;2011;7B;\n"
    "90003;Jonas;Keller;03/04/12;7B;B. Keller\n"
    "90004;Lea;Brandt;2011;7B;C. Brandt\n"
    "90004;Leah;Brandt;2011;7C;C. Brandt\n"
)


def add_imports(database: Database, vault: Vault, *, account: str) -> dict[str, str]:
    """Add imports; returns the id of each by what its page shows.

    Args:
        database: of the school.
        vault: seals files and reports.
        account: who uploads, as the audit trail names them.
    """
    text = _people(database)
    made = {}
    for name in ("columns", "busy", "checked", "done"):
        with database.transaction() as db:
            upload = service.read_upload("students-2026.csv", text.encode())
            run = service.take_in(
                db, vault, KindName.PEOPLE, upload, actor=account, role=Role.OFFICE
            )
            made[name] = str(run.id)
        if name != "columns":
            _go_on(database, vault, run, account, name)
    made |= _add_photos(database, vault, account) | _add_marks(database, vault, account)
    return made | _add_calendar(database, vault, account)


def _add_marks(database: Database, vault: Vault, account: str) -> dict[str, str]:
    """Add a file of past attendance that was checked."""
    with database.transaction() as db:
        upload = service.read_upload("marks-autumn.csv", _marks(db).encode())
        run = service.take_in(
            db, vault, KindName.ATTENDANCE, upload, actor=account, role=Role.OFFICE
        )
    _go_on(database, vault, run, account, "checked")
    return {"attendance": str(run.id)}


def _marks(db: Session) -> str:
    """Return a file about lessons of the last weeks that were never entered; some rows wrong."""
    lines = ["Student number;Course;Date;Start time;End time;Room;Status\n"]
    places = rooms(db)
    for number, course in enumerate(courses(db)[:8]):
        day = now().astimezone(_BERLIN).date() - timedelta(days=3 + number)
        room = places[number % len(places)].name
        people = roster_people(db, course.id)[:12]
        for at, (_entry, person) in enumerate(people):
            status = ("present", "P", "late", "absent", "present", "maybe")[(number + at) % 6]
            row = (person.student_number, course.code, day, "07:00", "07:45", room, status)
            lines.append(";".join(map(str, row)) + "\n")
        if people:
            other = day - timedelta(days=500 if number % 2 else 1)
            lines.append(f"{people[0][1].student_number};{course.code};{other};;;;P\n")
    return "".join(lines)


def _add_calendar(database: Database, vault: Vault, account: str) -> dict[str, str]:
    """Add a calendar of lessons that was checked."""
    with database.transaction() as db:
        upload = service.read_calendar_upload("timetable-spring.ics", _calendar(db), _BERLIN)
        run = service.take_in(db, vault, KindName.CALENDAR, upload, actor=account, role=Role.OFFICE)
    _go_on(database, vault, run, account, "checked")
    return {"calendar": str(run.id)}


def _calendar(db: Session) -> bytes:
    """Return late lessons of some courses, with changes, and some that cannot be imported."""
    codes = db.exec(select(Course.code).order_by(Course.code).limit(5)).all()
    rooms = list(db.exec(select(Room.name).order_by(Room.name).limit(4)))
    monday = now().astimezone(_BERLIN).date()
    monday += timedelta(days=7 - monday.weekday())
    week, day = timedelta(weeks=1), timedelta(days=1)
    events = [
        _event(code, room, monday + day * at, f"UID:{at}\nRRULE:FREQ=WEEKLY;COUNT=3")
        for at, (code, room) in enumerate(zip(codes, [*rooms, rooms[0]], strict=True))
    ]
    events[0] += f"\nEXDATE:{monday + week:%Y%m%d}T200000"
    moved = _event(codes[1], rooms[2], monday + day * 3 + week, "UID:1")
    events += [
        f"{moved}\nRECURRENCE-ID:{monday + day + week:%Y%m%d}T200000",
        _event(codes[2], rooms[2], monday + day * 5, ""),
        _event("Parents' evening", rooms[0], monday + day, ""),
        _event(codes[3], "Old gym", monday + day, ""),
        _event(codes[3], rooms[3], monday, "RRULE:FREQ=MONTHLY;BYDAY=1MO"),
        f"SUMMARY:School trip\nDTSTART;VALUE=DATE:{monday:%Y%m%d}",
        _event(codes[4], rooms[1], monday - week * 2, ""),
    ]
    body = "".join(f"BEGIN:VEVENT\n{one}\nEND:VEVENT\n" for one in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{body}END:VCALENDAR\n".encode()


def _event(course: str, room: str, day: date, more: str) -> str:
    times = f"DTSTART:{day:%Y%m%d}T200000\nDTEND:{day:%Y%m%d}T204500"
    return f"SUMMARY:{course}\nLOCATION:{room}\n{times}\n{more}".strip()


def _add_photos(database: Database, vault: Vault, account: str) -> dict[str, str]:
    """Add an archive of photos that was checked, and one that waits for its check."""
    with database.reading() as db:
        people = db.exec(select(Person).order_by(Person.student_number).limit(18)).all()
    names = [f"7B/{one.student_number}.jpg" for one in people]
    names += [f"7B/{people[0].student_number}_2.jpg", "7B/IMG_2041.jpg", "7B/4711.jpg"]
    files = {name: _JPEG + name.encode() for name in names}
    data = zip_of(files | {f"7B/{people[1].student_number}_2.pdf": b"%PDF-1.7" * 40})
    made = {}
    for name in ("archive", "photos"):
        given = Announced(KindName.PHOTOS, "photos-7b.zip", len(data))
        run = uploads.take_whole(database, vault, given, data, actor=account)
        made[name] = str(run.id)
    _go_on(database, vault, run, account, "checked")
    return made


def _go_on(database: Database, vault: Vault, run: ImportRun, account: str, name: str) -> None:
    handler = ImportFiles(
        database,
        vault,
        lambda: _BERLIN,
        photo_max_bytes=_PHOTO_BYTES,
        attendance=lambda: AttendanceFiles(_BERLIN, "en"),
    )
    with database.transaction() as db:
        service.begin_check(db, run.id, run.mapping, actor=account, role=Role.OFFICE)
        job = _taken(db, run)
    if name == "busy":
        with database.transaction() as db:
            row = service.find(db, run.id, lock=True)
            row.state, row.position = ImportState.IMPORTING, row.total * 2 // 3
        return
    _work(database, handler, job)
    if name == "done":
        with database.transaction() as db:
            service.begin_import(db, run.id, actor=account, role=Role.OFFICE)
            job = _taken(db, run)
        _work(database, handler, job)


def _taken(db: Session, run: ImportRun) -> ClaimedJob:
    """Take a job out of the queue, so that no worker of the server does it."""
    row = service.job_of(db, run)
    assert row is not None
    jobs.forget(db, service.JOB, [dict(row.about)])
    return ClaimedJob(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        about=dict(row.about),
        attempts=0,
        revision=0,
        correlation_id="pictures",
        created_by=row.created_by,
        created_at=row.created_at,
    )


def _work(database: Database, handler: ImportFiles, job: ClaimedJob) -> None:
    result = handler.run(job)
    assert isinstance(result, Done)
    with database.transaction() as db:
        result.write(db)


def _people(database: Database) -> str:
    """Return a file: most of the school, some with other values, some new, some wrong."""
    with database.reading() as db:
        people = db.exec(select(Person).order_by(Person.student_number)).all()
    lines = [
        f"{one.student_number};{one.given_name};{one.family_name}"
        f"{'-Meyer' if number % 20 == 0 else ''};{'2011-05-17' if number % 30 == 0 else ''};7B;\n"
        for number, one in enumerate(people[:-3])
    ]
    new = [f"8000{number};Nour;Haddad {number};2012;7B;R. Haddad\n" for number in range(9)]
    return _HEAD + "".join(lines + new) + _WRONG
