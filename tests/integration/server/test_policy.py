"""The policy's page: admins change it, the data protection officer reads it, versions remain."""

import re

import pytest
from pydantic import BaseModel
from sqlmodel import select
from starlette.testclient import TestClient

from models.stages.fuse import Evidence
from protocol.v1.policy import MOST_FRAMES
from server.accounts.service import ensure_admin
from server.app import open_storage
from server.audit.tables import AuditEntry
from server.config import Settings
from server.db.engine import Database
from server.errors import ConflictError
from server.policies import forms, service
from server.policies.schemas import PolicyInput, SchoolPolicy
from server.policies.tables import PolicyVersion
from server.web.principal import Role
from tests.integration.server.conftest import SignIn


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    """A client signed in as an admin."""
    return sign_in(Role.ADMIN)


def form(**changed: str) -> dict[str, str]:
    first = service.new_school_policy()
    default = {one.name: one.text_in(first) for one in forms.SETTINGS}
    return default | {"version": "0"} | changed


def in_force(client: TestClient) -> SchoolPolicy:
    return SchoolPolicy.model_validate(client.get("/api/v1/policy").json())


def test_a_change_is_a_new_version_with_an_entry_in_the_audit_trail(
    admin: TestClient, database: Database
) -> None:
    answer = admin.post("/policy", data=form(roster_fpir="0.00001", liveness="passive"))
    assert answer.status_code == 303
    policy = in_force(admin)
    assert (policy.version, policy.recognition.roster_fpir) == (1, 1e-5)
    assert policy.kiosk.liveness == "passive"
    with database.reading() as db:
        last = db.exec(select(AuditEntry).order_by("seq")).all()[-1]
    assert (last.action, last.details) == ("policy.set", {"version": 1})


def test_a_new_school_checks_faces_and_asks_when_unsure(
    admin: TestClient, database: Database
) -> None:
    assert in_force(admin).kiosk.liveness == "when_unsure"
    assert SchoolPolicy().kiosk.liveness == "off"
    with database.transaction() as db:
        assert service.current_policy(db).for_kiosks().kiosk.liveness == "when_unsure"


def test_a_school_that_has_set_a_policy_keeps_it(database: Database) -> None:
    with database.transaction() as db:
        service.set_policy(db, SchoolPolicy(), actor="system")
        service.begin_policy(db)
        assert service.current_policy(db).kiosk.liveness == "off"


def test_a_school_of_an_older_server_keeps_its_first_policy(settings: Settings) -> None:
    """Its first account is there already, so nothing begins."""
    older = Database(settings.sqlalchemy_url)
    with older.transaction() as db:
        ensure_admin(db)
    older.close()
    database, _ = open_storage(settings)
    with database.transaction() as db:
        assert service.current_policy(db).kiosk.liveness == "off"
    database.close()


@pytest.mark.parametrize("level", ["off", "passive", "when_unsure", "active"])
def test_every_level_can_be_chosen_and_says_what_it_does(admin: TestClient, level: str) -> None:
    admin.post("/policy", data=form(liveness=level))
    assert in_force(admin).kiosk.liveness == level
    assert f'value="{level}"' in admin.get("/policy").text


@pytest.mark.parametrize(
    ("level", "ways", "warns"),
    [
        ("passive", "", True),
        ("active", "", True),
        ("off", "", False),
        ("when_unsure", "teacher", False),
    ],
)
def test_checked_faces_without_another_way_are_warned_about(
    admin: TestClient, level: str, ways: str, *, warns: bool
) -> None:
    admin.post("/policy", data=form(liveness=level, fallbacks=ways))
    assert in_force(admin).kiosk.liveness == level
    page = admin.get("/policy").text
    assert ("Students whose face the kiosk cannot check have no other way" in page) is warns


def test_saving_what_is_in_force_makes_no_version(admin: TestClient) -> None:
    admin.post("/policy", data=form())
    assert in_force(admin).version == 0


def test_every_setting_survives_the_way_through_the_form(admin: TestClient) -> None:
    wanted = form(
        wide_fpir="0.000001",
        limit_ceiling="0.412",
        fixed_distance="0.4",
        minimum_margin="0.055",
        frames_to_agree="5",
        gallery="school",
        language="ar",
        not_me_s="7.5",
        keep_photos="false",
        photos_wanted="5",
        renew_after_days="200",
        opens_before_min="20",
        late_after_min="0",
        closes_after_start_min="30",
        absent_grace_min="5",
        duplicate_window_s="60",
    )
    admin.post("/policy", data=wanted)
    policy = in_force(admin)
    shown = {one.name: one.text_in(policy) for one in forms.SETTINGS}
    assert shown | {"version": "0"} == wanted


def test_an_optional_limit_can_be_taken_away_again(admin: TestClient) -> None:
    admin.post("/policy", data=form(limit_ceiling="0.4"))
    admin.post("/policy", data=form(limit_ceiling="", version="1"))
    assert in_force(admin).recognition.limit_ceiling is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frames_to_agree", "0"),
        ("frames_to_agree", "many"),
        ("minimum_margin", ""),
        ("roster_fpir", "0"),
        ("roster_fpir", "nan"),
        ("limit_ceiling", "-1"),
        ("late_after_min", "1e9"),
        ("liveness", "perhaps"),
        ("liveness", "x" * 500),
        ("keep_photos", "maybe"),
        ("keep_photos", ""),
        ("gallery", "world"),
        ("wide_fpir", "0.01"),
    ],
)
def test_what_cannot_be_is_named_at_its_field_and_nothing_is_saved(
    admin: TestClient, name: str, value: str
) -> None:
    answer = admin.post("/policy", data=form(**{name: value}))
    assert answer.status_code == 400
    assert "Nothing was saved" in answer.text
    assert answer.text.count("hint problem") == 1
    assert in_force(admin).version == 0


def test_the_range_of_a_number_is_said_in_words(admin: TestClient) -> None:
    answer = admin.post("/policy", data=form(frames_to_agree="11"))
    assert "from 1 to 10" in answer.text


def test_two_admins_do_not_overwrite_each_other(admin: TestClient) -> None:
    admin.post("/policy", data=form(late_after_min="7"))
    overtaken = admin.post("/policy", data=form(absent_grace_min="20"))
    assert overtaken.status_code == 400
    assert "Another person changed" in overtaken.text
    assert in_force(admin).attendance.absent_grace_min == 10

    shown = dict(re.findall(r'name="([a-z_]+)" type="number"[^>]* value="([^"]*)"', overtaken.text))
    admin.post("/policy", data=form(version="1", **shown))

    attendance = in_force(admin).attendance
    assert (attendance.late_after_min, attendance.absent_grace_min) == (7, 20)


def test_history_says_what_each_version_changed(admin: TestClient) -> None:
    admin.post("/policy", data=form(roster_fpir="0.001"))
    admin.post("/policy", data=form(roster_fpir="0.001", liveness="active", version="1"))
    page = admin.get("/policy").text
    history = re.sub(r"<[^>]+>|\s+", " ", page[page.index('id="history"') :])
    history = re.sub(" +", " ", history)
    assert history.index("Version 2") < history.index("Version 1")
    assert "Check that a person is standing there: Passive, ask when unsure → Active" in history
    assert "1 in 10,000 → 1 in 1,000" in history


def test_data_protection_reads_and_may_not_change(sign_in: SignIn) -> None:
    officer = sign_in(Role.DPO)
    page = officer.get("/policy")
    assert page.status_code == 200
    assert "disabled" in page.text
    assert '<button class="button primary">' not in page.text
    assert officer.post("/policy", data=form(late_after_min="7")).status_code == 403


@pytest.mark.parametrize("role", [Role.OFFICE, Role.TEACHER, Role.TECHNICIAN])
def test_others_do_not_see_the_page(sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    assert client.get("/policy").status_code == 403
    assert "/policy" not in client.get("/").text


def test_arabic_page_has_every_word(admin: TestClient) -> None:
    admin.cookies.set("rollcall_language", "ar")
    admin.post("/policy", data=form(liveness="passive"))
    page = admin.get("/policy")
    assert 'dir="rtl"' in page.text
    assert "policies." not in page.text


def test_the_same_version_set_twice_at_once_is_refused(
    admin: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.post("/policy", data=form(late_after_min="7"))
    # As if the other's version had been committed between reading and writing.
    monkeypatch.setattr(service, "_newest", lambda db: db.get_one(PolicyVersion, 0))
    with database.transaction() as db, pytest.raises(ConflictError):
        service.set_policy(db, SchoolPolicy(), actor="system")
    assert admin.post("/policy", data=form(late_after_min="9")).status_code == 400


def test_a_program_changes_what_it_names_and_nothing_else(admin: TestClient) -> None:
    admin.post("/policy", data=form(keep_photos="false", liveness="active"))
    answer = admin.put("/api/v1/policy", json={"enrolment": {"photos_wanted": 5}})
    assert answer.status_code == 200
    policy = in_force(admin)
    assert (policy.enrolment.keep_photos, policy.enrolment.photos_wanted) == (False, 5)
    assert policy.kiosk.liveness == "active"


def test_a_program_that_saw_an_older_version_is_refused(admin: TestClient) -> None:
    seen = admin.get("/api/v1/policy").json()
    admin.post("/policy", data=form(late_after_min="7"))
    assert admin.put("/api/v1/policy", json=seen).status_code == 409


def test_a_program_cannot_make_strangers_easier_to_take_for_others(admin: TestClient) -> None:
    body = {"recognition": {"wide_fpir": 0.01, "roster_fpir": 0.001}}
    assert admin.put("/api/v1/policy", json=body).status_code == 400
    assert in_force(admin).version == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-06, "0.000001"), (1e-13, "0.0000000000001"), (5.0, "5"), (0.4375, "0.4375"), (30, "30")],
)
def test_numbers_are_written_as_people_write_them(value: float, text: str) -> None:
    assert forms.plain(value) == text


def test_a_stored_number_of_frames_that_no_kiosk_could_reach_is_cut(
    admin: TestClient, database: Database
) -> None:
    document = {"recognition": {"frames_to_agree": 30}}
    with database.transaction() as db:
        db.add(PolicyVersion(version=1, document=document, created_by="system"))
    assert in_force(admin).recognition.frames_to_agree == MOST_FRAMES
    assert Evidence.kept == MOST_FRAMES


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"kiosk": {"liveness": "banana"}}, "liveness"),
        ({"kiosk": {"gallery": "town"}}, "gallery"),
        ({"kiosk": {"language": "tlh"}}, "language"),
        ({"kiosk": {"fallbacks": ["shout"]}}, "fallbacks"),
        ({"ages": {"without_year": "elder"}}, "without_year"),
        ({"attendence": {"late_after_min": 3}}, "attendence"),
        ({"attendance": {"late_after": 3}}, "late_after"),
        ({"recognition": {"threshold": 0.4}}, "threshold"),
        ({"enrolment": {"keep_photo": False}}, "keep_photo"),
        ({"kiosk": "off"}, "kiosk"),
    ],
)
def test_api_refuses_words_it_does_not_know(
    admin: TestClient, body: dict[str, object], named: str
) -> None:
    answer = admin.put("/api/v1/policy", json=body)

    assert answer.status_code == 422
    assert named in answer.text
    assert in_force(admin).version == 0


def test_api_takes_every_setting_that_it_gives(admin: TestClient) -> None:
    given = admin.get("/api/v1/policy").json()

    assert admin.put("/api/v1/policy", json=given).status_code == 200


def test_every_group_that_a_person_may_write_is_strict() -> None:
    own: list[type[BaseModel]] = [type(getattr(PolicyInput(), name)) for name in _groups()]
    groups: list[type[BaseModel]] = [PolicyInput, *own]

    assert all(one.model_config["extra"] == "forbid" for one in groups)


def _groups() -> list[str]:
    return [
        name
        for name, field in SchoolPolicy.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ]
