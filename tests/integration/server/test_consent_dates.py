"""The last day of a consent is a date of the school, also where UTC has another date."""

from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from server.config import Settings
from tests.support.enrolling import GIVEN, enrol

#: Eleven hours behind UTC: there it is still 4 March, 18:00.
WEST = ("Pacific/Pago_Pago", datetime(2027, 3, 5, 5, 0, tzinfo=UTC))
#: Fourteen hours ahead of UTC: there it is 5 March already, 10:00.
EAST = ("Pacific/Kiritimati", datetime(2027, 3, 4, 20, 0, tzinfo=UTC))
YESTERDAY_AND_TODAY = [
    pytest.param(WEST, "2027-03-03", "2027-03-04", id="west"),
    pytest.param(EAST, "2027-03-04", "2027-03-05", id="east"),
]
Place = tuple[str, datetime]


@pytest.fixture
def place() -> Place:
    """Where the school is and when; a test's own parameter replaces it."""
    return WEST


@pytest.fixture
def settings(settings: Settings, place: Place) -> Settings:
    """The usual settings, in the zone of the place."""
    return settings.model_copy(update={"timezone": place[0]})


@pytest.fixture
def at_school(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    """Stop the clock that the school's date is read from."""
    monkeypatch.setattr("server.enrollment.photo.now", lambda: place[1])


@pytest.mark.usefixtures("at_school")
@pytest.mark.parametrize(("place", "yesterday", "today"), YESTERDAY_AND_TODAY)
def test_the_api_takes_today_as_the_last_day_and_refuses_yesterday(
    office: TestClient, person_id: str, yesterday: str, today: str
) -> None:
    path = f"/api/v1/people/{person_id}/consents"
    late = office.post(path, json=GIVEN | {"expires_on": yesterday})
    assert late.status_code == 400
    assert late.json()["error"]["details"] == {"problem": "expired"}
    assert office.get(path).json() == []

    answer = office.post(path, json=GIVEN | {"expires_on": today})

    assert (answer.status_code, answer.json()["state"]) == (201, "live")
    enrol(office, person_id)


@pytest.mark.usefixtures("at_school")
@pytest.mark.parametrize(("place", "yesterday", "today"), YESTERDAY_AND_TODAY)
def test_the_page_takes_today_as_the_last_day_and_refuses_yesterday(
    office: TestClient, person_id: str, yesterday: str, today: str
) -> None:
    path, form = f"/people/{person_id}/consents/new", GIVEN | {"decision": "given"}
    late = office.post(path, data=form | {"expires_on": yesterday})
    assert late.status_code == 400
    assert "This date has passed already." in late.text

    answer = office.post(path, data=form | {"expires_on": today})

    assert (answer.status_code, answer.headers["location"]) == (303, f"/people/{person_id}")
    assert "The face may be recognised at kiosks." in office.get(f"/people/{person_id}").text


@pytest.mark.usefixtures("at_school")
@pytest.mark.parametrize(("place", "today"), [(WEST, "2027-03-04"), (EAST, "2027-03-05")])
def test_a_consent_ends_with_its_last_day_at_the_school(
    office: TestClient,
    person_id: str,
    monkeypatch: pytest.MonkeyPatch,
    place: Place,
    today: str,
) -> None:
    path = f"/api/v1/people/{person_id}/consents"
    office.post(path, json=GIVEN | {"expires_on": today})
    next_day = place[1].replace(day=place[1].day + 1)
    monkeypatch.setattr("server.enrollment.photo.now", lambda: next_day)
    assert [one["state"] for one in office.get(path).json()] == ["expired"]
