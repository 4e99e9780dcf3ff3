"""The address of every page that is photographed, by name."""

from typing import TYPE_CHECKING

from scripts.invented_attendance import STUDENT
from scripts.invented_line_files import WITHOUT_LINE
from scripts.invented_losses import SPAN
from scripts.invented_school import School

if TYPE_CHECKING:
    from scripts.pages import Site


def addresses(site: "Site") -> dict[str, str]:
    """Every page by name."""
    school = site.school
    running = school.lessons[len(school.lessons) // 2]
    planned = school.lessons[-1]
    cancelled, pending, past = school.lessons[:3]
    return (
        {
            "new-lesson": "/lessons/new",
            "edit-lesson": f"/lessons/{planned}/edit",
            "cancel-lesson": f"/lessons/{planned}/cancel",
            "delete-lesson": f"/lessons/{planned}/delete",
            "register-cancelled": f"/lessons/{cancelled}",
            "register-pending": f"/lessons/{pending}",
            "register-past": f"/lessons/{past}",
            "past-changes": "/past-changes",
            "past-policy": f"/past-changes/policy?lesson_id={past}",
            "past-roster": f"/past-changes/roster?person_id={school.people[0]}",
            "past-lesson": f"/past-changes/lesson?lesson_id={past}",
            "past-preview": f"/past-changes/policy?lesson_id={past}",
            "edit-course": f"/courses/{school.courses[0]}/edit",
            "edit-room": f"/rooms/{school.rooms[0]}/edit",
            "terms": "/terms",
            "move-kiosk": f"/kiosks/{school.kiosks[0]}/move",
            "do-not-wait": f"/kiosks/{school.kiosks[0]}/do-not-wait",
            "edit-person": f"/people/{school.people[0]}/edit",
            "person": f"/people/{school.people[0]}",
            "guardians": f"/people/{school.people[0]}/guardians",
            "guardians-open": f"/people/{school.people[0]}/guardians",
            "person-attendance": f"/people/{school.people[STUDENT]}/attendance",
            "enrol": f"/people/{school.people[0]}/enrol",
            "consent": f"/people/{school.people[7]}/consents/new",
            "register": f"/lessons/{running}",
            "line": f"/lessons/{running}/people/{{first}}",
            "line-files-alone": f"/lessons/{running}/people/{school.people[WITHOUT_LINE]}",
            "course": f"/courses/{school.courses[0]}",
            "kiosk": f"/kiosks/{school.kiosks[0]}",
            "commissioning": f"/kiosks/{school.kiosks[0]}/commissioning",
            "commissioning-none": f"/kiosks/{school.kiosks[1]}/commissioning",
            "claim": f"/kiosks/{school.kiosks[0]}",
            "kiosk-turned": f"/kiosks/{school.kiosks[2]}",
        }
        | _SETUP
        | _policy_addresses(school)
        | _beside_addresses(school)
        | _move_addresses(site)
        | _absence_addresses(site)
        | _marking_addresses(running)
        | _account_addresses(site)
        | _credential_addresses(school)
        | _import_addresses(site.imports)
        | _lost_addresses(school)
        | _report_addresses()
        | _timetable_addresses(site)
    )


#: Lists, and pages about the school as a whole: nothing in their addresses is of one school.
_SETUP = {
    "coverage": "/people/coverage",
    "lessons": "/lessons",
    "courses": "/courses",
    "courses-chosen": "/courses",
    "users-chosen": "/users",
    "groups": "/groups",
    "group": "/groups/{group}",
    "rooms": "/rooms",
    "kiosks": "/kiosks",
    "kiosks-unknown-device": "/kiosks",
    "today-unknown-device": "/",
    "missing": "/people/00000000-0000-0000-0000-000000000000",
    "people": "/people",
    "jobs": "/jobs",
    "today": "/",
    "today-refused": "/",
    "people-filters": "/people?consent=live&place=course",
    "people-chosen": "/people",
    "people-chosen-done": "/people",
    "school": "/school",
    "search": "/search",
    "first-steps": "/first-steps",
    "accuracy": "/accuracy",
    "models": "/models",
    "models-change": "/models",
    "accuracy-details": "/accuracy",
    "accuracy-question": "/accuracy",
}


def _beside_addresses(school: School) -> dict[str, str]:
    """Lists with the short page of one row beside them; on a phone the list alone."""
    return {
        "beside-people": f"/people?open={school.people[0]}",
        "beside-lessons": f"/lessons?open={school.lessons[len(school.lessons) // 2]}",
        "beside-courses": f"/courses?open={school.courses[0]}",
    }


def _policy_addresses(school: School) -> dict[str, str]:
    """Pages of the policy, and of its exceptions."""
    room = f"/policy/rooms/{school.rooms[0]}"
    return {
        "policy": "/policy",
        "policy-details": "/policy",
        "policy-preview": "/policy",
        "policy-choose": "/policy/place",
        "policy-room": room,
        "policy-preview-room": room,
        "policy-course": f"/policy/courses/{school.courses[0]}",
    }


def _move_addresses(site: "Site") -> dict[str, str]:
    """Pages about photos of the wrong person, and marks to check."""
    move = f"/people/{site.school.people[0]}/move"
    return {
        "move-photos": f"{move}?to={site.school.people[1]}",
        "move-person": move,
        "moved-marks": f"/moves/{site.move_id}",
        "recognitions": "/recognitions",
        "recognitions-correct": "/recognitions",
    }


def _absence_addresses(site: "Site") -> dict[str, str]:
    """Pages about reported absences, and the on-site list."""
    return {
        "absences": "/absences",
        "absences-earlier": "/absences?earlier=true",
        "absence": f"/absences/{site.absence_id}",
        "absence-new": f"/absences/new?person_id={site.school.people[5]}",
        "absence-person": "/absences/new",
        "absence-withdraw": f"/absences/{site.absence_id}/withdraw",
        "absence-reasons": "/absences/reasons",
        "on-site": "/on-site",
    }


def _timetable_addresses(site: "Site") -> dict[str, str]:
    """The weekly grid, and its forms."""
    school, weekly = site.school, site.weekly
    grid = f"/timetable?of=room:{school.rooms[0]}&week={weekly.week.isoformat()}"
    return {
        "holidays": "/holidays",
        "timetable": grid,
        "calendar-feed": f"/courses/{school.courses[0]}/calendar-feed",
        "calendar-feed-shown": f"/courses/{school.courses[1]}/calendar-feed",
        "timetable-add": f"{grid}&add=4-1800-1845",
        "timetable-lesson": f"{grid}&lesson={weekly.lesson}",
        "timetable-pattern": f"{grid}&pattern={weekly.pattern}",
        "timetable-student": f"/timetable?of=student:{school.people[0]}",
        "substitute": f"/lessons/{weekly.lesson}/substitute",
        "delete-term": f"/terms/{weekly.term}/delete",
    }


def _marking_addresses(running: object) -> dict[str, str]:
    """Pages on which people decide about a whole register, and about the codes it shows."""
    return {
        "register-menu": f"/lessons/{running}",
        "register-several": f"/lessons/{running}/several",
        "register-confirm": f"/lessons/{running}/confirm",
        "status-codes": "/status-codes",
        "new-status-code": "/status-codes/new",
    }


def _account_addresses(site: "Site") -> dict[str, str]:
    """Pages about accounts, and what they did."""
    return {
        "audit": "/audit",
        "users": "/users",
        "user": f"/users/{site.user_id}",
        "new-user": "/users/new",
        "first-passwords": "/users/passwords",
        "password-slips": "/users/passwords",
        "password": "/password",
        "tokens": "/tokens/new",
        "tokens-everybody": "/tokens/new",
        "new-token": "/tokens/new",
        "token-shown": "/tokens/new",
        "revoke-token": "/tokens/new",
        "second-factor": "/second-factor",
        "second-factor-setup": "/second-factor",
        "recovery-codes": "/second-factor",
    }


def _credential_addresses(school: School) -> dict[str, str]:
    """Pages about checking in without a face; the page of a link needs no sign-in."""
    person = f"/credentials/person/{school.people[0]}"
    return {
        "credentials": person,
        "credentials-pin": person,
        "credentials-link": person,
        "credentials-print": "/credentials/print",
        "credentials-course": f"/credentials/print?course_id={school.courses[0]}",
        "own-code": person,
        "own-offline": person,
        "own-gone": "/me/gone",
    }


def _report_addresses() -> dict[str, str]:
    """Pages of reports."""
    return {
        "reports": "/reports",
        "reports-days": "/reports?view=day",
        "reports-lines": "/reports?view=lesson",
        "reports-at-risk": "/reports?view=at-risk",
        "reports-not-taken": "/reports?view=not-taken",
    }


def _import_addresses(imports: dict[str, str]) -> dict[str, str]:
    """Pages of files that are imported."""
    checked = f"/imports/{imports['checked']}"
    return {
        "imports": "/imports",
        "import-new": "/imports/new",
        "import-columns": f"/imports/{imports['columns']}",
        "import-busy": f"/imports/{imports['busy']}",
        "import-checked": checked,
        "import-changed": f"{checked}?show=changed",
        "import-done": f"/imports/{imports['done']}",
        "import-photos": f"/imports/{imports['photos']}",
        "import-photos-new": f"/imports/{imports['photos']}?show=new",
        "import-attendance": f"/imports/{imports['attendance']}",
        "import-archive": f"/imports/{imports['archive']}",
        "import-calendar": f"/imports/{imports['calendar']}",
        "import-calendar-new": f"/imports/{imports['calendar']}?show=new",
        "import-calendar-changed": f"/imports/{imports['calendar']}?show=changed",
    }


def _lost_addresses(school: School) -> dict[str, str]:
    """Pages about lost events, and about two devices with one identity."""
    lost, twins = school.kiosks[1], school.kiosks[3]
    return {
        "lost-kiosk": f"/kiosks/{lost}",
        "lost-close": f"/kiosks/{lost}/lost/{SPAN}",
        "lost-missing": f"/kiosks/{lost}/missing",
        "lost-register": f"/lessons/{school.lessons[1]}",
        "lost-today": "/",
        "lost-twins": f"/kiosks/{twins}",
        "lost-kiosks": "/kiosks",
    } | _wrong_clocks(school)


def _wrong_clocks(school: School) -> dict[str, str]:
    """Pages about events and scans of kiosks whose clocks were wrong."""
    return {
        "line-doubtful": f"/lessons/{school.lessons[2]}/people/{{doubtful}}",
        "quarantine": "/quarantine",
        "quarantine-decided": "/quarantine?decided=true",
        "quarantine-accept": f"/quarantine/accept?kiosk={school.kiosks[3]}&cause=before_claim",
        "quarantined": "/quarantine/{row}",
    }
