"""Which scope an API token needs for each route of `/api/v1`: one table, deny by default.

A route that is not in the table refuses every token; a test fails until it is written here. No
scope grants more than the role of the token's account.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum

from server.web.principal import Role


class TokenScope(StrEnum):
    """What a token may do. To write does not include to read."""

    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    GUARDIANS_READ = "guardians:read"
    GUARDIANS_WRITE = "guardians:write"
    TIMETABLE_READ = "timetable:read"
    TIMETABLE_WRITE = "timetable:write"
    ATTENDANCE_READ = "attendance:read"
    ATTENDANCE_WRITE = "attendance:write"
    POLICY_READ = "policy:read"
    POLICY_WRITE = "policy:write"
    KIOSKS_READ = "kiosks:read"
    KIOSKS_WRITE = "kiosks:write"
    REPORTS_READ = "reports:read"
    REPORTS_WRITE = "reports:write"


_PEOPLE = TokenScope.PEOPLE_READ, TokenScope.PEOPLE_WRITE
_GUARDIANS = TokenScope.GUARDIANS_READ, TokenScope.GUARDIANS_WRITE
_TIMETABLE = TokenScope.TIMETABLE_READ, TokenScope.TIMETABLE_WRITE
_ATTENDANCE = TokenScope.ATTENDANCE_READ, TokenScope.ATTENDANCE_WRITE
_REPORTS = TokenScope.REPORTS_READ, TokenScope.REPORTS_WRITE
_KIOSKS = TokenScope.KIOSKS_READ, TokenScope.KIOSKS_WRITE

_LINE_FILES = "/api/v1/lessons/{lesson_id}/people/{person_id}/attachments"

#: The scope of each route. The first table holds what any valid token may ask.
ANY_TOKEN = frozenset({"GET /api/v1/openapi.json", "GET /api/v1/token"})
ROUTE_SCOPES: dict[str, TokenScope] = {
    "GET /api/v1/people": TokenScope.PEOPLE_READ,
    "POST /api/v1/people": TokenScope.PEOPLE_WRITE,
    "POST /api/v1/people/search": TokenScope.PEOPLE_READ,
    "GET /api/v1/people/{person_id}": TokenScope.PEOPLE_READ,
    "PATCH /api/v1/people/{person_id}": TokenScope.PEOPLE_WRITE,
    "GET /api/v1/people/{person_id}/attendance": TokenScope.ATTENDANCE_READ,
    "GET /api/v1/people/{person_id}/consents": TokenScope.PEOPLE_READ,
    "POST /api/v1/people/{person_id}/consents/{consent_id}/withdraw": TokenScope.PEOPLE_WRITE,
    "GET /api/v1/people/{person_id}/guardians": TokenScope.GUARDIANS_READ,
    "POST /api/v1/people/{person_id}/guardians": TokenScope.GUARDIANS_WRITE,
    "PATCH /api/v1/people/{person_id}/guardians/{guardian_id}": TokenScope.GUARDIANS_WRITE,
    "DELETE /api/v1/people/{person_id}/guardians/{guardian_id}": TokenScope.GUARDIANS_WRITE,
    "POST /api/v1/people/{person_id}/enrolments": TokenScope.PEOPLE_WRITE,
    "DELETE /api/v1/people/{person_id}/enrolments/{enrolment_id}": TokenScope.PEOPLE_WRITE,
    "GET /api/v1/enrolments/{enrolment_id}": TokenScope.PEOPLE_READ,
    "POST /api/v1/people/{person_id}/enrolments/move": TokenScope.PEOPLE_WRITE,
    "GET /api/v1/enrolment-moves": TokenScope.ATTENDANCE_READ,
    "GET /api/v1/enrolment-moves/{move_id}/marks": TokenScope.ATTENDANCE_READ,
    "GET /api/v1/recognitions": TokenScope.ATTENDANCE_READ,
    "POST /api/v1/mark-reviews": TokenScope.ATTENDANCE_WRITE,
    "DELETE /api/v1/mark-reviews/{review_id}": TokenScope.ATTENDANCE_WRITE,
    "GET /api/v1/people/{person_id}/credentials": TokenScope.PEOPLE_READ,
    "DELETE /api/v1/people/{person_id}/credentials/pin": TokenScope.PEOPLE_WRITE,
    "DELETE /api/v1/people/{person_id}/credentials/cards/{card_id}": TokenScope.PEOPLE_WRITE,
    "DELETE /api/v1/people/{person_id}/credentials/link": TokenScope.PEOPLE_WRITE,
    "GET /api/v1/rooms": TokenScope.TIMETABLE_READ,
    "POST /api/v1/rooms": TokenScope.TIMETABLE_WRITE,
    "PATCH /api/v1/rooms/{room_id}": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/terms": TokenScope.TIMETABLE_READ,
    "POST /api/v1/terms": TokenScope.TIMETABLE_WRITE,
    "PUT /api/v1/terms/{term_id}": TokenScope.TIMETABLE_WRITE,
    "DELETE /api/v1/terms/{term_id}": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/courses": TokenScope.TIMETABLE_READ,
    "POST /api/v1/courses": TokenScope.TIMETABLE_WRITE,
    "PATCH /api/v1/courses/{course_id}": TokenScope.TIMETABLE_WRITE,
    "POST /api/v1/courses/bulk/teacher": TokenScope.TIMETABLE_WRITE,
    "POST /api/v1/courses/bulk/group": TokenScope.TIMETABLE_WRITE,
    "POST /api/v1/courses/bulk/end": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/courses/{course_id}/class-exceptions": TokenScope.TIMETABLE_READ,
    "DELETE /api/v1/courses/{course_id}/class-exceptions/{person_id}": TokenScope.TIMETABLE_WRITE,
    "POST /api/v1/courses/{course_id}/roster/bulk": TokenScope.TIMETABLE_WRITE,
    "POST /api/v1/courses/{course_id}/roster/bulk/end": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/courses/{course_id}/roster": TokenScope.TIMETABLE_READ,
    "POST /api/v1/courses/{course_id}/roster": TokenScope.TIMETABLE_WRITE,
    "PATCH /api/v1/courses/{course_id}/roster/{entry_id}": TokenScope.TIMETABLE_WRITE,
    "DELETE /api/v1/courses/{course_id}/roster/{entry_id}": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/courses/{course_id}/teachers": TokenScope.TIMETABLE_READ,
    "POST /api/v1/courses/{course_id}/teachers": TokenScope.TIMETABLE_WRITE,
    "PATCH /api/v1/courses/{course_id}/teachers/{entry_id}": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/lessons": TokenScope.TIMETABLE_READ,
    "POST /api/v1/lessons": TokenScope.TIMETABLE_WRITE,
    "PUT /api/v1/lessons/{lesson_id}": TokenScope.TIMETABLE_WRITE,
    "DELETE /api/v1/lessons/{lesson_id}": TokenScope.TIMETABLE_WRITE,
    "POST /api/v1/lessons/{lesson_id}/cancel": TokenScope.TIMETABLE_WRITE,
    "POST /api/v1/lessons/{lesson_id}/restore": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/lessons/{lesson_id}/register": TokenScope.ATTENDANCE_READ,
    "POST /api/v1/lessons/{lesson_id}/corrections": TokenScope.ATTENDANCE_WRITE,
    "GET /api/v1/past-changes": TokenScope.ATTENDANCE_READ,
    "POST /api/v1/past-changes": TokenScope.ATTENDANCE_WRITE,
    "POST /api/v1/past-changes/preview": TokenScope.ATTENDANCE_READ,
    "GET /api/v1/quarantine": TokenScope.ATTENDANCE_READ,
    "POST /api/v1/quarantine/accept": TokenScope.ATTENDANCE_WRITE,
    "POST /api/v1/quarantine/{row_id}/decision": TokenScope.ATTENDANCE_WRITE,
    "GET /api/v1/policy": TokenScope.POLICY_READ,
    "PUT /api/v1/policy": TokenScope.POLICY_WRITE,
    "GET /api/v1/kiosks": TokenScope.KIOSKS_READ,
    "GET /api/v1/kiosks/{kiosk_id}": TokenScope.KIOSKS_READ,
    "PATCH /api/v1/kiosks/{kiosk_id}": TokenScope.KIOSKS_WRITE,
    "POST /api/v1/kiosks/{kiosk_id}/move": TokenScope.KIOSKS_WRITE,
    "POST /api/v1/kiosks/{kiosk_id}/revoke": TokenScope.KIOSKS_WRITE,
    "GET /api/v1/kiosks/{kiosk_id}/commissioning": TokenScope.KIOSKS_READ,
    "GET /api/v1/kiosks/{kiosk_id}/commissioning/{report_id}": TokenScope.KIOSKS_READ,
    "GET /api/v1/kiosks/{kiosk_id}/watermark-closures": TokenScope.KIOSKS_READ,
    "POST /api/v1/kiosks/{kiosk_id}/watermark-closures": TokenScope.KIOSKS_WRITE,
    "GET /api/v1/kiosks/{kiosk_id}/lost-events": TokenScope.KIOSKS_READ,
    "POST /api/v1/kiosks/{kiosk_id}/lost-events/{span_id}/close": TokenScope.KIOSKS_WRITE,
    "POST /api/v1/kiosks/{kiosk_id}/missing-events/close": TokenScope.KIOSKS_WRITE,
    "GET /api/v1/accuracy": TokenScope.REPORTS_READ,
    "POST /api/v1/accuracy": TokenScope.REPORTS_WRITE,
    "GET /api/v1/accuracy/false-matches": TokenScope.REPORTS_READ,
    "POST /api/v1/accuracy/limits/{limit_id}": TokenScope.REPORTS_WRITE,
    "GET /api/v1/networks": TokenScope.REPORTS_READ,
    "GET /api/v1/groups": TokenScope.TIMETABLE_READ,
    "POST /api/v1/groups": TokenScope.TIMETABLE_WRITE,
    "PATCH /api/v1/groups/{group_id}": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/groups/{group_id}/members": TokenScope.TIMETABLE_READ,
    "POST /api/v1/groups/{group_id}/members": TokenScope.TIMETABLE_WRITE,
    "PATCH /api/v1/groups/{group_id}/members/{member_id}": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/groups/{group_id}/courses": TokenScope.TIMETABLE_READ,
    "POST /api/v1/groups/{group_id}/courses": TokenScope.TIMETABLE_WRITE,
    "PATCH /api/v1/groups/{group_id}/courses/{link_id}": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/holidays": TokenScope.TIMETABLE_READ,
    "POST /api/v1/holidays": TokenScope.TIMETABLE_WRITE,
    "PUT /api/v1/holidays/{holiday_id}": TokenScope.TIMETABLE_WRITE,
    "DELETE /api/v1/holidays/{holiday_id}": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/patterns": TokenScope.TIMETABLE_READ,
    "POST /api/v1/patterns": TokenScope.TIMETABLE_WRITE,
    "PUT /api/v1/patterns/{pattern_id}": TokenScope.TIMETABLE_WRITE,
    "DELETE /api/v1/patterns/{pattern_id}": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/lessons/{lesson_id}/substitute": TokenScope.TIMETABLE_READ,
    "PUT /api/v1/lessons/{lesson_id}/substitute": TokenScope.TIMETABLE_WRITE,
    "DELETE /api/v1/lessons/{lesson_id}/substitute": TokenScope.TIMETABLE_WRITE,
    "GET /api/v1/school": TokenScope.POLICY_READ,
    "PUT /api/v1/school": TokenScope.POLICY_WRITE,
    "GET /api/v1/policy/effective": TokenScope.POLICY_READ,
    "GET /api/v1/policy/rooms": TokenScope.POLICY_READ,
    "GET /api/v1/policy/rooms/{room_id}": TokenScope.POLICY_READ,
    "PUT /api/v1/policy/rooms/{room_id}": TokenScope.POLICY_WRITE,
    "DELETE /api/v1/policy/rooms/{room_id}": TokenScope.POLICY_WRITE,
    "GET /api/v1/policy/courses": TokenScope.POLICY_READ,
    "GET /api/v1/policy/courses/{course_id}": TokenScope.POLICY_READ,
    "PUT /api/v1/policy/courses/{course_id}": TokenScope.POLICY_WRITE,
    "DELETE /api/v1/policy/courses/{course_id}": TokenScope.POLICY_WRITE,
    "GET /api/v1/reports/attendance": TokenScope.REPORTS_READ,
    "GET /api/v1/reports/at-risk": TokenScope.REPORTS_READ,
    "GET /api/v1/reports/registers-not-taken": TokenScope.REPORTS_READ,
    "GET /api/v1/reports/at-risk-limit": TokenScope.REPORTS_READ,
    "PUT /api/v1/reports/at-risk-limit": TokenScope.REPORTS_WRITE,
    "GET /api/v1/reports/prepared": TokenScope.REPORTS_READ,
    "POST /api/v1/reports/prepared": TokenScope.REPORTS_WRITE,
    "GET /api/v1/reports/prepared/{report_id}": TokenScope.REPORTS_READ,
    "DELETE /api/v1/reports/prepared/{report_id}": TokenScope.REPORTS_WRITE,
    "GET /api/v1/exports/attendance": TokenScope.REPORTS_READ,
    "GET /api/v1/exports/prepared/{report_id}": TokenScope.REPORTS_READ,
    "GET /api/v1/exports/prepared/{report_id}/registers": TokenScope.REPORTS_READ,
    "GET /api/v1/exports/register.pdf": TokenScope.REPORTS_READ,
    "GET /api/v1/lessons/{lesson_id}/register.pdf": TokenScope.REPORTS_READ,
    "GET /api/v1/on-site": TokenScope.ATTENDANCE_READ,
    "GET /api/v1/absences": TokenScope.ATTENDANCE_READ,
    "POST /api/v1/absences": TokenScope.ATTENDANCE_WRITE,
    "GET /api/v1/absences/{absence_id}": TokenScope.ATTENDANCE_READ,
    "POST /api/v1/absences/{absence_id}/withdraw": TokenScope.ATTENDANCE_WRITE,
    "GET /api/v1/absences/{absence_id}/attachments": TokenScope.ATTENDANCE_READ,
    "POST /api/v1/absences/{absence_id}/attachments": TokenScope.ATTENDANCE_WRITE,
    "GET /api/v1/absences/{absence_id}/attachments/{attachment_id}": TokenScope.ATTENDANCE_READ,
    "DELETE /api/v1/absences/{absence_id}/attachments/{attachment_id}": TokenScope.ATTENDANCE_WRITE,
    "GET /api/v1/absence-reasons": TokenScope.ATTENDANCE_READ,
    "POST /api/v1/absence-reasons": TokenScope.ATTENDANCE_WRITE,
    "POST /api/v1/absence-reasons/{reason_id}/retire": TokenScope.ATTENDANCE_WRITE,
    "DELETE /api/v1/lessons/{lesson_id}/corrections/{person_id}": TokenScope.ATTENDANCE_WRITE,
    "POST /api/v1/lessons/{lesson_id}/corrections/bulk": TokenScope.ATTENDANCE_WRITE,
    "POST /api/v1/lessons/{lesson_id}/corrections/everyone-left": TokenScope.ATTENDANCE_WRITE,
    "POST /api/v1/lessons/{lesson_id}/corrections/{batch_id}/undo": TokenScope.ATTENDANCE_WRITE,
    "PUT /api/v1/lessons/{lesson_id}/remarks/{person_id}": TokenScope.ATTENDANCE_WRITE,
    f"GET {_LINE_FILES}": TokenScope.ATTENDANCE_READ,
    f"POST {_LINE_FILES}": TokenScope.ATTENDANCE_WRITE,
    f"GET {_LINE_FILES}/{{attachment_id}}": TokenScope.ATTENDANCE_READ,
    f"DELETE {_LINE_FILES}/{{attachment_id}}": TokenScope.ATTENDANCE_WRITE,
    "POST /api/v1/lessons/{lesson_id}/confirmation": TokenScope.ATTENDANCE_WRITE,
    "GET /api/v1/status-codes": TokenScope.ATTENDANCE_READ,
    "POST /api/v1/status-codes": TokenScope.ATTENDANCE_WRITE,
    "GET /api/v1/status-codes/reasons": TokenScope.ATTENDANCE_READ,
    "PUT /api/v1/status-codes/reasons": TokenScope.ATTENDANCE_WRITE,
    "PATCH /api/v1/status-codes/{code_id}": TokenScope.ATTENDANCE_WRITE,
    "POST /api/v1/status-codes/{code_id}/retire": TokenScope.ATTENDANCE_WRITE,
    "POST /api/v1/status-codes/{code_id}/restore": TokenScope.ATTENDANCE_WRITE,
}
#: Routes that refuse every token, and why. A request's Idempotency-Key keeps no answer of theirs.
WITHOUT_TOKEN: dict[str, str] = {
    **dict.fromkeys(
        (
            "GET /api/v1/accounts",
            "POST /api/v1/accounts",
            "GET /api/v1/accounts/second-factor-roles",
            "PUT /api/v1/accounts/second-factor-roles",
            "POST /api/v1/accounts/bulk/disable",
            "POST /api/v1/accounts/{account_id}/disable",
            "POST /api/v1/accounts/{account_id}/enable",
            "POST /api/v1/accounts/{account_id}/password",
            "PUT /api/v1/accounts/{account_id}/role",
            "DELETE /api/v1/accounts/{account_id}/second-factor",
        ),
        "a token must not make accounts, or give them rights",
    ),
    **dict.fromkeys(
        (
            "DELETE /api/v1/sign-in",
            "GET /api/v1/sign-in",
            "POST /api/v1/sign-in",
            "POST /api/v1/sign-in/code",
            "POST /api/v1/sign-in/password",
            "POST /api/v1/sign-in/second-factor",
            "POST /api/v1/sign-in/second-factor/confirm",
            "POST /api/v1/sign-in/second-factor/recovery-codes",
            "POST /api/v1/sign-in/second-factor/remove",
        ),
        "a token is no sign-in",
    ),
    **dict.fromkeys(
        (
            "POST /api/v1/kiosks",
            "POST /api/v1/kiosks/{kiosk_id}/claim-codes",
            "POST /api/v1/people/{person_id}/credentials/cards",
            "POST /api/v1/people/{person_id}/credentials/pin",
            "POST /api/v1/people/{person_id}/credentials/link",
        ),
        "it lets a person check in, or shows a secret that does",
    ),
    **dict.fromkeys(
        (
            "GET /api/v1/imports",
            "POST /api/v1/imports",
            "POST /api/v1/imports/archives",
            "PUT /api/v1/imports/{import_id}/pieces/{number}",
            "GET /api/v1/imports/samples/{kind}",
            "GET /api/v1/imports/{import_id}",
            "DELETE /api/v1/imports/{import_id}",
            "POST /api/v1/imports/{import_id}/options",
            "POST /api/v1/imports/{import_id}/check",
            "POST /api/v1/imports/{import_id}/start",
            "POST /api/v1/imports/{import_id}/cancel",
            "GET /api/v1/imports/{import_id}/report",
        ),
        "a file may change people, courses and who teaches them at once",
    ),
    **dict.fromkeys(
        (
            "GET /api/v1/calendar-feed",
            "POST /api/v1/calendar-feed",
            "DELETE /api/v1/calendar-feed",
            "GET /api/v1/courses/{course_id}/calendar-feed",
            "POST /api/v1/courses/{course_id}/calendar-feed",
            "DELETE /api/v1/courses/{course_id}/calendar-feed",
        ),
        "an address outlasts the token, and works without a sign-in",
    ),
    # To withdraw one needs a scope alone: it only takes away, and must be as easy as to give one.
    "POST /api/v1/people/{person_id}/consents": "a consent is a person's word",
    "POST /api/v1/people/{person_id}/erase": "it cannot be undone, so a person does it",
}

#: What a role can use at all; nothing else is offered to it. A test compares it with the routes.
SCOPES_OF_ROLE: dict[Role, frozenset[TokenScope]] = {
    Role.ADMIN: frozenset(TokenScope),
    Role.OFFICE: frozenset(
        {
            *_PEOPLE,
            *_GUARDIANS,
            *_TIMETABLE,
            *_ATTENDANCE,
            *_REPORTS,
            TokenScope.POLICY_READ,
            TokenScope.KIOSKS_READ,
        }
    ),
    Role.TEACHER: frozenset(
        {TokenScope.TIMETABLE_READ, *_ATTENDANCE, *_REPORTS, TokenScope.POLICY_READ}
    ),
    Role.DPO: frozenset(
        {
            TokenScope.PEOPLE_READ,
            TokenScope.TIMETABLE_READ,
            TokenScope.ATTENDANCE_READ,
            TokenScope.POLICY_READ,
            TokenScope.KIOSKS_READ,
            TokenScope.REPORTS_READ,
        }
    ),
    Role.TECHNICIAN: frozenset(
        {
            TokenScope.TIMETABLE_READ,
            TokenScope.ATTENDANCE_READ,
            TokenScope.POLICY_READ,
            *_KIOSKS,
        }
    ),
}


def offered_to(role: Role) -> list[TokenScope]:
    """Return the scopes that an account of a role may give to a token, in their order."""
    return [one for one in TokenScope if one in SCOPES_OF_ROLE[role]]


def by_area(scopes: Iterable[TokenScope]) -> list[tuple[str, list[str]]]:
    """Return scopes by their area: pairs of an area and its kinds of access, `read` or `write`."""
    found: dict[str, list[str]] = {}
    for one in scopes:
        area, _, kind = one.partition(":")
        found.setdefault(area, []).append(kind)
    return list(found.items())


def is_allowed(route: str, scopes: Collection[str]) -> bool:
    """Whether a token with these scopes may call a route, such as `GET /api/v1/people`."""
    return route in ANY_TOKEN or ROUTE_SCOPES.get(route) in scopes
