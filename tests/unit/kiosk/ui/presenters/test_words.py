"""What each presenter says about each state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kiosk.domain.health import (
    AcceleratorState,
    CameraHealth,
    CameraMounting,
    DiskHealth,
    Health,
    LinkHealth,
    RecognitionHealth,
    RecognitionState,
)
from kiosk.domain.liveness import Motion
from kiosk.domain.screens import (
    Elsewhere,
    Looking,
    Notice,
    NoticeReason,
    NotRecognised,
    NotRecognisedReason,
    ProveAlive,
    Ready,
    RunningLesson,
    Welcome,
)
from kiosk.domain.sightings import Hint
from kiosk.ui.catalogue import Catalogue, load_catalogue
from kiosk.ui.presenters.answer import AnswerPresenter, answer_view
from kiosk.ui.presenters.camera import CameraPresenter
from kiosk.ui.presenters.health import MAX_ITEMS, health_view
from kiosk.ui.presenters.looking import looking_view
from kiosk.ui.presenters.proving import proving_view
from kiosk.ui.presenters.ready import ReadyPresenter, Senses, ready_view
from kiosk.ui.presenters.welcome import welcome_view
from protocol.v1.messages import ArrivalStatus, ClockSource

AT = datetime(2026, 11, 23, 8, 6, tzinfo=UTC)
LESSON = RunningLesson("Maths", AT - timedelta(minutes=6), AT + timedelta(minutes=44))
WELL = Health(
    server=LinkHealth.UP,
    broker=LinkHealth.UP,
    templates=3,
    camera=CameraHealth.OK,
    clock=ClockSource.NTP,
)


def test_ready_says_lesson_time_and_where_to_look(words: Catalogue) -> None:
    view = ready_view(Ready("R12", LESSON), words, Senses())
    assert (view.title, view.hours) == ("Maths", "09:00 \u2013 09:50")
    assert view.instruction == "Look at the camera"


def test_ready_without_a_lesson_invites_nobody(words: Catalogue) -> None:
    view = ready_view(Ready("R12", None), words, Senses())
    assert view.title == "No class in this room right now"
    assert (view.hours, view.instruction) == ("", "")


def test_ready_says_that_the_school_is_closed_unless_there_is_a_lesson(words: Catalogue) -> None:
    closed = ready_view(Ready("R12", None, is_holiday=True), words, Senses())
    assert closed.title == "The school is closed today"
    assert ready_view(Ready("R12", LESSON, is_holiday=True), words, Senses()).title == "Maths"


def test_ready_sends_nobody_to_a_camera_that_does_not_see(words: Catalogue) -> None:
    view = ready_view(Ready("R12", LESSON), words, Senses(sees=False))
    assert view.instruction == ""


def test_ready_says_when_the_kiosk_knows_nobody(words: Catalogue) -> None:
    presenter = ReadyPresenter(words)
    presenter.show(Ready("R12", LESSON))
    presenter.show_health(Health(camera=CameraHealth.OK, templates=0))
    assert presenter.current.instruction == "No faces stored here yet"
    presenter.show_health(WELL)
    assert presenter.current.instruction == "Look at the camera"


@pytest.mark.parametrize("hint", Hint)
def test_every_hint_has_its_words_and_sign(words: Catalogue, hint: Hint) -> None:
    view = looking_view(Looking(0.5, hint), words)
    assert view.hint
    assert view.icon
    assert view.progress == 0.5


@pytest.mark.parametrize(("given", "shown"), [(-1.0, 0.0), (0.4, 0.4), (7.0, 1.0)])
def test_the_ring_is_never_less_than_empty_or_more_than_full(
    words: Catalogue, given: float, shown: float
) -> None:
    assert looking_view(Looking(given), words).progress == shown


def test_present_and_late_differ_in_words_sign_and_tone(words: Catalogue) -> None:
    present = welcome_view(Welcome("Ana L.", ArrivalStatus.PRESENT), words, AT)
    late = welcome_view(Welcome("Ana L.", ArrivalStatus.LATE, 6), words, AT)
    assert (present.status, present.icon, present.tone) == ("Present", "check", "accent")
    assert (late.status, late.icon, late.tone) == ("Late by 6 minutes", "clock", "late")
    assert present.recorded == "Recorded at 09:06"


def test_lateness_follows_the_grammar_of_the_language(arabic: Catalogue) -> None:
    late = welcome_view(Welcome("ليلى م.", ArrivalStatus.LATE, 2), arabic, AT)
    assert late.status == "متأخر دقيقتين"


def test_a_repeat_says_so_and_claims_no_new_record(words: Catalogue) -> None:
    again = Welcome("Ana L.", ArrivalStatus.PRESENT, can_undo=False, already_marked=True)
    view = welcome_view(again, words, AT)
    assert view.greeting == "You are already on the list"
    assert view.recorded == ""
    assert not view.can_undo


def test_elsewhere_names_the_room(words: Catalogue) -> None:
    view = answer_view(Elsewhere("Ana L.", "R14"), words)
    assert view.title == "You are expected in R14"
    assert view.name == "Ana L."


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        ("Room 12", "Room\u00a012"),
        ("Science lab 3 north", "Science lab\u00a03 north"),
        ("12 13 14", "12 13 14"),
        ("教室 12", "教室\u00a012"),
        ("Wing B2 east", "Wing B2 east"),
    ],
)
def test_a_line_breaks_between_the_words_of_a_room_but_not_before_its_number(
    words: Catalogue, room: str, shown: str
) -> None:
    view = answer_view(Elsewhere("Ana L.", room), words)
    assert view.title == f"You are expected in {shown}"


@pytest.mark.parametrize("reason", NotRecognisedReason)
def test_not_recognised_is_neutral_and_offers_the_teacher(
    words: Catalogue, reason: NotRecognisedReason
) -> None:
    view = answer_view(NotRecognised(reason), words)
    said = f"{view.title} {view.body}".lower()
    assert "teacher" in said
    assert not {"denied", "failed", "error", "unauthorised", "wrong"} & set(said.split())
    assert view.tone == "calm"


@pytest.mark.parametrize("reason", NoticeReason)
def test_every_notice_says_why_and_what_to_do(words: Catalogue, reason: NoticeReason) -> None:
    view = answer_view(Notice(reason), words)
    assert view.title
    assert "teacher" in view.body


def test_loading_has_its_own_words(words: Catalogue) -> None:
    presenter = AnswerPresenter(words)
    presenter.show_loading()
    assert presenter.current.title == "Getting ready"


def test_a_healthy_kiosk_says_only_that_it_is_connected(words: Catalogue) -> None:
    assert [item.words for item in health_view(WELL, words).items] == ["Connected"]


def test_offline_says_since_when_and_how_much_waits(words: Catalogue) -> None:
    health = Health(
        offline_since=AT, waiting=3, templates=1, camera=CameraHealth.OK, clock=ClockSource.RTC
    )
    said = [item.words for item in health_view(health, words).items]
    assert said == ["Offline since 09:06", "3 records waiting"]


def test_the_worst_comes_first_and_the_strip_never_overflows(words: Catalogue) -> None:
    health = Health(
        offline_since=AT,
        waiting=1,
        refused=2,
        camera=CameraHealth.BLACK,
        clock=ClockSource.UNSYNCED,
        disk=DiskHealth.FULL,
    )
    items = health_view(health, words).items
    assert [item.severity for item in items[:2]] == ["alarm", "alarm"]
    assert len(items) == MAX_ITEMS


@pytest.mark.parametrize("camera", [CameraHealth.GONE, CameraHealth.BLACK, CameraHealth.FROZEN])
def test_a_camera_in_trouble_is_said_in_both_places(words: Catalogue, camera: CameraHealth) -> None:
    presenter = CameraPresenter(words)
    presenter.note_picture()
    presenter.show(camera)
    assert presenter.current.trouble
    assert presenter.current.remedy
    assert not presenter.current.has_picture
    strip = health_view(Health(camera=camera, clock=ClockSource.NTP), words)
    assert strip.items[0].icon == "camera-off"


@pytest.mark.parametrize(
    ("turn_deg", "said"),
    [
        (180, "The camera seems to be mounted upside down"),
        (90, "The camera seems to be turned on its side"),
        (270, "The camera seems to be turned on its side"),
    ],
)
def test_a_turned_camera_is_said_and_people_are_sent_to_the_teacher(
    words: Catalogue, turn_deg: int, said: str
) -> None:
    health = replace(WELL, mounting=CameraMounting(turn_deg, turn_deg))
    presenter = ReadyPresenter(words)
    presenter.show(Ready("R12", LESSON))
    presenter.show_health(health)
    (item,) = health_view(health, words).items
    assert (item.words, item.severity) == (said, "alarm")
    assert presenter.current.instruction == "Please ask the teacher"
    presenter.show_health(WELL)
    assert presenter.current.instruction == "Look at the camera"


def test_a_camera_without_a_picture_is_not_called_turned(words: Catalogue) -> None:
    health = replace(WELL, camera=CameraHealth.GONE, mounting=CameraMounting(180, 180))
    assert [item.words for item in health_view(health, words).items] == ["No camera"]


def test_a_camera_that_works_again_shows_its_picture(words: Catalogue) -> None:
    presenter = CameraPresenter(words)
    presenter.show(CameraHealth.GONE)
    presenter.show(CameraHealth.OK)
    presenter.note_picture()
    assert presenter.current.has_picture
    assert presenter.current.trouble == ""


@pytest.mark.parametrize("disk", [disk for disk in DiskHealth if disk is not DiskHealth.OK])
def test_every_fault_of_the_disk_has_words(words: Catalogue, disk: DiskHealth) -> None:
    health = Health(server=LinkHealth.UP, camera=CameraHealth.OK, clock=ClockSource.NTP, disk=disk)
    assert [item.icon for item in health_view(health, words).items] == ["disk"]


def test_an_accelerator_that_should_serve_is_missed(words: Catalogue) -> None:
    hung = AcceleratorState("cpu", "hung", AT)
    health = Health(server=LinkHealth.UP, accelerator=hung, clock=ClockSource.NTP)
    (item,) = health_view(health, words).items
    assert item.words == "Accelerator off since 09:06"


@pytest.mark.parametrize(
    "runs",
    [AcceleratorState(), AcceleratorState("cpu", "", AT), AcceleratorState("edgetpu", "", AT)],
)
def test_nothing_is_said_of_an_accelerator_that_serves_or_is_not_wanted(
    words: Catalogue, runs: AcceleratorState
) -> None:
    health = Health(server=LinkHealth.UP, accelerator=runs, clock=ClockSource.NTP)
    assert [item.words for item in health_view(health, words).items] == ["Connected"]


def test_a_missing_model_is_named_with_what_brings_it(words: Catalogue) -> None:
    missing = RecognitionState(
        RecognitionHealth.MODEL_MISSING, "face-mesh", "rollcall-models install"
    )
    health = Health(server=LinkHealth.UP, templates=3, recognition=missing, clock=ClockSource.NTP)
    (item,) = health_view(health, words).items
    assert item.words == "Model face-mesh is missing or damaged: run rollcall-models install"
    presenter = ReadyPresenter(words)
    presenter.show(Ready("R12", LESSON))
    presenter.show_health(health)
    assert presenter.current.instruction == "Please ask the teacher"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_each_fault_of_the_network_has_words_of_its_own(language: str) -> None:
    words = load_catalogue(language, ZoneInfo("UTC"))
    faults = [
        RecognitionState(RecognitionHealth.NETWORK_MISSING, "sface", "install sface"),
        RecognitionState(RecognitionHealth.NETWORK_DAMAGED, "sface", "install sface"),
        RecognitionState(RecognitionHealth.OTHER_NETWORK, "sface", school="dlib"),
    ]
    views = [
        health_view(Health(server=LinkHealth.UP, clock=ClockSource.NTP, recognition=state), words)
        for state in faults
    ]

    said = [view.items[0].words for view in views]
    assert len(set(said)) == 3
    assert {view.items[0].severity for view in views} == {"alarm"}
    assert all("install sface" in one for one in said[:2])
    if language == "en":
        assert said[0].startswith("The network sface is not installed on this kiosk")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_each_motion_asked_for_has_words_of_its_own(language: str) -> None:
    words = load_catalogue(language, ZoneInfo("UTC"))
    views = [proving_view(ProveAlive(motion), words) for motion in Motion]

    assert len({view.title for view in views}) == len(Motion)
    assert [view.motion for view in views] == [motion.value for motion in Motion]
    assert proving_view(ProveAlive(Motion.BLINK, 0.25), words).left == 0.25
