"""The composition root: everything the server is made of is put together here and nowhere else."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from threading import BoundedSemaphore

from fastapi import APIRouter, FastAPI
from sqlmodel import Session
from starlette.formparsers import MultiPartParser
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import server.accounts.administration_api
import server.accounts.administration_bulk_api
import server.accounts.administration_pages
import server.accounts.api
import server.accounts.chosen_pages
import server.accounts.pages
import server.accounts.second_factor_api
import server.accounts.second_factor_pages
import server.accuracy.api
import server.accuracy.pages
import server.attendance.api
import server.attendance.attachments_api
import server.attendance.attachments_pages
import server.attendance.codes.api
import server.attendance.codes.pages
import server.attendance.erasure_api
import server.attendance.erasure_pages
import server.attendance.lessons_api
import server.attendance.lessons_pages
import server.attendance.lost_api
import server.attendance.lost_pages
import server.attendance.marking_api
import server.attendance.marking_pages
import server.attendance.pages
import server.attendance.past_api
import server.attendance.past_pages
import server.attendance.policy_preview_pages
import server.attendance.quarantine_api
import server.attendance.quarantine_pages
import server.attendance.short_pages
import server.commissioning.api
import server.commissioning.pages
import server.credentials.api
import server.credentials.own_pages
import server.credentials.pages
import server.credentials.print_pages
import server.credentials.sync_api
import server.enrollment.api
import server.enrollment.capture_pages
import server.enrollment.chosen_pages
import server.enrollment.coverage_pages
import server.enrollment.move_api
import server.enrollment.move_pages
import server.enrollment.pages
import server.enrollment.people_pages
import server.enrollment.short_pages
import server.excuses.api
import server.excuses.file_pages
import server.excuses.pages
import server.guardians.api
import server.guardians.pages
import server.imports.api
import server.imports.archive_pages
import server.imports.pages
import server.jobs.pages
import server.kiosk_bundles.api
import server.kiosks.api
import server.kiosks.devices_api
import server.kiosks.pages
import server.kiosks.placement_pages
import server.mark_reviews.api
import server.mark_reviews.pages
import server.network_change.api
import server.network_change.pages
import server.on_site.api
import server.on_site.pages
import server.people.api
import server.people.pages
import server.person_page.api
import server.person_page.pages
import server.policies.api
import server.policies.pages
import server.policies.place_pages
import server.reports.api
import server.reports.export_pages
import server.reports.pages
import server.school.api
import server.school.pages
import server.search.pages
import server.timetable.api
import server.timetable.bulk_api
import server.timetable.course_chosen_pages
import server.timetable.course_pages
import server.timetable.feeds.address
import server.timetable.feeds.api
import server.timetable.feeds.pages
import server.timetable.grid.pages
import server.timetable.groups.api
import server.timetable.groups.exception_api
import server.timetable.groups.exception_pages
import server.timetable.groups.pages
import server.timetable.holidays.api
import server.timetable.holidays.pages
import server.timetable.pages
import server.timetable.patterns.api
import server.timetable.short_pages
import server.timetable.substitutes.api
import server.timetable.substitutes.pages
import server.timetable.term_pages
import server.tokens.api
import server.tokens.pages
import server.trail.pages
import server.web.preferences
import server.web.today
from intake.head import HeadAsGet
from intake.linger import LingerMiddleware
from server.accounts.admin_password import announce_admin_password
from server.accounts.recent_sign_ins import RecentSignIns
from server.accounts.service import ensure_admin
from server.accounts.tables import Account
from server.accuracy.today import with_questions
from server.attendance.quarantine_listing import count_undecided
from server.attendance.today import today_content
from server.background import Background
from server.backup.before_migration import copying
from server.backup.schedule import signs as backup_signs
from server.backup_history.today import with_backups
from server.certificates.links import Links
from server.config import Settings
from server.credentials.link_gate import LinkGate
from server.credentials.staff import forget_ineligible
from server.db.engine import Database
from server.db.lock import serving_lock, startup_lock
from server.db.types import now
from server.db.vault import Vault, open_vault
from server.enrollment.guidance import GuidanceGate
from server.enrollment.problems import problem_sentence, problems, unreadable_sentences
from server.kiosks.answers import SignedAnswers, answer_key
from server.kiosks.guesses import ClaimGuesses
from server.kiosks.known_configurations import KnownConfigurations
from server.kiosks.presence import count_kiosks
from server.kiosks.server_key import ServerSigner
from server.kiosks.strangers import Strangers
from server.mark_reviews.today import with_moved_marks
from server.migrations.runner import upgrade
from server.ml.encoder import FaceEncoder
from server.ml.http import GUIDED_AT_ONCE, encoder_from
from server.people.keys import ensure_keys
from server.policies.service import begin_policy
from server.reports.lesson_states import find_in_state
from server.school import service as school
from server.school.today import with_first_steps
from server.timetable.feeds.service import forget_feed
from server.tokens.authentication import TokenSignIns
from server.web import health, inspection
from server.web.bodies import FORM_OVERHEAD_BYTES, Bodies
from server.web.cookies import SignInCookies
from server.web.correlation import CorrelationMiddleware
from server.web.csrf import CrossSiteGuard
from server.web.errors import install_error_handlers
from server.web.links import link_signs, with_links
from server.web.once import RunningKeys
from server.web.pages import STATIC, request_translator
from server.web.routes import refuse_unguarded
from server.web.security import SecurityHeaders
from server.web.state import Probe, Services, services_of
from server.web.today_content import TodaySource
from server.web.today_disk import with_disk
from server.web.translations import translator
from server.web.vitals import Vitals

_logger = logging.getLogger(__name__)

#: Every endpoint and page. Each must declare who may call it, or the server does not start.
ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    inspection.router,
    server.web.preferences.router,
    server.web.today.router,
    server.accounts.api.router,
    server.accounts.pages.router,
    server.accounts.second_factor_api.router,
    server.accounts.second_factor_pages.router,
    server.accounts.administration_bulk_api.router,  # before the next: "bulk" is no account
    server.accounts.administration_api.router,
    server.accounts.chosen_pages.router,  # before the next, which would match "chosen"
    server.accounts.administration_pages.router,
    server.trail.pages.router,
    server.tokens.api.router,
    server.tokens.pages.router,
    server.people.api.router,
    server.person_page.api.router,
    server.person_page.pages.router,
    server.people.pages.router,  # before the next, whose /people/{person_id} would match "new"
    server.enrollment.api.router,
    server.enrollment.people_pages.router,
    server.enrollment.short_pages.router,
    server.enrollment.chosen_pages.router,
    server.enrollment.coverage_pages.router,  # before the next, like "new"
    server.enrollment.pages.router,
    server.enrollment.move_api.router,
    server.enrollment.move_pages.router,
    server.commissioning.api.router,
    server.commissioning.pages.router,
    server.mark_reviews.api.router,
    server.mark_reviews.pages.router,
    server.enrollment.capture_pages.router,
    server.credentials.print_pages.router,
    server.credentials.pages.router,
    server.credentials.own_pages.router,
    server.timetable.api.router,
    server.timetable.holidays.api.router,
    server.timetable.bulk_api.router,
    server.timetable.groups.api.router,
    server.timetable.groups.exception_api.router,
    server.timetable.groups.pages.router,
    server.timetable.groups.exception_pages.router,
    server.timetable.patterns.api.router,
    server.timetable.substitutes.api.router,
    server.timetable.substitutes.pages.router,
    server.timetable.feeds.address.router,
    server.timetable.feeds.api.router,
    server.timetable.feeds.pages.router,
    server.timetable.grid.pages.router,
    server.timetable.pages.router,
    server.timetable.short_pages.router,
    server.attendance.short_pages.router,
    server.timetable.course_chosen_pages.router,  # before the next, which would match "chosen"
    server.timetable.course_pages.router,
    server.timetable.term_pages.router,
    server.search.pages.router,
    server.school.api.router,
    server.school.pages.router,
    server.timetable.holidays.pages.router,
    server.policies.api.router,
    server.policies.pages.router,
    server.policies.place_pages.router,
    server.accuracy.api.router,
    server.accuracy.pages.router,
    server.network_change.api.router,
    server.network_change.pages.router,
    server.jobs.pages.router,
    server.guardians.api.router,
    server.guardians.pages.router,
    server.imports.api.router,
    server.imports.archive_pages.router,
    server.imports.pages.router,
    server.kiosks.api.router,
    server.kiosks.devices_api.router,
    server.kiosk_bundles.api.router,
    server.kiosks.pages.router,
    server.kiosks.placement_pages.router,
    server.credentials.api.router,
    server.credentials.sync_api.router,
    server.reports.api.router,
    server.reports.export_pages.router,
    server.reports.pages.router,
    server.attendance.api.router,
    server.attendance.lost_api.router,
    server.attendance.lost_pages.router,
    server.attendance.lessons_api.router,
    server.attendance.past_api.router,
    server.attendance.erasure_api.router,
    server.attendance.erasure_pages.router,
    server.attendance.past_pages.router,
    server.attendance.policy_preview_pages.router,
    server.attendance.quarantine_api.router,
    server.attendance.quarantine_pages.router,
    server.on_site.api.router,
    server.on_site.pages.router,
    server.excuses.api.router,
    server.excuses.file_pages.router,  # before the next, which would match "reasons"
    server.excuses.pages.router,
    server.attendance.lessons_pages.router,  # before the next, which would match "new"
    server.attendance.pages.router,
    server.attendance.attachments_api.router,
    server.attendance.attachments_pages.router,
    server.attendance.marking_api.router,
    server.attendance.marking_pages.router,
    server.attendance.codes.api.router,
    server.attendance.codes.pages.router,
)


def create_app(settings: Settings, links: Links | None = None) -> FastAPI:
    """Build the application.

    Nothing is opened until its lifespan starts: then keys, database, migrations, first account and
    background tasks, in this order.

    Args:
        settings: of this process.
        links: which certificates it serves with; None: it looks at the files.

    Raises:
        ConfigurationError: an endpoint declares no access guard.
    """
    links = links or Links.of(settings)
    app = FastAPI(
        title="Rollcall",
        version=version("rollcall"),
        lifespan=lambda app: _lifespan(app, links),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # `inspection` has it, for people who are signed in
    )
    # Photos never touch a disk unencrypted: uploads stay in memory, the limit keeps them small.
    MultiPartParser.spool_max_size = settings.photo_max_bytes + FORM_OVERHEAD_BYTES
    install_error_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(HeadAsGet)
    app.add_middleware(CrossSiteGuard)
    app.add_middleware(SecurityHeaders, transport_security_s=links.transport_security_s)
    app.add_middleware(SignedAnswers, find_key=lambda: services_of(app).answer_key)
    app.add_middleware(CorrelationMiddleware)
    app.add_middleware(LingerMiddleware)
    if settings.trusted_proxies:
        hosts = settings.trusted_proxies.split(",")
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=[one.strip() for one in hosts])
    refuse_unguarded(ROUTERS)
    for router in ROUTERS:
        # As they are: `include_router` would build each route once more, at the first request that
        # comes near it, which costs that request up to half a second.
        app.router.routes.extend(router.routes)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI, links: Links) -> AsyncIterator[None]:
    with serving_lock(links.settings.data_dir):  # a restore waits for the end of all servers
        async with _serving(app, links):
            yield


@asynccontextmanager
async def _serving(app: FastAPI, links: Links) -> AsyncIterator[None]:
    settings = links.settings
    database, vault = open_storage(settings)
    # Not in commands, which an administrator may run without the settings of the service.
    with startup_lock(settings.data_dir), database.transaction() as db:
        school.follow(db, settings)
        ensure_keys(db, settings.names_locale)
    encoder = encoder_from(settings)
    background = Background(links, database, vault, encoder)
    app.state.services = _services(links, database, vault, encoder, background)
    tasks = background.tasks()
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
        database = Database(settings.sqlalchemy_url, zone=lambda: settings.zone)
        upgrade(
            database,
            time_zone=settings.school.timezone,
            before=copying(database, vault, settings),
        )
        with database.transaction() as db:
            password = ensure_admin(db)
            if password is not None:
                begin_policy(db)
    if password is not None:
        announce_admin_password(settings, password)
    return database, vault


def _services(
    links: Links,
    database: Database,
    vault: Vault,
    encoder: FaceEncoder,
    background: Background,
) -> Services:
    """Put together what endpoints use; `app.state` holds this and nothing else."""
    settings = links.settings
    cookies = SignInCookies(links, vault)
    sign_ins = RecentSignIns(settings, database, cookies.read)
    signer = ServerSigner(database, vault)
    unreadable = background.upkeep.unreadable
    return Services(
        settings=settings,
        links=links,
        database=database,
        vault=vault,
        bodies=Bodies.of(settings),
        cookies=cookies,
        authenticate=sign_ins.authenticate,
        authenticate_token=TokenSignIns(settings, database).authenticate,
        recall=sign_ins.recall,
        running_keys=RunningKeys(),
        encoder=encoder,
        signer=signer,
        answer_key=answer_key(signer),
        strangers=Strangers(),
        claim_guesses=ClaimGuesses(),
        downloads=BoundedSemaphore(settings.bundle_downloads),
        admit_kiosk=background.broker.admit,
        pace=background.pace,
        configurations=KnownConfigurations(links, vault),
        guidance=GuidanceGate(time.monotonic, at_once=GUIDED_AT_ONCE),
        link_gate=LinkGate(time.monotonic),
        cancel_job=background.cancel_job,
        forget_ineligible=_forget_ineligible,
        find_in_state=find_in_state,
        problems=lambda request: problems(request, request_translator(request)),
        unreadable=lambda t: unreadable_sentences(unreadable(), t),
        count_undecided=count_undecided,
        count_kiosks=lambda: count_kiosks(database, now()),
        today=with_first_steps(
            _with_technical(with_moved_marks(with_questions(today_content)), background)
        ),
        vitals=Vitals(database, settings),
        probes=_probes(background),
    )


def _with_technical(source: TodaySource, background: Background) -> TodaySource:
    """Put what is wrong with disk, backups and links on the first page."""
    return with_disk(with_backups(with_links(source), background.backups.view))


def _forget_ineligible(db: Session, account: Account, *, actor: str) -> None:
    """End what an account may no longer have: first what kiosks hold, for the order of locks."""
    forget_ineligible(db, account, actor=actor)
    forget_feed(db, account, actor=actor)


def _probes(background: Background) -> dict[str, Probe]:
    """How the parts beside the requests are, for /health."""
    english = translator("en")
    return {
        "ml": lambda services: services.encoder.status(),
        "ml_problem": lambda services: problem_sentence(services.encoder.problem(), english),
        "unreadable": lambda services: services.unreadable(english),
        "broker": lambda _services: background.broker.status(),
        "backups": lambda _services: backup_signs(background.backups.view()),
        "links": lambda services: link_signs(services.links),
    }
