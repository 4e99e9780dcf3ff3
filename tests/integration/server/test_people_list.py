"""The filters of the list of people, and what is done with several people who were chosen."""

import re
import uuid

import pytest
from sqlmodel import Session, select

from server.audit.tables import AuditEntry
from server.enrollment.people_filters import (
    ConsentChoice,
    PeopleFilter,
    PhotoChoice,
    PlaceChoice,
)
from server.people.search import find_people
from server.people.service import states_of
from server.people.tables import Person
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.enrolling import GIVEN, enrol
from tests.support.office_desk import OfficeDesk, day_in, today
from tests.support.stepping import SteppedWorkers

REFUSED = GIVEN | {"decision": "refused"}
ADD, END = "/people/chosen/add", "/people/chosen/end"


def shown(page: str) -> set[str]:
    """Return the student numbers on a page of the list."""
    return set(re.findall(r'class="number-text muted">(\w+)<', page))


FITTING = {
    "": {"S1", "S2"},
    "consent=live": {"S1"},
    "consent=none": set(),
    "consent=ended": {"S2"},
    "photos=ready": set(),
    "photos=missing&consent=live": {"S1"},
    "place=course": {"S2"},
    "place=none": {"S1"},
    "place=erased": set(),
    "consent=&photos=&place=&course=": {"S1", "S2"},
}


def test_filters_list_only_who_fits(desk: OfficeDesk) -> None:
    desk.post(f"/people/{desk.ada}/consents", **GIVEN)
    desk.post(f"/people/{desk.ben}/consents", **REFUSED)
    desk.always_on_roster(desk.ben)
    assert {query: shown(desk.office.get(f"/people?{query}").text) for query in FITTING} == FITTING


def test_filter_by_course_counts_today_only(desk: OfficeDesk) -> None:
    desk.always_on_roster(desk.ben)
    later = {"person_id": desk.ada, "from_date": day_in(3)}
    desk.post(f"/courses/{desk.course}/roster", **later)
    page = desk.office.get(f"/people?course={desk.course}").text
    assert shown(page) == {"S2"}
    assert "BIO-9 Biology</bdi>" in page
    assert shown(desk.office.get(f"/people?course={desk.other_course}").text) == set()


def test_filters_stay_with_a_search_and_never_reach_the_address(desk: OfficeDesk) -> None:
    desk.always_on_roster(desk.ben)
    both = {"q": "S", "place": "course"}
    assert shown(desk.office.post("/people", data=both).text) == {"S2"}
    answer = desk.office.post("/people", data={"place": "course"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/people?place=course")


def test_unknown_filter_is_refused(desk: OfficeDesk) -> None:
    for query in ("consent=maybe", "course=7", "place=course%00"):
        answer = desk.office.get(f"/people?{query}", headers={"accept": "text/html"})
        assert answer.status_code == 422
        assert "This address cannot be read" in answer.text


def test_parts_of_a_filter_make_the_whole(desk: OfficeDesk) -> None:
    desk.post(f"/people/{desk.ada}/consents", **GIVEN)
    with desk.database.reading() as db:
        everybody = set(db.exec(select(Person.id)))
        for parts in (
            [_ids(db, PeopleFilter(consent=one)) for one in ConsentChoice],
            [_ids(db, PeopleFilter(photos=one)) for one in PhotoChoice],
            [_ids(db, PeopleFilter(place=one)) for one in PlaceChoice],
        ):
            assert sorted(key for part in parts for key in part) == sorted(everybody)
        live = _ids(db, PeopleFilter(consent=ConsentChoice.LIVE))
        assert live == {
            key for key, state in states_of(db, everybody, today()).items() if state == "live"
        }


#: Ada has a photo in use, Ben has only been erased, Cleo is neither.
WITH_ALL_KINDS = {
    "": {"S1", "S3"},
    "photos=ready": {"S1"},
    "photos=missing": {"S3"},
    "photos=ready&consent=live": {"S1"},
    "place=none": {"S1", "S3"},
    "place=erased": set(),
    "consent=live": {"S1"},
}


def test_enrolled_and_erased_people_are_where_they_belong(
    desk: OfficeDesk, worker: SteppedWorkers, sign_in: SignIn
) -> None:
    desk.post("/people", student_number="S3", given_name="Cleo", family_name="Third")
    desk.post(f"/people/{desk.ada}/consents", **GIVEN)
    enrol(desk.office, desk.ada)
    while worker.run_one() or worker.check_one():
        pass
    reason = {"reason": "asked for by letter"}
    admin = sign_in(Role.ADMIN)
    assert admin.post(f"/api/v1/people/{desk.ben}/erase", json=reason).is_success
    found = {query: shown(desk.office.get(f"/people?{query}").text) for query in WITH_ALL_KINDS}
    assert found == WITH_ALL_KINDS
    assert f"/people/{desk.ben}" in desk.office.get("/people?place=erased").text
    assert f"/people/{desk.ben}" not in desk.office.get("/people?place=none").text


def _ids(db: Session, which: PeopleFilter) -> set[uuid.UUID]:
    found, _ = find_people(db, which=which.conditions(db, today()))
    return {one.id for one in found}


def test_many_are_added_and_others_are_named_with_the_reason(desk: OfficeDesk) -> None:
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ben, from_date=day_in(0))
    form = {"person_id": [desk.ada, desk.ben], "course_id": desk.course, "from_date": day_in(1)}
    page = desk.office.post(ADD, data=form).text
    assert "Added to BIO-9: 1" in page
    assert "Skipped: 1" in page
    assert "already on the roster" in page
    assert sorted(one["person_id"] for one in desk.entries()) == sorted([desk.ada, desk.ben])
    assert _actions(desk, "roster.add") == 2


def test_many_are_taken_off_and_doing_it_again_changes_nothing(desk: OfficeDesk) -> None:
    for person in (desk.ada, desk.ben):
        desk.post(f"/courses/{desk.course}/roster", person_id=person, from_date=day_in(0))
    form = {"person_id": [desk.ada, desk.ben], "course_id": desk.course}
    assert "Taken off BIO-9: 2" in desk.office.post(END, data=form).text
    again = desk.office.post(END, data=form).text
    assert "Skipped: 2" in again
    assert "not on the roster of this course" in again
    assert _actions(desk, "roster.remove") == 2


def _actions(desk: OfficeDesk, action: str) -> int:
    with desk.database.reading() as db:
        return len(db.exec(select(AuditEntry).where(AuditEntry.action == action)).all())


def test_wrong_dates_change_nothing_and_show_the_form_again(desk: OfficeDesk) -> None:
    form = {"person_id": [desk.ada], "course_id": desk.course, "from_date": "tomorrow"}
    answer = desk.office.post(ADD, data=form)
    assert answer.status_code == 400
    assert "tomorrow" in answer.text
    turned = form | {"from_date": day_in(3), "until_date": day_in(1)}
    assert desk.office.post(ADD, data=turned).status_code == 400
    assert desk.entries() == []


def test_choice_of_nobody_or_unknown_people_is_said(desk: OfficeDesk) -> None:
    unknown = str(uuid.uuid4())
    assert "Nobody is chosen" in desk.office.post("/people/chosen", data={}).text
    assert (
        "Nobody is chosen" in desk.office.post("/people/chosen", data={"person_id": unknown}).text
    )
    too_many = {"person_id": [str(uuid.uuid4()) for _ in range(201)]}
    assert desk.office.post("/people/chosen", data=too_many).status_code == 422
    nowhere = {"person_id": [desk.ada], "course_id": unknown, "from_date": day_in(0)}
    assert desk.office.post(ADD, data=nowhere).status_code == 404


def test_chosen_page_offers_only_courses_they_can_leave(desk: OfficeDesk) -> None:
    desk.always_on_roster(desk.ben)
    page = desk.office.post("/people/chosen", data={"person_id": [desk.ada, desk.ben]}).text
    assert "Chosen people: 2" in page
    ending = page[page.index('id="end-course"') :].split("</select>")[0]
    assert desk.course in ending
    assert desk.other_course not in ending


@pytest.mark.parametrize("role", [Role.DPO, Role.TEACHER, Role.TECHNICIAN])
def test_only_the_office_changes_many(desk: OfficeDesk, sign_in: SignIn, role: Role) -> None:
    other = sign_in(role)
    form = {"person_id": [desk.ada], "course_id": desk.course, "from_date": day_in(0)}
    for path in ("/people/chosen", ADD, END):
        assert other.post(path, data=form).status_code == 403
    assert desk.entries() == []


def test_data_protection_officer_filters_without_boxes(desk: OfficeDesk, sign_in: SignIn) -> None:
    page = sign_in(Role.DPO).get("/people?place=none").text
    assert shown(page) == {"S1", "S2"}
    assert "data-choose" not in page
