"""Invent a policy with exceptions for pictures of pages, and preview it there."""

from playwright.sync_api import Page

from protocol.v1.messages import AttendancePolicy, KioskPolicy
from scripts.invented_school import School
from server.db.engine import Database
from server.policies.schemas import SchoolPolicy
from server.policies.scopes import PolicyPlace, Scope
from server.policies.service import set_own, set_policy


def change_policy(database: Database, school: School) -> None:
    """Set the school's policy, then settings of two rooms and a course."""
    passive = SchoolPolicy(
        kiosk=KioskPolicy(liveness="passive"), attendance=AttendancePolicy(late_after_min=2)
    )
    hall, lab = (PolicyPlace(Scope.ROOM, one) for one in school.rooms[:2])
    course = PolicyPlace(Scope.COURSE, school.courses[0])
    with database.transaction() as db:
        set_policy(db, passive, actor="system")
        kiosk = {"liveness": "active", "fallbacks": ["qr", "teacher"]}
        set_own(db, hall, {"kiosk": kiosk, "attendance": {"late_after_min": 8}}, actor="system")
        set_own(db, lab, {"attendance": {"opens_before_min": 5}}, actor="system")
        own = {"late_after_min": 3, "closes_after_start_min": 20}
        set_own(db, course, {"attendance": own}, actor="system")


def preview_policy(page: Page) -> None:
    """Ask what a shorter time to be late would have changed."""
    if page.locator("[name=own][value=late_after_min]").count():
        page.locator("[name=own][value=late_after_min]").check()
    page.locator("#late_after_min").fill("0")
    page.locator("button[formaction$='/preview']").click()
    page.wait_for_selector("#preview-title")
    page.locator("#preview details").evaluate_all("all => all.forEach(one => one.open = true)")
