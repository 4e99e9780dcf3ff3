"""Photographs the pages of a server filled with an invented school.

    python -m scripts.pages                      the pictures of the documentation
    python -m scripts.pages --all --out pics  every page in every size, theme and language

Needs Debian's chromium. Nobody on the pages exists and no photograph is used.
"""

import argparse
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import pyotp
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright
from pydantic import SecretStr
from sqlmodel import delete, select

from models.service.native_schemas import OperatingPointRequest
from models.service.operating_point import operating_point
from models.store import default_store
from scripts.acted_credentials import act_on_credentials
from scripts.acted_pages import act_on_page
from scripts.chosen_people import act_on_people
from scripts.documented_pages import DOCUMENTED
from scripts.invented_absences import add_absences
from scripts.invented_attendance import add_attendance
from scripts.invented_change import change_network, use_network
from scripts.invented_commissioning import commission
from scripts.invented_credentials import add_credentials
from scripts.invented_groups import add_groups
from scripts.invented_guardians import add_guardians
from scripts.invented_history import add_history
from scripts.invented_imports import add_imports
from scripts.invented_jobs import add_jobs
from scripts.invented_line_files import add_line_files
from scripts.invented_losses import SPAN, lose_events
from scripts.invented_moves import add_moves
from scripts.invented_policy import change_policy, preview_policy
from scripts.invented_quarantine import add_quarantine
from scripts.invented_school import School, Size, fill
from scripts.invented_timetable import WeeklyLessons, add_timetable
from scripts.invented_tokens import act_on_tokens
from scripts.page_addresses import addresses
from server.accounts.passwords import hash_password
from server.accounts.service import create_account
from server.accounts.tables import Account, SecondFactor
from server.accuracy import service
from server.accuracy.question import prepare
from server.app import create_app
from server.certificates.folder import CertificateFolder
from server.config import load_settings
from server.db.types import new_id, now
from server.jobs.schemas import ClaimedJob
from server.kiosks.tables import LostSpan
from server.limits import service as limits
from server.limits.service import ProposedLimit
from server.limits.tables import StoredLimit
from server.ml import questions
from server.ml.http import encoder_from
from server.ml.school import SchoolOperatingPoint
from server.web.principal import Role
from server.web.state import Services, services_of

SIZES = {"laptop": (1366, 768), "phone": (390, 844), "paper": (794, 1123)}
THEMES = ("light", "dark")
LANGUAGES = ("en", "ar")
_OUT = Path(__file__).parent.parent / "docs" / "images" / "server"
_MODEL = "dlib-resnet-v1"
_TWIN = 41
_KEY = "a-key-for-pictures"
_PASSWORD = "a password for pictures"  # noqa: S105 - of a server that lives for a minute
_STAFF = (
    ("m.weber", "Mara Weber", Role.TEACHER, True),
    ("j.okafor", "Joy Okafor", Role.OFFICE, True),
    ("p.lind", "Per Lind", Role.TECHNICIAN, True),
    ("d.rahimi", "Dana Rahimi", Role.DPO, False),
)


@dataclass(frozen=True)
class Site:
    """A running server with its school."""

    url: str
    school: School
    user_id: str
    app: FastAPI
    absence_id: str
    imports: dict[str, str]
    weekly: WeeklyLessons
    move_id: str

    @property
    def services(self) -> Services:
        """The parts of the server."""
        return services_of(self.app)

    def change_network(self) -> None:
        """Let pages see a change of network that is under way."""
        with self.services.database.transaction() as db:
            services = self.services
            change_network(db, services.vault, self.school, services.encoder.models())

    def lose_events(self) -> None:
        """Let pages see lost and missing events, and two devices with one identity."""
        with self.services.database.transaction() as db:
            if db.get(LostSpan, SPAN) is None:
                lose_events(db, self.school)

    def commission(self) -> None:
        """Let pages see acceptance tests of the first kiosk."""
        with self.services.database.transaction() as db:
            commission(db, self.school)

    def ask_limit(self) -> None:
        """Let pages ask whether kiosks may become stricter."""
        with self.services.database.transaction() as db:
            limit = db.exec(select(StoredLimit)).one()
            stricter = {"distance": limit.distance - 0.03, "raised_share": 0.27}
            proposed = {name: getattr(limit, name) for name in ProposedLimit.__annotations__}
            limits.propose(db, ProposedLimit(**(proposed | stricter)))

    def forget_second_steps(self) -> None:
        """Let pages offer two-step sign-in as to a person who has none."""
        with self.services.database.transaction() as db:
            db.exec(delete(SecondFactor))

    def meet_strangers(self) -> None:
        """Let pages see devices that ask this server and that it does not know."""
        for last in (5, 6, 7, 8):
            self.services.strangers.note(f"192.168.12.{last}", now())

    def refuse_key(self) -> None:
        """Let pages see a recognition service that refuses the server's key."""
        settings = self.services.settings.model_copy(
            update={"ml_service_api_key": SecretStr("an old key")}
        )
        encoder = encoder_from(settings)
        self.app.state.services = replace(self.services, encoder=encoder)
        encoder.check()


@contextmanager
def running_site(folder: Path, ml_url: str) -> Iterator[Site]:
    """A server in a thread, filled, with a recognition service."""
    settings = load_settings(
        data_dir=folder / "data",
        school_name="Lindenhof School",
        ml_service_url=ml_url,
        ml_service_api_key=_KEY,
        database_url=None,
        master_key=None,
        log_level="error",
        public_url="https://rollcall.lindenhof.example",
        tls_ca=_authority(folder),
    )
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.05)
    try:
        services = services_of(app)
        school = fill(services.database, services.vault, _size(), datetime.now(UTC))
        user_id = _staff(app)
        change_policy(services.database, school)
        _measure(app)
        with services.database.transaction() as db:
            use_network(db, _MODEL, actor=f"account:{user_id}")
        actor = f"account:{user_id}"
        add_history(services.database, school, account=actor)
        port = server.servers[0].sockets[0].getsockname()[1]
        services.encoder.check()
        software = f"{version('rollcall')} {services.encoder.software()}"
        add_jobs(services.database, school, software=software)
        add_quarantine(services.database, school, datetime.now(UTC))
        add_credentials(services.database, services.vault, school)
        parts = (services.database, services.vault, school, datetime.now(UTC))
        absence_id = str(add_absences(*parts, actor=actor))
        add_guardians(services.database, school, actor=actor)
        imports = add_imports(services.database, services.vault, account=actor)
        add_attendance(services.database, school, account=user_id)
        add_line_files(services.database, services.vault, school, account=user_id)
        weekly = add_timetable(services.database, school, actor=actor)
        add_groups(services.database, school, actor=actor)
        made = (absence_id, imports, weekly, str(add_moves(services.database, school, actor=actor)))
        yield Site(f"http://127.0.0.1:{port}", school, user_id, app, *made)
    finally:
        server.should_exit = True
        thread.join(15)


def _authority(folder: Path) -> Path:
    """A school's authority, as behind a proxy with a certificate that it signed."""
    (certificates := CertificateFolder(folder / "proxy")).ensure(at=datetime.now(UTC))
    return certificates.authorities


@contextmanager
def running_ml(folder: Path) -> Iterator[str]:
    """A real recognition service; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "rollcall-ml")]
    env = os.environ | {
        "ROLLCALL_ML_API_KEY": _KEY,
        "ROLLCALL_ML_MATCH_KEYS": _KEY,
        "ROLLCALL_ML_PORT": str(port),
    }
    with (folder / "ml.log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, env=env)
    try:
        while child.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(15)


def _size() -> Size:
    return Size(people=140, lessons=12, kiosks=4, class_size=14, present=0.75)


def _staff(app: FastAPI) -> str:
    with services_of(app).database.transaction() as db:
        admin = db.exec(select(Account).where(Account.username == "admin")).one()
        _set_password(admin)
        made = [
            create_account(
                db,
                username=username,
                display_name=name,
                role=role,
                password=_PASSWORD,
                actor="system",
            )
            for username, name, role, _is_settled in _STAFF
        ]
        for account, (_username, _name, _role, is_settled) in zip(made, _STAFF, strict=True):
            account.must_change_password = not is_settled
            account.last_sign_in_at = datetime.now(UTC) if is_settled else None
        made[2].is_active = False
        return str(made[0].id)


def _measure(app: FastAPI) -> None:
    """Keep the figures that the recognition service gives for people of made-up numbers."""
    card = default_store().find(_MODEL)[0]
    with services_of(app).database.transaction() as db:
        today = datetime.now(UTC).date()
        asked = prepare(db, services_of(app).vault, _MODEL, new_id().bytes, today)
        invented = [
            replace(one, templates=_templates(int(one.key))) for one in asked.question.people
        ]
        body = questions.of_school(replace(asked.question, people=invented))
        found = operating_point(card, OperatingPointRequest.model_validate(body))
        point = SchoolOperatingPoint.model_validate(found.model_dump())
        service.keep(db, _job(), service.Answered(asked, point, today))


def _job() -> ClaimedJob:
    return ClaimedJob(
        id=new_id(),
        kind=service.MEASURE,
        subject=service.SUBJECT,
        about={"model": _MODEL},
        attempts=0,
        revision=0,
        correlation_id="pictures",
        created_by="system",
        created_at=datetime.now(UTC),
    )


def _templates(number: int) -> tuple[tuple[float, ...], ...]:
    """Three photos of somebody who does not exist, as far apart as people and photos are."""
    random = np.random.default_rng(number)
    directions = np.random.default_rng(0).normal(0, 1, (13, 128)) / np.sqrt(128)
    person = directions[0] * 1.3 + random.normal(0, 0.21, 12) @ directions[1:]
    if number == _TWIN:
        person = np.mean(_templates(number - 1), axis=0)
    noise = random.uniform(0.010, 0.027, (3, 1))
    photos = person + random.normal(0, 1, (3, 128)) * noise
    return tuple(tuple(map(float, row)) for row in photos)


def _set_password(account: Account) -> None:
    account.password_hash = hash_password(_PASSWORD)
    account.must_change_password = False


def photograph(
    browser: Browser, site: Site, out: Path, wanted: frozenset[str], *, is_whole: bool = False
) -> int:
    """Take the wanted pictures; returns how many."""
    taken = 0
    for (size, shape), theme, language in product(SIZES.items(), THEMES, LANGUAGES):
        suffix = f"-{size}-{theme}-{language}"
        names = [one.removesuffix(suffix) for one in wanted if one.endswith(suffix)]
        if not names:
            continue
        context = browser.new_context(viewport={"width": shape[0], "height": shape[1]})
        context.add_cookies(
            [
                {"name": "rollcall_theme", "value": theme, "url": site.url},
                {"name": "rollcall_language", "value": language, "url": site.url},
            ]
        )
        page = context.new_page()
        site.forget_second_steps()
        page.goto(f"{site.url}/sign-in")
        if "sign-in" in names:
            _shoot(page, out / f"sign-in{suffix}.png", is_whole=is_whole, size=size)
        page.locator("#username").fill("admin")
        page.locator("#password").fill(_PASSWORD)
        page.locator("button.primary").click()
        page.wait_for_url(f"{site.url}/")
        for name in sorted(set(names) - {"sign-in"}):
            _prepare(site, name)
            page.goto(site.url + _address(page, site, name))
            _act(page, site, name)
            _shoot(page, out / f"{name}{suffix}.png", is_whole=is_whole, size=size)
        taken += len(names)
        context.close()
    return taken


def _address(page: Page, site: Site, name: str) -> str:
    address = addresses(site)[name]
    if "{group}" in address:
        page.goto(f"{site.url}/groups")
        return page.locator("a.row-link").first.get_attribute("href") or "/"
    if "{row}" in address:
        page.goto(f"{site.url}/quarantine")
        return page.locator(".quarantine a").last.get_attribute("href") or "/"
    if "{first}" not in address and "{doubtful}" not in address:
        return address
    page.goto(site.url + address.split("/people/", maxsplit=1)[0])
    rows = ".register tr.is-pending" if "{doubtful}" in address else ".register"
    return page.locator(f"{rows} a.row-link").first.get_attribute("href") or "/"


#: What is opened on a page before it is photographed.
_FOLDED = {
    "course": ("#roster details", "#past-entries"),
    "guardians-open": (".contacts details", "details.fold"),
}


def _prepare(site: Site, name: str) -> None:
    """Let there be what a page shows only at times."""
    if name == "today-refused":
        site.refuse_key()
    if name.endswith("-unknown-device"):
        site.meet_strangers()
    if name.startswith("lost-"):
        site.lose_events()
    if name == "models-change":
        site.change_network()
    if name == "accuracy-question":
        site.ask_limit()
    if name.startswith("commissioning"):
        site.commission()


def _act(page: Page, site: Site, name: str) -> None:
    """Do on a page what leads to what is to be seen."""
    if name in ("second-factor-setup", "recovery-codes"):
        site.forget_second_steps()
        _set_up_second_step(page, is_confirmed=name == "recovery-codes")
    if name == "past-preview":
        page.locator("#policy_version").select_option("1")
        page.locator("button.primary").click()
        page.wait_for_selector("#confirm")
    if name.startswith("policy-preview"):
        preview_policy(page)
    if name.startswith("people-") or name.endswith("-chosen"):
        act_on_people(page, name)
    if name == "audit":
        page.locator("#check button").click()
        page.wait_for_selector("#check .notice")
        page.locator(".trail-entries details").nth(3).evaluate("element => element.open = true")
        if (page.viewport_size or {"width": 0})["width"] > SIZES["phone"][0]:
            page.locator("#filters").evaluate("element => element.open = true")
    act_on_page(page, name)
    act_on_credentials(page, name)
    act_on_tokens(page, name, _PASSWORD)
    if name == "claim":
        page.locator("form[action$='/code'] button").click()
        page.wait_for_selector(".claim-qr")
    if name.endswith("-details"):
        page.locator("[data-details]").first.evaluate("element => element.open = true")
    for folded in _FOLDED.get(name, ()):
        page.locator(folded).first.evaluate("element => element.open = true")


def _set_up_second_step(page: Page, *, is_confirmed: bool) -> None:
    """Start two-step sign-in, and confirm it as an authenticator app would."""
    page.reload()
    page.locator("#password").fill(_PASSWORD)
    page.locator("form.card button.primary").click()
    page.wait_for_selector("#second-factor-key")
    if is_confirmed:
        secret = "".join(page.locator("#second-factor-key").inner_text().split())
        page.locator("#code").fill(pyotp.TOTP(secret).now())
        page.locator("form button.primary").click()
        page.wait_for_selector("#recovery-codes")


def _shoot(page: Page, path: Path, *, is_whole: bool, size: str) -> None:
    page.wait_for_load_state("load")
    is_paper = size == "paper"
    page.emulate_media(media="print" if is_paper else "screen")
    page.screenshot(path=path, full_page=is_whole or is_paper)
    page.emulate_media(media="screen")


def main() -> int:
    """Photograph, and say where the pictures are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=_OUT)
    parser.add_argument("--all", action="store_true", help="every page in every form")
    parser.add_argument(
        "--only",
        nargs="*",
        default=[],
        help="names such as people-phone-dark-ar, tasks-paper-light-en",
    )
    parser.add_argument("--whole", action="store_true", help="down to the foot of the page")
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    options.out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("pages: needs Debian's chromium package\n")
        return 1
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-pages-") as folder,
        running_ml(Path(folder)) as ml_url,
        running_site(Path(folder), ml_url) as site,
        sync_playwright() as playwright,
    ):
        wanted = frozenset(options.only or (_every(site) if options.all else DOCUMENTED))
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        taken = photograph(browser, site, options.out, wanted, is_whole=options.whole)
        browser.close()
    sys.stdout.write(f"{taken} pictures in {options.out}, {time.monotonic() - started:.0f} s\n")
    return 0


def _every(site: Site) -> list[str]:
    names = ["sign-in", *addresses(site)]
    return ["-".join(parts) for parts in product(names, SIZES, THEMES, LANGUAGES)]


if __name__ == "__main__":
    sys.exit(main())
