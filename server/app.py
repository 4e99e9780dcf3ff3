"""The composition root: everything the server is made of is put together here and nowhere else."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from sqlalchemy.exc import OperationalError
from starlette.formparsers import MultiPartParser
from starlette.staticfiles import StaticFiles

import server.accounts.administration_api
import server.accounts.administration_pages
import server.accounts.api
import server.accounts.pages
import server.accuracy.api
import server.accuracy.pages
import server.attendance.api
import server.attendance.erasure_api
import server.attendance.erasure_pages
import server.attendance.lessons_api
import server.attendance.lessons_pages
import server.attendance.lost_api
import server.attendance.lost_pages
import server.attendance.pages
import server.attendance.past_api
import server.attendance.past_pages
import server.attendance.quarantine_api
import server.attendance.quarantine_pages
import server.audit.pages
import server.enrollment.api
import server.enrollment.capture_pages
import server.enrollment.coverage_pages
import server.enrollment.pages
import server.jobs.pages
import server.kiosks.api
import server.kiosks.pages
import server.kiosks.placement_pages
import server.network_change.api
import server.network_change.pages
import server.people.api
import server.people.pages
import server.policies.api
import server.policies.pages
import server.timetable.api
import server.timetable.course_pages
import server.timetable.pages
import server.timetable.term_pages
import server.web.preferences
import server.web.today
from intake.head import HeadAsGet
from intake.linger import LingerMiddleware
from server.accounts.admin_password import announce_admin_password
from server.accounts.service import ensure_admin, principal_of, touch
from server.accuracy.today import with_questions
from server.attendance.quarantine_listing import count_undecided
from server.attendance.today import today_content
from server.background import Background
from server.config import Settings
from server.db.engine import Database
from server.db.lock import startup_lock
from server.db.types import now
from server.db.vault import Vault, open_vault
from server.enrollment.guidance import GuidanceGate
from server.enrollment.problems import problem_sentence, problems, unreadable_sentences
from server.kiosks.answers import SignedAnswers, answer_key
from server.kiosks.presence import count_kiosks
from server.kiosks.server_key import ServerSigner
from server.kiosks.strangers import Strangers
from server.migrations.runner import upgrade
from server.ml.http import GUIDED_AT_ONCE, encoder_from
from server.web import health
from server.web.access import Authenticate
from server.web.cookies import SignInCookies
from server.web.correlation import CorrelationMiddleware
from server.web.csrf import CrossSiteGuard
from server.web.disk import with_disk
from server.web.errors import install_error_handlers
from server.web.pages import STATIC, request_translator
from server.web.principal import Principal
from server.web.routes import FORM_OVERHEAD_BYTES, Bodies, refuse_unguarded
from server.web.security import SecurityHeaders
from server.web.translations import translator
from server.web.vitals import Vitals

_logger = logging.getLogger(__name__)

#: How long a page waits, in seconds, to note that a sign-in was used; the next page tries again.
_NOTE_WAIT_S = 0.2

#: Every endpoint and page. Each must declare who may call it, or the server does not start.
ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    server.web.preferences.router,
    server.web.today.router,
    server.accounts.api.router,
    server.accounts.pages.router,
    server.accounts.administration_api.router,
    server.accounts.administration_pages.router,
    server.audit.pages.router,
    server.people.api.router,
    server.people.pages.router,  # before the next, whose /people/{person_id} would match "new"
    server.enrollment.api.router,
    server.enrollment.coverage_pages.router,  # before the next, like "new"
    server.enrollment.pages.router,
    server.enrollment.capture_pages.router,
    server.timetable.api.router,
    server.timetable.pages.router,
    server.timetable.course_pages.router,
    server.timetable.term_pages.router,
    server.policies.api.router,
    server.policies.pages.router,
    server.accuracy.api.router,
    server.accuracy.pages.router,
    server.network_change.api.router,
    server.network_change.pages.router,
    server.jobs.pages.router,
    server.kiosks.api.router,
    server.kiosks.pages.router,
    server.kiosks.placement_pages.router,
    server.attendance.api.router,
    server.attendance.lost_api.router,
    server.attendance.lost_pages.router,
    server.attendance.lessons_api.router,
    server.attendance.past_api.router,
    server.attendance.erasure_api.router,
    server.attendance.erasure_pages.router,
    server.attendance.past_pages.router,
    server.attendance.quarantine_api.router,
    server.attendance.quarantine_pages.router,
    server.attendance.lessons_pages.router,  # before the next, which would match "new"
    server.attendance.pages.router,
)


def create_app(settings: Settings) -> FastAPI:
    """Build the application.

    Nothing is opened until its lifespan starts: then keys, database, migrations, first account and
    background tasks, in this order.

    Raises:
        ConfigurationError: an endpoint declares no access guard.
    """
    app = FastAPI(
        title="Rollcall",
        version=version("rollcall"),
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.settings = settings
    app.state.probes = {}
    app.state.count_undecided = count_undecided
    app.state.today = with_disk(with_questions(today_content))
    app.state.problems = lambda request: problems(request, request_translator(request))
    app.state.admit_kiosk = None
    app.state.strangers = Strangers()
    app.state.guidance = GuidanceGate(time.monotonic, at_once=GUIDED_AT_ONCE)
    # Photos never touch a disk unencrypted: uploads stay in memory, the limit keeps them small.
    MultiPartParser.spool_max_size = settings.photo_max_bytes + FORM_OVERHEAD_BYTES
    app.state.bodies = Bodies.of(settings)
    install_error_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(HeadAsGet)
    app.add_middleware(CrossSiteGuard)
    app.add_middleware(SecurityHeaders, over_tls=settings.secure_cookies)
    app.add_middleware(SignedAnswers)
    app.add_middleware(CorrelationMiddleware)
    app.add_middleware(LingerMiddleware)
    refuse_unguarded(ROUTERS)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    database, vault = open_storage(settings)
    cookies = SignInCookies(settings, vault)
    app.state.database = database
    app.state.vitals = Vitals(database, settings)
    app.state.vault = vault
    app.state.cookies = cookies
    app.state.signer = ServerSigner(database, vault)
    app.state.answer_key = answer_key(app.state.signer)
    app.state.ml = encoder_from(settings)
    app.state.before_metrics = lambda: count_kiosks(database, now())
    app.state.authenticate = _authenticator(settings, database, cookies)
    tasks = _background(app).tasks()
    for task in tasks:
        task.start()
    _logger.info("started")
    try:
        yield
    finally:
        for task in reversed(tasks):
            task.stop()
        database.close()
        _logger.info("stopped")


def open_storage(settings: Settings) -> tuple[Database, Vault]:
    """Open keys and database, bring the schema up to date, and make the first account.

    Raises:
        ConfigurationError: the keys cannot be used.
    """
    with startup_lock(settings.data_dir):
        vault = open_vault(settings)
        database = Database(settings.sqlalchemy_url)
        upgrade(database, time_zone=settings.timezone)
        with database.transaction() as db:
            password = ensure_admin(db)
    if password is not None:
        announce_admin_password(settings, password)
    return database, vault


def _background(app: FastAPI) -> Background:
    """Everything that runs beside the requests, and its probes for /health."""
    state = app.state
    background = Background(state.settings, state.database, state.vault, state.ml)
    state.job_handlers = background.handlers
    state.unreadable = background.upkeep.unreadable
    state.admit_kiosk = background.broker.admit
    state.probes |= {
        "ml": state.ml.status,
        "ml_problem": lambda: problem_sentence(state.ml.problem(), translator("en")),
        "unreadable": lambda: unreadable_sentences(state.unreadable(), translator("en")),
        "broker": background.broker.status,
    }
    return background


def _authenticator(settings: Settings, database: Database, cookies: SignInCookies) -> Authenticate:
    def authenticate(cookie: str) -> Principal | None:
        token = cookies.read(cookie)
        if token is None:
            return None
        with database.reading() as db:
            found = principal_of(db, settings, token=token, at=now())
        if found is None:
            return None
        principal, is_stale = found
        if is_stale:
            _note_use(database, token)
        return principal

    return authenticate


def _note_use(database: Database, token: str) -> None:
    try:
        with database.transaction(_NOTE_WAIT_S) as db:
            touch(db, token=token, at=now())
    except OperationalError as exc:
        # Reading goes on while another request writes for long, or the disk is full.
        _logger.warning("last use of a sign-in not noted: %s", type(exc).__name__)
