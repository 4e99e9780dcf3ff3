"""The page that takes a photo, and the fragments that follow it to its end."""

import uuid
from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from starlette.responses import Response

from server.db.session import ReadSessionDep, SessionDep
from server.enrollment import service
from server.enrollment.photo import read_photo, school_date
from server.enrollment.tables import Enrolment, EnrolmentStatus
from server.enrollment.words import reason_words
from server.errors import ConsentRequiredError, TooLargeError, UnsupportedMediaError
from server.people import service as people
from server.people.consent import ConsentState
from server.web.access import OfficeDep
from server.web.pages import is_htmx, render, request_translator, see_other
from server.web.state import SettingsDep, VaultDep, get_settings

router = APIRouter(include_in_schema=False)
_FINISHED = {EnrolmentStatus.ACCEPTED, EnrolmentStatus.REJECTED, EnrolmentStatus.WITHDRAWN}


@router.get("/people/{person_id}/enrol")
def capture_page(
    request: Request,
    person_id: uuid.UUID,
    _: OfficeDep,
    session: ReadSessionDep,
    settings: SettingsDep,
) -> Response:
    """Webcam and upload.

    Raises:
        ConsentRequiredError: there is no live consent, so no camera is opened.
    """
    person = people.get_person(session, person_id)
    state = people.state_of(session, person_id, school_date(settings))
    if state is not ConsentState.LIVE:
        raise ConsentRequiredError(consent=state.value)
    context = {"person": person, "max_bytes": settings.photo_max_bytes}
    return render(request, "enrollment/enrol.html", context)


@router.post("/people/{person_id}/enrol")
def take_photo(
    request: Request,
    person_id: uuid.UUID,
    principal: OfficeDep,
    session: SessionDep,
    vault: VaultDep,
    photo: Annotated[UploadFile, File()],
) -> Response:
    """Take the photo in; answer with a fragment that follows it, or a page without script."""
    settings = get_settings(request)
    try:
        content = read_photo(photo.file, settings)
        enrolment = service.start_enrolment(
            session,
            vault,
            person_id=person_id,
            photo=content,
            actor=principal.actor,
            today=school_date(settings),
        )
    except (ConsentRequiredError, TooLargeError, UnsupportedMediaError) as exc:
        if not is_htmx(request):
            raise
        context = {"error": exc, "person_id": person_id}
        return render(request, "enrollment/refused.html", context)
    if not is_htmx(request):
        return see_other(f"/people/{person_id}")
    return _progress(request, enrolment)


@router.get("/enrolments/{enrolment_id}/progress")
def progress(
    request: Request, enrolment_id: uuid.UUID, _: OfficeDep, session: ReadSessionDep
) -> Response:
    """The fragment again; it stops asking when the enrolment is finished."""
    return _progress(request, service.get_enrolment(session, enrolment_id))


def _progress(request: Request, enrolment: Enrolment) -> Response:
    t = request_translator(request)
    context = {
        "enrolment": enrolment,
        "is_finished": enrolment.status in _FINISHED,
        "advice": [reason_words(t, code) for code in enrolment.advice],
        "words": reason_words(t, enrolment.reason) if enrolment.reason else "",
    }
    return render(request, "enrollment/progress.html", context)
