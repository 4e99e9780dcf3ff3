"""An example for every body that people's programs send, by the name of its schema."""

from typing import Any

_PERSON = "01936f4e-8a51-7c3e-9f10-3b6a2d41c001"
_ROOM = "01936f4e-8a51-7c3e-9f10-3b6a2d41c002"
_COURSE = "01936f4e-8a51-7c3e-9f10-3b6a2d41c003"
_LESSON = "01936f4e-8a51-7c3e-9f10-3b6a2d41c004"
_ACCOUNT = "01936f4e-8a51-7c3e-9f10-3b6a2d41c005"
_KIOSK = "01936f4e-8a51-7c3e-9f10-3b6a2d41c006"
_CODE = "01936f4e-8a51-7c3e-9f10-3b6a2d41c007"
_TERM = "01936f4e-8a51-7c3e-9f10-3b6a2d41c008"
_REASON = "The bus was late"
_LESSON_BODY = {
    "course_id": _COURSE,
    "room_id": _ROOM,
    "starts_at": "2026-11-30T08:00:00+01:00",
    "ends_at": "2026-11-30T08:45:00+01:00",
}
_CHANGE = {"kind": "policy", "lesson_ids": [_LESSON], "policy_version": 3}

EXAMPLES: dict[str, Any] = {
    "AbsenceCreate": {
        "person_id": _PERSON,
        "first_day": "2026-11-30",
        "last_day": "2026-12-01",
        "is_excused": True,
        "reason_id": _CODE,
    },
    "AbsenceReasonCreate": {"words": "Illness"},
    "AbsenceWithdraw": {"reason": "Entered for the wrong student"},
    "AccountCreate": {"username": "m.weber", "display_name": "Mara Weber", "role": "teacher"},
    "ArchiveCreate": {"kind": "photos", "file_name": "photos-7b.zip", "size_bytes": 81264640},
    "AtRiskLimitUpdate": {"percent": 75, "least_lessons": 10},
    "BulkCorrectionCreate": {
        "status": "excused",
        "reason": "School trip",
        "lines": [{"person_id": _PERSON, "seen": "expected"}],
    },
    "BulkCourseEnd": {"course_ids": [_COURSE], "until": "2026-12-18"},
    "BulkDisable": {"account_ids": [_ACCOUNT]},
    "BulkGroup": {"course_ids": [_COURSE], "group_id": _CODE, "from": "2026-11-30"},
    "BulkRosterCreate": {"person_ids": [_PERSON], "from": "2026-11-30"},
    "BulkRosterEnd": {"person_ids": [_PERSON]},
    "BulkTeacher": {
        "course_ids": [_COURSE],
        "account_id": _ACCOUNT,
        "from": "2026-11-30",
        "ends_others": True,
    },
    "CardCreate": {"number": "04A2247B5C"},
    "ClosureCreate": {"from_date": "2026-11-23", "reason": "The kiosk was stolen"},
    "CodeChange": {"name": "Excused by a parent", "letter": "E"},
    "CodeCreate": {
        "name": "School trip",
        "letter": "T",
        "category": "excused",
        "is_attended": True,
        "needs_reason": False,
        "colour": "blue",
    },
    "CodeEntry": {"code": "492039"},
    "ConfirmationCreate": {"not_seen": [_PERSON]},
    "ConsentCreate": {
        "given_by": "Amina Haddad",
        "role": "parent",
        "text_version": "2026-08",
        "decision": "given",
        "expires_on": "2027-07-31",
    },
    "CorrectionCreate": {"person_id": _PERSON, "status": "excused", "reason": _REASON},
    "CourseCreate": {"code": "BIO-9", "title": "Biology"},
    "CourseUpdate": {"code": "BIO-9", "title": "Biology, advanced"},
    "EnrolmentMoveCreate": {"to_person_id": _PERSON, "enrolment_ids": [_CODE]},
    "GroupCourseCreate": {"course_id": _PERSON, "from": "2026-11-30"},
    "GroupCreate": {"name": "7B"},
    "GroupEnd": {"until": "2027-01-31"},
    "GuardianCreate": {
        "name": "Amina Haddad",
        "relation": "mother",
        "phone": "+49 30 5550123",
        "email": "amina@example.org",
    },
    "GuardianUpdate": {"phone": "030 5550123"},
    "HolidayCreate": {
        "name": "Winter break",
        "first_day": "2026-12-21",
        "last_day": "2027-01-01",
    },
    "ImportMapping": {"columns": {"student_number": "0", "given_name": "1", "family_name": "2"}},
    "ImportOptions": {"separator": ";"},
    "KioskCreate": {"name": "R12 door", "room_id": _ROOM},
    "KioskMove": {"room_id": _ROOM},
    "KioskUpdate": {"name": "R12 window"},
    "LessonCreate": _LESSON_BODY,
    "LessonUpdate": _LESSON_BODY | {"allow_double": True},
    "LostSpanClose": {"reason": "The disk of the kiosk broke"},
    "MarkReviewCreate": {
        "marks": [{"kiosk_id": _KIOSK, "event_id": _CODE}],
        "answer": "other",
        "other_person_id": _PERSON,
        "reason": "The photos were of another student",
    },
    "MissingEventsClose": {"first": 120, "last": 134, "reason": "The disk of the kiosk broke"},
    "PastChange": _CHANGE,
    "PastChangeCreate": {
        "change": _CHANGE,
        "reason": "The policy was set wrongly",
        "fingerprint": "5f0c2b7d9a3e4f6182c4d0e5b7a91c3f",
    },
    "PasswordAgain": {"password": "four unrelated words here"},
    "PasswordChange": {"old": "four unrelated words here", "new": "another four words instead"},
    "PatternCreate": {
        "term_id": _TERM,
        "course_id": _COURSE,
        "room_id": _ROOM,
        "weekday": 1,
        "starts": "08:00",
        "ends": "08:45",
    },
    "PersonCreate": {
        "student_number": "2026-0412",
        "given_name": "Zaynab",
        "family_name": "Haddad",
        "year_of_birth": 2012,
    },
    "PersonErase": {"reason": "Left the school"},
    "PersonSearch": {"q": "haddad", "limit": 50},
    "PlacePolicyInput": {"attendance": {"late_after_min": 10}},
    "PolicyInput": {"attendance": {"late_after_min": 5, "opens_before_min": 15}},
    "PreparedCreate": {"first": "2026-08-24", "last": "2026-12-18"},
    "QuarantineAcceptAll": {
        "kiosk_id": _KIOSK,
        "cause": "before_claim",
        "reason": "The clock of the kiosk was wrong",
    },
    "QuarantineDecide": {"decision": "accepted", "reason": "The teacher confirms it"},
    "QuestionAnswer": {"accept": True},
    "ReasonGiven": {"reason": "The teacher is ill"},
    "ReasonList": {"reasons": ["Illness", "Appointment"]},
    "RemarkCreate": {"text": "Forgot the sports kit"},
    "RoleChange": {"role": "office"},
    "RoomCreate": {"name": "R12"},
    "RoomUpdate": {"name": "R14"},
    "MembersCreate": {"person_ids": [_PERSON], "from": "2026-11-30"},
    "RosterCreate": {"person_id": _PERSON, "from": "2026-11-30"},
    "RosterUpdate": {"from": "2026-11-30", "until": "2027-01-31"},
    "SchoolInput": {"name": "Lindenhof School", "timezone": "Europe/Berlin", "language": "en"},
    "SecondFactorRoles": {"roles": ["admin", "office"]},
    "SignInRequest": {"username": "m.weber", "password": "four unrelated words here"},
    "SubstituteUpdate": {"account_id": _ACCOUNT},
    "TeacherCreate": {"account_id": _ACCOUNT, "from": "2026-08-24"},
    "TeacherEnd": {"until": "2027-01-31"},
    "TermCreate": {"name": "Autumn", "first_day": "2026-08-24", "last_day": "2026-12-18"},
    "WordCreate": {"status": "absent"},
}
