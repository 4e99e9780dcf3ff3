"""Sample files: one of each kind, which can be imported as it is."""

import base64
import io
import zipfile
from collections.abc import Sequence

from starlette.responses import Response

from server.imports.calendars.entries import CalendarUse
from server.imports.calendars.samples import sample_calendar
from server.imports.kinds import KindName, columns_of
from server.imports.words import sample_file
from server.web.translations import Translator

#: A grey picture of 8 pixels by 8, as JPEG.
_PICTURE = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmB"
    "anGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABf/E"
    "ABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8ASf/Z"
)
_PHOTOS = ("00123.jpg", "00124.jpg", "00124_2.jpg", "00125/front.jpg", "00125/left.jpg")


_BUNDLE = {
    "manifest.csv": (
        "propertyName,value",
        "manifest.version,1.0",
        "oneroster.version,1.1",
        "file.academicSessions,bulk",
        "file.classes,bulk",
        "file.courses,bulk",
        "file.enrollments,bulk",
        "file.orgs,bulk",
        "file.users,bulk",
    ),
    "orgs.csv": (
        "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId",
        "org-1,,,Lindenhof School,school,,",
    ),
    "academicSessions.csv": (
        "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear",
        "year-27,,,2026/27,schoolYear,2026-08-24,2027-07-16,,2027",
        "term-1,,,Autumn,term,2026-08-24,2026-12-18,year-27,2027",
    ),
    "courses.csv": (
        "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades"
        ",orgSourcedId,subjects,subjectCodes",
        "course-1,,,year-27,Biology,BIO,09,org-1,,",
    ),
    "classes.csv": (
        "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType"
        ",location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods",
        "class-1,,,Biology 9,09,course-1,BIO-9,scheduled,R12,org-1,term-1,,,",
    ),
    "users.csv": (
        "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds"
        ",givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades"
        ",password",
        "user-1,,,true,org-1,student,ada.l,,Ada,Lovelace,,00123,,,,guardian-1,09,",
        "user-2,,,true,org-1,student,zoe.m,,Zoë,Müller,,00124,,,,,09,",
        "user-3,,,true,org-1,teacher,ben,,Ben,Okafor,,,,,,,,",
        "guardian-1,,,true,org-1,parent,,,Amina,Haddad,,,amina@example.org,,0049 30 5550123"
        ",user-2,,",
    ),
    "enrollments.csv": (
        "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role"
        ",primary,beginDate,endDate",
        "enr-1,,,class-1,org-1,user-1,student,,,",
        "enr-2,,,class-1,org-1,user-2,student,,,",
        "enr-3,,,class-1,org-1,user-3,teacher,true,,",
    ),
}


def bundle_files() -> dict[str, bytes]:
    """Return the files of the sample bundle of OneRoster, by name."""
    return {name: _lines(rows) for name, rows in _BUNDLE.items()}


def _lines(rows: Sequence[str]) -> bytes:
    return "".join(f"{row}\r\n" for row in rows).encode()


def sample_answer(
    t: Translator, kind: KindName, use: CalendarUse = CalendarUse.HOLIDAYS
) -> Response:
    """Answer with the sample file of a kind, its columns in the reader's language.

    Args:
        t: the reader's words.
        kind: of the file.
        use: what a calendar is to hold.
    """
    if kind is KindName.CALENDAR:
        headers = {"Content-Disposition": f'attachment; filename="{use}.ics"'}
        return Response(sample_calendar(use), media_type="text/calendar", headers=headers)
    if kind is KindName.PHOTOS:
        return _answer(zip_of({name: _picture(at) for at, name in enumerate(_PHOTOS)}), kind)
    if kind is KindName.ONEROSTER:
        return _answer(zip_of(bundle_files()), kind)
    found = sample_file(t, columns_of(kind))
    headers = {"Content-Disposition": f'attachment; filename="{kind}.csv"'}
    return Response(found, media_type="text/csv", headers=headers)


def _answer(found: bytes, kind: KindName) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{kind}.zip"'}
    return Response(found, media_type="application/zip", headers=headers)


def _picture(number: int) -> bytes:
    """Return the picture with a comment, so that no two are the same file."""
    comment = b"sample %d" % number
    return _PICTURE[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + _PICTURE[2:]


def zip_of(files: dict[str, bytes]) -> bytes:
    """Return a zip with these files, by their paths."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return found.getvalue()
