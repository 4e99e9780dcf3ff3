"""What the kiosk reports of its parts: nothing works that it does not have or that is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.app.parts import parts_of
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
from kiosk.domain.networks import NetworkFault, NetworkState
from protocol.v1.messages import ClockSource, PartState, Status

DISK_FAULTS = (DiskHealth.FULL, DiskHealth.FAILING, DiskHealth.NEARLY_FULL)
OUTBOX_FAULTS = (DiskHealth.OUTBOX_FULL, DiskHealth.OUTBOX_NEARLY_FULL, DiskHealth.RECOVERED)
HEALTHS = st.builds(
    Health,
    server=st.sampled_from(LinkHealth),
    broker=st.sampled_from(LinkHealth),
    refused=st.integers(0, 500),
    set_aside=st.integers(0, 3),
    lost=st.integers(0, 3),
    clock=st.sampled_from(ClockSource),
    clock_offset_ms=st.none() | st.floats(-1e14, 1e14),
    renewed=st.sampled_from([(), ("gallery",), ("gallery", "scans", "config")]),
    camera=st.sampled_from(CameraHealth),
    mounting=st.builds(
        CameraMounting, st.sampled_from([0, 90, 180, 270]), st.sampled_from([0, 90, 180, 270])
    ),
    recognition=st.builds(
        RecognitionState,
        st.sampled_from(RecognitionHealth),
        st.just("sface-2021dec"),
        st.just("rollcall-models install sface-2021dec"),
        left_out=st.integers(0, 5000),
        school=st.just("dlib-resnet-v1"),
    ),
    network=st.builds(
        NetworkState,
        st.sampled_from(["", "dlib-resnet-v1"]),
        st.booleans(),
        st.sampled_from(["", "sface-2021dec"]),
        st.sampled_from(NetworkFault),
    ),
    accelerator=st.builds(
        AcceleratorState,
        st.sampled_from(["edgetpu", "cpu", "none"]),
        st.sampled_from(["", "absent", "refused", "hung"]),
    ),
    disk=st.sampled_from(DiskHealth),
)


@given(HEALTHS)
def test_ok_means_that_it_is_there_and_works(health: Health) -> None:
    ok = {name for name, part in parts_of(health).items() if part.state == PartState.OK}

    assert "refused" not in ok
    assert ("accelerator" in ok) == (
        health.accelerator.rung == "edgetpu" and not health.accelerator.fault
    )
    assert ("camera" in ok) == (health.camera is CameraHealth.OK and health.mounting.turn_deg == 0)
    assert ("broker" in ok) == (health.broker is LinkHealth.UP)
    assert ("recognition" in ok) == (
        health.recognition.health is RecognitionHealth.OK and not health.recognition.left_out
    )
    assert ("recognition_network" in ok) == (
        bool(health.network.current) and health.network.next_fault is NetworkFault.NONE
    )
    assert ("disk" in ok) == (health.disk not in DISK_FAULTS)
    assert ("outbox" in ok) == (
        health.disk not in OUTBOX_FAULTS and not health.lost and not health.set_aside
    )
    assert ("server" in ok) == (health.server is LinkHealth.UP)
    assert "storage" not in ok


@given(HEALTHS)
def test_the_parts_travel_in_a_status(health: Health) -> None:
    status = Status(online=True, parts=parts_of(health))

    assert Status.model_validate_json(status.model_dump_json()).parts == status.parts


@pytest.mark.parametrize(("refused", "is_said"), [(0, False), (1, True), (40, True)])
def test_refused_events_are_a_part_only_while_there_are_any(refused: int, is_said: bool) -> None:
    assert ("refused" in parts_of(Health(refused=refused))) is is_said


@pytest.mark.parametrize(
    ("turn_deg", "rotation_deg", "detail"),
    [(180, 180, "upside_down 180"), (90, 270, "on_its_side 270"), (270, 0, "on_its_side 0")],
)
def test_a_turned_camera_says_which_setting_would_help(
    turn_deg: int, rotation_deg: int, detail: str
) -> None:
    mounting = CameraMounting(turn_deg, rotation_deg)
    camera = parts_of(Health(camera=CameraHealth.OK, mounting=mounting))["camera"]

    assert (camera.state, camera.detail) == (PartState.DEGRADED, detail)


def test_children_who_are_left_out_are_counted_and_the_network_is_named() -> None:
    state = RecognitionState(RecognitionHealth.OK, "dlib-resnet-v1", left_out=12)

    found = parts_of(Health(recognition=state))["recognition"]

    assert found.state == PartState.DEGRADED
    assert found.detail == "children are not recognised with dlib-resnet-v1: 12 people"


def test_a_camera_that_gives_no_picture_says_that_first() -> None:
    health = Health(camera=CameraHealth.GONE, mounting=CameraMounting(180, 180))

    assert parts_of(health)["camera"].detail == "gone"


@pytest.mark.parametrize(
    ("offset_ms", "state", "detail"),
    [
        (None, "ok", "ntp"),
        (29_000, "ok", "ntp"),
        (-31_000, "degraded", "off 1 minutes"),
        (20 * 60_000, "degraded", "off 20 minutes"),
        (-3 * 3_600_000, "degraded", "off 3 hours"),
        (56 * 365.25 * 86_400_000, "degraded", "off 20454 days"),
    ],
)
def test_a_clock_that_is_off_says_by_how_much(
    offset_ms: float | None, state: str, detail: str
) -> None:
    clock = parts_of(Health(clock=ClockSource.NTP, clock_offset_ms=offset_ms))["clock"]

    assert (clock.state, clock.detail) == (state, detail)


@pytest.mark.parametrize(
    ("health", "state", "detail"),
    [
        (Health(disk=DiskHealth.OUTBOX_FULL, waiting=9, lost=2), "failed", "full 9"),
        (Health(disk=DiskHealth.OUTBOX_NEARLY_FULL, waiting=9), "degraded", "nearly_full 9"),
        (Health(disk=DiskHealth.RECOVERED, lost=2, set_aside=7), "degraded", "lost 2"),
        (Health(disk=DiskHealth.RECOVERED, set_aside=7), "degraded", "recovered"),
        (Health(set_aside=7), "degraded", "set_aside 7"),
    ],
)
def test_the_worst_about_the_outbox_is_said_with_its_number(
    health: Health, state: str, detail: str
) -> None:
    outbox = parts_of(health)["outbox"]

    assert (outbox.state, outbox.detail) == (state, detail)
