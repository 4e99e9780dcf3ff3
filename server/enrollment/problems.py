"""What is wrong with recognition, in words: for the Today page, the photo page and /health."""

from collections.abc import Iterable

from fastapi import Request
from sqlmodel import Session

from server.enrollment.kinds import ENCODE
from server.enrollment.photo import UNREADABLE
from server.enrollment.tables import Enrolment, EnrolmentStatus
from server.enrollment.unreadable import Unreadable
from server.enrollment.words import reason_words
from server.jobs import service as jobs
from server.jobs.tables import JobState
from server.ml.problems import ServiceProblem
from server.web.state import get_services
from server.web.today_content import Trouble
from server.web.translations import Translator

WAITING = "WAITING_FOR_SERVICE"
PARKED = "PARKED"


def problem_sentence(problem: ServiceProblem | None, t: Translator) -> str | None:
    """Say what is wrong with the recognition service and what to do; None: nothing is."""
    return None if problem is None else t(f"recognition.problem.{problem.value}")


def unreadable_sentences(found: Iterable[Unreadable], t: Translator) -> list[str]:
    """Say what cannot be read, and why."""
    return [_unreadable(one, t) for one in found]


def troubles(request: Request, db: Session, t: Translator) -> list[Trouble]:
    """Return what needs attention, with where to look."""
    found = [Trouble("/jobs", sentence, "bad") for sentence in problems(request, t)]
    stuck = jobs.stuck(db)
    if stuck:
        found.append(
            Trouble("/jobs", t(_counted("recognition.parked", stuck), count=stuck), "warn")
        )
    return found


def problems(request: Request, t: Translator) -> list[str]:
    """Say everything that is wrong with recognition, in sentences."""
    services = get_services(request)
    problem = problem_sentence(services.encoder.problem(), t)
    return [*([problem] if problem else []), *services.unreadable(t)]


def waiting_code(request: Request, db: Session, row: Enrolment) -> str | None:
    """Return the code of why a photo is not processed yet; None: it will be, in a moment."""
    if row.status != EnrolmentStatus.PENDING:
        return None
    job = jobs.find(db, ENCODE, {"enrolment": str(row.id)})
    if job is not None and job.state == JobState.PARKED:
        return PARKED
    if job is not None and job.last_reason == UNREADABLE:
        return UNREADABLE
    return WAITING if get_services(request).encoder.status() == "down" else None


def waiting_words(request: Request, code: str, t: Translator) -> str:
    """Say why a photo waits, with what is wrong with the service."""
    words = reason_words(t, code)
    encoder = get_services(request).encoder
    problem = problem_sentence(encoder.problem(), t) if code == WAITING else None
    return f"{words} {problem}" if problem else words


def _unreadable(one: Unreadable, t: Translator) -> str:
    reason = "damaged" if one.key_id is None else "key_missing"
    words = _counted(f"recognition.unreadable.{one.what}_{reason}", one.count)
    return t(words, count=one.count, name=one.key_id)


def _counted(key: str, count: int) -> str:
    return f"{key}_one" if count == 1 else key
