"""Templates from scans: only clear, live ones of two days that agree, and nothing survives them."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from protocol.v1 import sealing
from protocol.v1.messages import KioskPolicy
from server.accounts.tables import Account
from server.attendance.register import CLOCK_TOLERANCE
from server.attendance.turned_back import take_back_future
from server.audit.tables import AuditEntry
from server.db.types import now
from server.enrollment import service as enrollment
from server.enrollment.gallery import open_template
from server.enrollment.tables import Enrolment, EnrolmentMove, EnrolmentSource, Template
from server.enrollment.unreadable import inventory
from server.jobs.tables import Job
from server.mark_reviews.service import ReviewOrder, decide
from server.mark_reviews.tables import ReviewAnswer
from server.ml.encoder import GalleryFindings
from server.network_change import sealed_scans, service
from server.network_change.schemas import ChangeForm
from server.networks import scans
from server.networks.tables import WaitingScan
from server.people.tables import Consent
from server.policies.schemas import SchoolPolicy
from server.policies.service import set_policy
from server.timetable.local_time import local_date
from tests.integration.school.conftest import MODEL, School
from tests.support.networks import set_networks
from tests.support.scanning import NEXT, SAME, VALUES, ScanDesk, scan_of

pytestmark = pytest.mark.integration


@pytest.fixture
def desk(school: School) -> ScanDesk:
    return ScanDesk.open(school)


def jobs(desk: ScanDesk) -> list[Job]:
    with desk.school.database.reading() as db:
        return list(db.exec(select(Job).where(Job.kind == scans.CONFIRM)))


def make_due(desk: ScanDesk) -> None:
    with desk.school.database.transaction() as db:
        for job in db.exec(select(Job)):
            job.not_before = job.created_at


def test_two_scans_of_different_days_become_templates_that_kiosks_get(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    desk.accept(person_id, days_ago=3)
    desk.accept(person_id, days_ago=2)
    desk.synced()
    desk.work()
    made = desk.made()
    assert len(made) == 2
    assert all(one.checked_at is not None for one in made)
    assert (desk.waiting(), jobs(desk)) == ([], [])
    assert [open_template(desk.school.vault, one) for one in made] == [VALUES, VALUES]
    with desk.school.database.reading() as db:
        enrolment = db.get_one(Enrolment, made[0].enrolment_id)
        audited = db.exec(select(AuditEntry).where(AuditEntry.action == "template.from_scans"))
        assert len(audited.all()) == 1
    assert (enrolment.source, enrolment.status) == (EnrolmentSource.SCAN, "accepted")
    asked = desk.encoder.questions[0]
    assert (asked.model_id, asked.templates, asked.others) == (
        NEXT,
        (VALUES,),
        {"other": (VALUES,)},
    )


def test_scan_is_stored_under_the_vault_and_bound_to_its_row(desk: ScanDesk) -> None:
    desk.accept(desk.enrolled(), days_ago=1)
    (row,) = desk.waiting()
    assert sealed_scans.open_readable(desk.school.vault, [row]) == {row.id: VALUES}
    assert row.day == local_date(now() - timedelta(days=1), desk.school.settings.zone)
    moved = WaitingScan(**row.model_dump() | {"id": uuid.uuid4()})
    assert sealed_scans.open_readable(desk.school.vault, [moved]) == {}


def test_the_same_scan_again_changes_nothing(desk: ScanDesk) -> None:
    event = desk.seen(desk.enrolled(), now())
    scan = desk.scan(event)
    assert desk.hand_over(scan) == desk.hand_over(scan, scan)
    assert len(desk.waiting()) == 1


def test_scan_whose_event_has_not_arrived_is_not_judged(desk: ScanDesk) -> None:
    event = desk.kiosk.event(now(), person_id=desk.enrolled(), liveness={"verdict": "live"})
    scan = desk.scan(event)
    receipt = desk.hand_over(scan)
    assert (receipt.accepted, receipt.refused) == ((), ())
    desk.school.send(desk.kiosk, event)
    assert desk.hand_over(scan).accepted == (scan.id,)


@pytest.mark.parametrize(
    "changed",
    [
        {"decided_by": NEXT},
        {"model_id": MODEL},
        {"model_id": "another"},
        {"distance": 0.391},
        {"frames": 0},
        {"key_id": "another"},
        {"person_id": str(uuid.uuid4())},
        {"person_id": "nobody"},
        {"captured_at": "2020-01-01T00:00:00.000Z"},
        {"captured_at": "2099-01-01T00:00:00.000Z"},
        {"kiosk_id": str(uuid.uuid4())},
        {"dimension": 3},
        {"sealed": "AAAA"},
    ],
    ids=lambda changed: "-".join(f"{key}" for key in changed),
)
def test_scan_that_does_not_fit_is_refused(desk: ScanDesk, changed: dict[str, Any]) -> None:
    event = desk.seen(desk.enrolled(), now())
    scan = desk.scan(event, **changed)
    assert desk.hand_over(scan).refused == (scan.id,)
    assert desk.waiting() == []


@pytest.mark.parametrize("values", [(0.0,) * 4, (1.0,) * 3, (float("inf"), 1.0, 1.0, 1.0)])
def test_numbers_that_are_no_template_are_refused(
    desk: ScanDesk, values: tuple[float, ...]
) -> None:
    event = desk.seen(desk.enrolled(), now())
    scan = desk.scan(event, values)
    assert desk.hand_over(scan).refused == (scan.id,)


@pytest.mark.parametrize("verdict", ["attack", "undecided", "off", None])
def test_scan_without_a_live_face_is_refused(desk: ScanDesk, verdict: str | None) -> None:
    event = desk.seen(desk.enrolled(), now(), verdict=verdict)
    scan = desk.scan(event)
    assert desk.hand_over(scan).refused == (scan.id,)


@pytest.mark.parametrize("fields", [{"method": "manual"}, {"kind": "unknown"}, {"model_id": "x"}])
def test_scan_of_another_kind_of_event_is_refused(desk: ScanDesk, fields: dict[str, str]) -> None:
    event = desk.seen(desk.enrolled(), now(), **fields)
    scan = desk.scan(event)
    assert desk.hand_over(scan).refused == (scan.id,)


def test_scan_of_another_persons_event_is_refused(desk: ScanDesk) -> None:
    event = desk.seen(desk.enrolled(), now())
    scan = desk.scan(event, person_id=str(desk.enrolled()))
    assert desk.hand_over(scan).refused == (scan.id,)


def test_scan_that_was_changed_or_signed_by_another_is_refused(desk: ScanDesk) -> None:
    event = desk.seen(desk.enrolled(), now())
    changed = desk.scan(event).model_copy(update={"distance": 0.01})
    other = desk.school.kiosk()
    other.kiosk_id = desk.kiosk.kiosk_id
    forged = scan_of(other, (desk.key, desk.key_id), event)
    assert set(desk.hand_over(changed, forged).refused) == {changed.id, forged.id}


def test_scan_of_somebody_outside_the_kiosks_gallery_is_refused(desk: ScanDesk) -> None:
    outside = desk.school.person(on_roster=False)
    desk.school.enrol(outside)
    desk.refresh()
    scan = desk.scan(desk.seen(outside, now()))
    assert desk.hand_over(scan).refused == (scan.id,)


@pytest.mark.parametrize("stop", ["collecting", "change", "liveness"])
def test_nothing_is_accepted_unless_the_change_collects_and_faces_are_checked(
    desk: ScanDesk, stop: str
) -> None:
    event = desk.seen(desk.enrolled(), now())
    if stop == "liveness":
        with desk.school.database.transaction() as db:
            set_policy(db, SchoolPolicy(kiosk=KioskPolicy(liveness="off")), actor="system")
    else:
        set_networks(desk.school.database, MODEL, NEXT if stop == "collecting" else None)
    scan = desk.scan(event)
    assert desk.hand_over(scan).refused == (scan.id,)


def test_scan_is_refused_once_the_person_has_a_template_of_the_next_network(
    desk: ScanDesk,
) -> None:
    person_id = desk.enrolled()
    desk.accept(person_id, days_ago=3)
    desk.accept(person_id, days_ago=2)
    desk.synced()
    desk.work()
    scan = desk.scan(desk.seen(person_id, now()))
    assert desk.hand_over(scan).refused == (scan.id,)
    assert len(desk.made()) == 2


def test_scans_of_one_day_never_become_templates(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    desk.accept(person_id, days_ago=2)
    desk.accept(person_id, days_ago=2)
    scan = desk.scan(desk.seen(person_id, now() - timedelta(days=2)))
    assert desk.hand_over(scan).refused == (scan.id,), "enough for one day"
    desk.synced()
    desk.work()
    assert (desk.made(), jobs(desk)) == ([], [])


def test_scans_wait_until_their_days_are_over_and_reported(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    desk.accept(person_id, days_ago=1)
    desk.accept(person_id, days_ago=0)
    desk.synced()
    desk.work()
    assert desk.made() == []
    (job,) = jobs(desk)
    assert (job.last_reason, job.attempts) == ("SCANS_OPEN", 0)


def test_kiosk_that_has_not_reported_holds_its_scans_back(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    desk.accept(person_id, days_ago=3)
    desk.accept(person_id, days_ago=2)
    desk.work()
    assert desk.made() == []
    desk.synced()
    make_due(desk)
    desk.work()
    assert len(desk.made()) == 2


@pytest.mark.parametrize(("ahead", "made"), [(timedelta(hours=5), 0), (CLOCK_TOLERANCE / 2, 2)])
def test_report_for_a_time_yet_to_come_settles_no_scan(
    desk: ScanDesk, ahead: timedelta, made: int
) -> None:
    """The server's clock was ahead: what the kiosk said then covers no day, however long past."""
    person_id = desk.enrolled()
    desk.accept(person_id, days_ago=3)
    desk.accept(person_id, days_ago=2)
    then = now() + ahead
    desk.school.send(desk.kiosk, synced_through=then, at=then)
    desk.work()
    assert len(desk.made()) == made
    with desk.school.database.transaction() as db:
        take_back_future(db, desk.school.id_of(desk.kiosk), now())
    desk.synced()
    make_due(desk)
    desk.work()
    assert len(desk.made()) == 2


def test_scans_that_do_not_agree_wait_for_another_day(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    desk.accept(person_id, days_ago=4)
    desk.accept(person_id, days_ago=3)
    desk.synced()
    desk.encoder.findings = GalleryFindings({})
    desk.work()
    assert (desk.made(), jobs(desk)) == ([], [])
    assert len(desk.waiting()) == 2
    desk.encoder.findings = SAME
    desk.accept(person_id, days_ago=2)
    desk.work()
    assert len(desk.made()) == 2


def test_waiting_scans_of_a_person_are_bounded(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    for days_ago in range(9, 0, -1):
        desk.accept(person_id, days_ago)
    zone = desk.school.settings.zone
    newest = {local_date(now() - timedelta(days=days), zone) for days in range(1, 7)}
    assert {one.day for one in desk.waiting()} == newest


def test_not_me_takes_the_scan_away(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    event = desk.accept(person_id, days_ago=3)
    kept = desk.accept(person_id, days_ago=2)
    desk.not_me(event)
    assert [str(one.event_id) for one in desk.waiting()] == [kept["id"]]
    scan = desk.scan(event)
    assert desk.hand_over(scan).refused == (scan.id,)


def test_a_decision_that_it_was_another_takes_the_scan_away(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    event = desk.accept(person_id, days_ago=3)
    key = uuid.UUID(desk.kiosk.kiosk_id), uuid.UUID(str(event["id"]))
    order = ReviewOrder(frozenset({key}), ReviewAnswer.NOBODY, None, "It was not")
    account = Account(username="a", display_name="A", role="office", password_hash="")
    with desk.school.database.transaction() as db:
        db.add(account)
        db.flush()
        decide(db, order, made_by=account.id)
    assert desk.waiting() == []
    scan = desk.scan(event)
    assert desk.hand_over(scan).refused == (scan.id,)


@pytest.mark.parametrize(
    ("moved", "seen", "outcome"),
    [
        (timedelta(days=2), timedelta(days=3), "refused"),  # before the move
        (timedelta(days=2), timedelta(days=1), "refused"),  # offline since before it
        (timedelta(minutes=5), timedelta(0), "refused"),  # its new gallery may be on its way
        (timedelta(hours=1), timedelta(0), "accepted"),  # connected, with the photos of now
    ],
)
def test_scans_of_photos_that_were_moved_never_become_templates(
    desk: ScanDesk, moved: timedelta, seen: timedelta, outcome: str
) -> None:
    """A kiosk that was offline hands them over later: they may show the person of the photos."""
    person_id, other_id = desk.enrolled(), desk.enrolled()
    event = desk.seen(person_id, now() - seen)
    with desk.school.database.transaction() as db:
        move = EnrolmentMove(
            from_id=person_id,
            to_id=other_id,
            enrolments=[],
            made_by="system",
            made_at=now() - moved,
            asked_until=now() + timedelta(days=5),
        )
        db.add(move)
    scan = desk.scan(event)
    assert getattr(desk.hand_over(scan), outcome) == (scan.id,)
    desk.accept(other_id, days_ago=1)


def test_not_me_that_arrives_while_scans_are_compared_wins(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    event = desk.accept(person_id, days_ago=3)
    desk.accept(person_id, days_ago=2)
    desk.synced()
    desk.encoder.during = lambda: desk.not_me(event)
    desk.work()
    assert desk.made() == []


@pytest.mark.parametrize("end", ["withdraw", "expire", "erase_biometrics", "cancel", "stop"])
def test_nothing_survives_the_end(desk: ScanDesk, end: str) -> None:
    covered, waiting = desk.enrolled(), desk.enrolled()
    for person_id in (covered, waiting):
        desk.accept(person_id, days_ago=3)
    desk.accept(covered, days_ago=2)
    desk.synced()
    desk.work()
    desk.accept(waiting, days_ago=1)
    assert len(desk.made()) == len(desk.waiting()) == 2
    END[end](desk, [covered, waiting])
    assert desk.waiting() == []
    assert len(desk.made()) == (2 if end == "stop" else 0)
    with desk.school.database.reading() as db:
        left = [job for job in db.exec(select(Job)) if job.kind == scans.CONFIRM]
        rows = [row for row in db.exec(select(Enrolment)) if row.source == "scan"]
    assert left == []
    assert {row.status for row in rows} == ({"accepted"} if end == "stop" else {"withdrawn"})


def _withdraw(desk: ScanDesk, people: list[uuid.UUID]) -> None:
    for person_id in people:
        with desk.school.database.transaction() as db:
            (consent,) = db.exec(select(Consent).where(Consent.person_id == person_id))
            enrollment.withdraw_consent(
                db, person_id, consent.id, actor="system", at=now(), today=now().date()
            )


def _expire(desk: ScanDesk, people: list[uuid.UUID]) -> None:
    with desk.school.database.transaction() as db:
        for consent in db.exec(select(Consent)):
            consent.expires_on = (now() - timedelta(days=2)).date()
        assert set(enrollment.without_consent(db, now().date())) == set(people)
        for person_id in people:
            enrollment.erase_expired(db, person_id, at=now(), today=now().date())


def _erase(desk: ScanDesk, people: list[uuid.UUID]) -> None:
    for person_id in people:
        with desk.school.database.transaction() as db:
            enrollment.erase_biometrics(db, person_id, actor="system", at=now())


def _cancel(desk: ScanDesk, people: list[uuid.UUID]) -> None:
    del people
    with desk.school.database.transaction() as db:
        service.cancel(db, NEXT, actor="system")


def _stop(desk: ScanDesk, people: list[uuid.UUID]) -> None:
    del people
    with desk.school.database.transaction() as db:
        service.adjust(db, ChangeForm(next=NEXT), actor="system")


END = {
    "withdraw": _withdraw,
    "expire": _expire,
    "erase_biometrics": _erase,
    "cancel": _cancel,
    "stop": _stop,
}


def test_consent_that_ended_only_with_a_scan_left_is_swept(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    desk.accept(person_id, days_ago=1)
    with desk.school.database.transaction() as db:
        for template in db.exec(select(Template)):
            db.delete(template)
        for enrolment in db.exec(select(Enrolment)):
            enrolment.status = "withdrawn"
        db.exec(select(Consent)).one().expires_on = (now() - timedelta(days=2)).date()
        db.flush()
        assert enrollment.without_consent(db, now().date()) == [person_id]


def test_consent_that_ends_while_scans_are_compared_wins(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    desk.accept(person_id, days_ago=3)
    desk.accept(person_id, days_ago=2)
    desk.synced()
    desk.encoder.during = lambda: _withdraw(desk, [person_id])
    desk.work()
    assert (desk.made(), desk.waiting()) == ([], [])


def test_person_without_consent_is_refused(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    event = desk.seen(person_id, now())
    _withdraw(desk, [person_id])
    scan = desk.scan(event)
    assert desk.hand_over(scan).refused == (scan.id,)


def test_scans_expire_after_thirty_days(desk: ScanDesk) -> None:
    desk.accept(desk.enrolled(), days_ago=1)
    with desk.school.database.transaction() as db:
        assert scans.expire(db, now() + timedelta(days=28)) == 0
        assert scans.expire(db, now() + timedelta(days=30)) == 1


def test_removing_the_enrolment_removes_both_templates(desk: ScanDesk) -> None:
    person_id = desk.enrolled()
    desk.accept(person_id, days_ago=3)
    desk.accept(person_id, days_ago=2)
    desk.synced()
    desk.work()
    with desk.school.database.transaction() as db:
        enrollment.remove_enrolment(
            db, person_id, desk.made()[0].enrolment_id, actor="system", at=now()
        )
    assert desk.made() == []


def test_scan_under_a_missing_key_is_counted(desk: ScanDesk) -> None:
    desk.accept(desk.enrolled(), days_ago=1)
    with desk.school.database.transaction() as db:
        db.exec(select(WaitingScan)).one().key_id = "lost"
        db.flush()
        found = inventory(db, desk.school.vault, frozenset())
    assert [(one.what, one.count, one.key_id) for one in found] == [("templates", 1, "lost")]


def test_scan_travels_under_the_kiosks_own_key(desk: ScanDesk) -> None:
    event = desk.seen(desk.enrolled(), now())
    scan = desk.scan(event)
    packed = sealing.open_template(scan.sealed, desk.key, template_id=scan.id, dimension=4)
    assert tuple(sealing.unpack_values(packed)) == VALUES
