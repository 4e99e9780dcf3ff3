"""The page that takes photos, its live guidance, and fragments that follow a photo to its end."""

import uuid
from typing import Annotated, Literal, get_args

from fastapi import Body, File, Request, UploadFile
from sqlmodel import Session
from starlette.responses import Response

from server.config import Settings
from server.db.dependencies import DBDep, ReadDBDep
from server.enrollment import service
from server.enrollment.guidance import BARS, Pose, guide
from server.enrollment.photo import check_frame, read_photo, school_date
from server.enrollment.problems import waiting_code, waiting_words
from server.enrollment.schemas import GuidanceRead
from server.enrollment.tables import Enrolment, EnrolmentStatus
from server.enrollment.words import capture_words, guidance_words, is_posed, reason_words
from server.errors import ConsentRequiredError, TooLargeError, UnsupportedMediaError
from server.logs import correlation_id
from server.ml.encoder import EncoderUnavailableError
from server.ml.quality import FrameQuality
from server.networks.service import networks_of
from server.people import service as people
from server.people.consent import ConsentState
from server.web.access import OfficeDep
from server.web.pages import is_htmx, render, request_translator, see_other
from server.web.routes import PHOTO_BODY, GuardedRouter
from server.web.state import ServicesDep, SettingsDep, VaultDep, get_settings

router = GuardedRouter(include_in_schema=False)
_FINISHED = {EnrolmentStatus.ACCEPTED, EnrolmentStatus.REJECTED, EnrolmentStatus.WITHDRAWN}


@router.get("/people/{person_id}/enrol")
def capture_page(
    request: Request,
    person_id: uuid.UUID,
    _: OfficeDep,
    db: ReadDBDep,
    settings: SettingsDep,
) -> Response:
    """Webcam and upload.

    Raises:
        ConsentRequiredError: there is no live consent, so no camera is opened.
    """
    _require_consent(db, settings, person_id)
    context = {
        "person": people.get_person(db, person_id),
        "max_bytes": settings.photo_max_bytes,
        "words": capture_words(request_translator(request)),
        "poses": get_args(Pose),
        "bars": list(BARS),
        "photos": len(
            service.photos_in_use(service.templates_of(db, person_id), networks_of(db).current)
        ),
    }
    return render(request, "enrollment/enrol.html", context)


@router.post("/people/{person_id}/enrol/guidance")
def guidance(
    request: Request,
    person_id: uuid.UUID,
    _: OfficeDep,
    services: ServicesDep,
    frame: Annotated[bytes, Body(media_type="image/jpeg")],
    pose: Pose | Literal["any"] = "any",
) -> GuidanceRead:
    """Judge one small picture of the camera; it is neither kept nor logged.

    Raises:
        NotFoundError: no such person.
        ConsentRequiredError: nothing may be computed about this face.
        TooLargeError: not small.
        UnsupportedMediaError: no JPEG.
    """
    check_frame(frame)
    # No connection of the database is held while the service looks.
    with services.database.reading() as db:
        _require_consent(db, services.settings, person_id)
    with services.guidance.passing(person_id) as may_pass:
        if not may_pass:
            return _unguided("busy")
        try:
            found = services.encoder.quality(frame, correlation_id=correlation_id())
        except EncoderUnavailableError:
            return _unguided("away")
    wanted = None if pose == "any" else pose
    return _unguided("unable") if found is None else _guided(request, found, wanted)


@router.post("/people/{person_id}/enrol", dependencies=[PHOTO_BODY])
def take_photo(
    request: Request,
    person_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    vault: VaultDep,
    photo: Annotated[UploadFile, File()],
) -> Response:
    """Take the photo in; answer with a fragment that follows it, or a page without script."""
    settings = get_settings(request)
    try:
        content = read_photo(photo.file, settings)
        enrolment = service.start_enrolment(
            db,
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
    return _progress(request, db, enrolment)


@router.get("/enrolments/{enrolment_id}/progress")
def progress(
    request: Request, enrolment_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> Response:
    """The fragment again; it stops asking when the enrolment is finished."""
    row = service.view_enrolment(db, enrolment_id, actor=principal.actor)
    return _progress(request, db, row)


def _require_consent(db: Session, settings: Settings, person_id: uuid.UUID) -> None:
    people.get_person(db, person_id)
    state = people.state_of(db, person_id, school_date(settings))
    if state is not ConsentState.LIVE:
        raise ConsentRequiredError(consent=state.value)


def _guided(request: Request, found: FrameQuality, wanted: Pose | None) -> GuidanceRead:
    seen = guide(found)
    return GuidanceRead(
        state="judged",
        is_good=seen.reason is None and is_posed(seen, wanted),
        pose=seen.pose,
        words=guidance_words(request_translator(request), seen, wanted),
        bars=seen.bars,
    )


def _unguided(state: Literal["busy", "away", "unable"]) -> GuidanceRead:
    return GuidanceRead(state=state, is_good=False, pose=None, words="", bars={})


def _progress(request: Request, db: Session, enrolment: Enrolment) -> Response:
    t = request_translator(request)
    waiting = waiting_code(request, db, enrolment)
    context = {
        "waiting": waiting_words(request, waiting, t) if waiting else None,
        "enrolment": enrolment,
        "is_finished": enrolment.status in _FINISHED,
        "advice": [reason_words(t, code) for code in enrolment.advice],
        "words": reason_words(t, enrolment.reason) if enrolment.reason else "",
    }
    return render(request, "enrollment/progress.html", context)
