"""The kiosk's health for the server: one line for each part, only for parts that it has."""

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
from protocol.v1.messages import PartHealth, PartState

_CAMERA_STATES = {
    CameraHealth.OK: PartState.OK,
    CameraHealth.STARTING: PartState.DEGRADED,
    CameraHealth.FINISHED: PartState.ABSENT,
}
_RECOGNITION_STATES = {
    RecognitionHealth.OK: PartState.OK,
    RecognitionHealth.STARTING: PartState.DEGRADED,
}
_LINK_STATES = {LinkHealth.UP: PartState.OK, LinkHealth.DOWN: PartState.DEGRADED}
_DISK_STATES = {DiskHealth.OK: PartState.OK, DiskHealth.RECOVERED: PartState.DEGRADED}


def parts_of(health: Health) -> dict[str, PartHealth]:
    """Return the parts by name. Refused events are a part only while there are any."""
    parts = {
        "accelerator": _accelerator(health.accelerator),
        "camera": _camera(health.camera, health.mounting),
        "recognition": _recognition(health.recognition),
        "disk": PartHealth(
            state=_DISK_STATES.get(health.disk, PartState.FAILED), detail=health.disk
        ),
        "broker": PartHealth(
            state=_LINK_STATES.get(health.broker, PartState.FAILED), detail=health.broker
        ),
    }
    if health.refused:
        parts["refused"] = PartHealth(state=PartState.DEGRADED, detail=str(health.refused))
    return parts


def _accelerator(runs: AcceleratorState) -> PartHealth:
    """A kiosk on its processor alone has no accelerator that could work."""
    if runs.fault:
        return PartHealth(state=PartState.DEGRADED, detail=f"{runs.rung} {runs.fault}")
    is_used = runs.rung not in ("cpu", "none")
    return PartHealth(state=PartState.OK if is_used else PartState.ABSENT, detail=runs.rung)


def _camera(camera: CameraHealth, mounting: CameraMounting) -> PartHealth:
    if camera is CameraHealth.OK and mounting.fault:
        detail = f"{mounting.fault} {mounting.rotation_deg}"
        return PartHealth(state=PartState.DEGRADED, detail=detail)
    return PartHealth(state=_CAMERA_STATES.get(camera, PartState.FAILED), detail=camera)


def _recognition(state: RecognitionState) -> PartHealth:
    if state.health is RecognitionHealth.OK and state.left_out:
        detail = f"children are not recognised with {state.model}: {state.left_out} people"
        return PartHealth(state=PartState.DEGRADED, detail=detail)
    detail = f"{state.health} {state.model}".strip()
    sees = _RECOGNITION_STATES.get(state.health, PartState.FAILED)
    return PartHealth(state=sees, detail=detail)
