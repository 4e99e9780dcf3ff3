"""The kiosk's health for the server: one line for each part, only for parts that it has."""

from kiosk.app.record_parts import record_parts
from kiosk.domain.health import (
    AcceleratorState,
    CameraHealth,
    CameraMounting,
    Health,
    LinkHealth,
    RecognitionHealth,
    RecognitionState,
)
from kiosk.domain.networks import NetworkFault, NetworkState
from protocol.v1.messages import PartHealth, PartState

BUNDLED_WORDS = "This kiosk uses the network that comes with Rollcall, which is less accurate"
_NEXT_WORDS = {
    NetworkFault.NONE: "is compared beside it",
    NetworkFault.MISSING: "is not installed on this kiosk",
    NetworkFault.DAMAGED: "is damaged on this kiosk",
    NetworkFault.FAILING: "cannot be opened",
}

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


def parts_of(health: Health) -> dict[str, PartHealth]:
    """Return the parts by name. Refused events are a part only while there are any."""
    parts = {
        "accelerator": _accelerator(health.accelerator),
        "camera": _camera(health.camera, health.mounting),
        "recognition": _recognition(health.recognition),
        "broker": PartHealth(
            state=_LINK_STATES.get(health.broker, PartState.FAILED), detail=health.broker
        ),
    }
    if health.network.current or health.network.next:
        parts["recognition_network"] = _network(health.network)
    parts |= record_parts(health)
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
    sees = _RECOGNITION_STATES.get(state.health, PartState.FAILED)
    said = {
        RecognitionHealth.NETWORK_MISSING: f"the network {state.model} is not installed on this"
        f" kiosk: run {state.command}",
        RecognitionHealth.NETWORK_DAMAGED: f"the network {state.model} is damaged on this kiosk:"
        f" run {state.command}",
        RecognitionHealth.OTHER_NETWORK: f"this kiosk recognises nobody: its settings name the"
        f" network {state.model}, the school uses {state.school}",
    }
    plain = f"{state.health} {state.model}".strip()
    return PartHealth(state=sees, detail=said.get(state.health, plain))


def _network(networks: NetworkState) -> PartHealth:
    """Say which networks are open, and what is wrong with the next one."""
    said = [networks.current] if networks.current else []
    if networks.is_bundled:
        said.append(BUNDLED_WORDS)
    if networks.next:
        said.append(f"the next network {networks.next} {_NEXT_WORDS[networks.next_fault]}")
    is_whole = bool(networks.current) and networks.next_fault is NetworkFault.NONE
    state = PartState.OK if is_whole else PartState.DEGRADED
    return PartHealth(state=state, detail="; ".join(said))
