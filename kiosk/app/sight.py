"""Camera and recognition of a running kiosk, built from the settings."""

import threading
from collections.abc import Callable
from dataclasses import replace

from kiosk.app.camera_turning import turn_of
from kiosk.config import Settings
from kiosk.domain.camera_turn import CameraTurn
from kiosk.domain.health import (
    AcceleratorState,
    CameraHealth,
    CameraMounting,
    RecognitionState,
)
from kiosk.domain.networks import NetworkState, Wanted, wanted_networks
from kiosk.domain.ports import Frame
from kiosk.domain.sightings import Sighting
from kiosk.errors import ModelMissingError, NetworkMissingError, OtherNetworkError
from kiosk.vision import Camera, SourceOptions, open_source
from kiosk.vision.inspection import FaceObserver, InspectionListener
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.shadow import ShadowHooks, ShadowWorker
from kiosk.vision.worker import RecognitionSettings, RecognitionWorker
from models.errors import (
    ModelFileCorruptError,
    ModelFileMissingError,
    StoreError,
    UnknownModelError,
)
from models.pipeline import FacePipeline, OpenEmbedder, PipelineSettings, open_embedder
from models.runtime import AcceleratorSettings, LadderPolicy
from models.store import ModelStore, default_store
from models.store.selection import AUTO, BUNDLED_EMBEDDER
from protocol.v1.messages import NetworkChoice

_FULL_TURN_DEG = 360
_FETCH = "rollcall-models install"


def build_camera(
    settings: Settings, on_frame: Callable[[Frame], None], turn: CameraTurn | None = None
) -> Camera:
    """Return the camera that the settings name; ``start`` opens it.

    Args:
        settings: of the kiosk.
        on_frame: called with each frame on the camera's thread.
        turn: how pictures are turned; None: as the settings say.

    Raises:
        CameraError: the setting is invalid here.
    """
    turn = turn or turn_of(settings)
    options = SourceOptions(
        width_px=settings.camera_width_px,
        height_px=settings.camera_height_px,
        fps=settings.camera_fps,
        replay_fps=settings.replay_fps,
        is_looped=settings.replay_loop,
        rotation_deg=turn.rotation_deg,
        is_mirrored=turn.is_mirrored,
    )
    camera = open_source(settings.camera, options)
    camera.subscribe(on_frame=on_frame)
    return camera


class Sight:
    """Camera and recognition worker; started and stopped together.

    A live camera starts at once, so that people see themselves while the models are opened or
    missing; a clip waits for the models, as nothing of it may be missed.

    Args:
        settings: of the kiosk.
        camera: from `build_camera`.
        knowledge: whose templates are compared, who is due, and the limits.
        on_sighting: hears what is seen, on the worker's thread.
        shadow_hooks: hear how the next network compares, while the school changes its network.
    """

    def __init__(
        self,
        settings: Settings,
        camera: Camera,
        knowledge: Knowledge,
        on_sighting: Callable[[Sighting], None],
        shadow_hooks: ShadowHooks | None = None,
    ) -> None:
        self._camera = camera
        self._setting = settings.embedder
        self._choice: NetworkChoice | None = None
        self._is_started = False
        self._pipeline = PipelineSettings(
            detector=settings.detector,
            near_detector=settings.near_detector,
            landmarks=settings.landmarks,
            embedder=settings.embedder,
            threads=settings.model_threads,
            runtime=settings.runtime,
            accelerator=AcceleratorSettings(
                use=settings.accelerator,
                library=settings.accelerator_library,
                device=settings.accelerator_device,
                runtime=settings.accelerator_runtime,
                policy=LadderPolicy(inference_deadline_s=settings.accelerator_deadline_s),
            ),
        )
        self._shadow = ShadowWorker(self._opened_next, knowledge, shadow_hooks or ShadowHooks())
        self._worker = RecognitionWorker(
            camera,
            self._opened,
            knowledge,
            RecognitionSettings(max_fps=settings.max_fps),
            on_sighting,
            next_network=self._shadow,
        )
        camera.subscribe(on_turn=self._worker.forget_mounting)
        self._is_open = threading.Event()

    @property
    def is_ready(self) -> bool:
        """The models were opened."""
        return self._is_open.is_set()

    @property
    def is_over(self) -> bool:
        """The replayed clip came to its end."""
        return self._camera.report().health is CameraHealth.FINISHED

    @property
    def is_broken(self) -> bool:
        """The camera or clip gives no pictures, and not because it is over."""
        return self._camera.report().health is CameraHealth.GONE

    def state(self) -> RecognitionState:
        """Whether faces are compared, and otherwise what is missing."""
        return self._worker.state()

    def mounting(self) -> CameraMounting:
        """How the camera seems to hang, and the setting that would make up for it."""
        turn_deg = self._worker.turn_deg()
        set_deg = self._camera.spec.options.rotation_deg
        return CameraMounting(turn_deg, (set_deg + turn_deg) % _FULL_TURN_DEG)

    def accelerator(self) -> AcceleratorState:
        """What runs the embedding network, since when and why."""
        pipeline = self._worker.models
        if not isinstance(pipeline, FacePipeline):
            return AcceleratorState()
        status = pipeline.accelerator
        return AcceleratorState(status.rung, status.fault or "", status.since)

    def network(self) -> NetworkState:
        """Which networks are open: the one that decides, and the next one beside it."""
        models, shadow = self._worker.models, self._shadow.state()
        current = "" if models is None else models.embedder_card.id
        return NetworkState(current, current == BUNDLED_EMBEDDER, shadow.model_id, shadow.fault)

    def follow(self, choice: NetworkChoice | None) -> None:
        """Use the networks that the school chose, without a restart. From any thread.

        The models are opened again on another thread; until then faces are compared with the
        present ones. The next network never decides.
        """
        before, self._choice = self._choice, choice
        wanted, was_wanted = self._wanted(), wanted_networks(self._setting, AUTO, before)
        following = wanted.next if self._is_followed(wanted) else None
        self._shadow.follow(following, collects_scans=wanted.collects_scans)
        is_same = (wanted.embedder, _current(choice)) == (was_wanted.embedder, _current(before))
        if self._is_started and not is_same:
            self._worker.reopen()

    def inspect(self, listener: InspectionListener | None) -> None:
        """Show pictures to a technician instead of recognising people; None: go on as before."""
        self._worker.inspect(listener)

    def observe_faces(self, observer: FaceObserver | None) -> None:
        """Show the faces of inspected pictures to a test; None: end it."""
        self._worker.observe_faces(observer)

    def start(self) -> None:
        """Open the camera and begin to look."""
        if not self._camera.spec.is_replay:
            self._camera.start()
        self._is_started = True
        self._worker.start()
        self._shadow.start()

    def stop(self) -> None:
        """End both; returns when the processes of camera and accelerator are gone."""
        self._worker.stop()
        self._shadow.stop()
        if self._worker.models is not None:
            self._worker.models.close()
        self._camera.stop()

    def _wanted(self) -> Wanted:
        return wanted_networks(self._setting, AUTO, self._choice)

    def _is_followed(self, wanted: Wanted) -> bool:
        """Whether the network to open is the school's; its templates are the ones compared."""
        choice = self._choice
        return choice is None or _card_id(default_store(), wanted.embedder) == choice.current

    def _opened(self) -> FacePipeline:
        """Open the models of the network that is wanted. Worker's thread, or one for the models.

        Raises:
            ModelMissingError: one is not here or damaged.
            OtherNetworkError: the settings name another network than the school's.
            ModelsError: one cannot be used.
        """
        store, wanted = default_store(), self._wanted()
        if not self._is_followed(wanted):
            raise OtherNetworkError(wanted.embedder, _current(self._choice))
        settings = replace(self._pipeline, embedder=wanted.embedder)
        try:
            pipeline = FacePipeline.open(store, settings)
        except (ModelFileMissingError, ModelFileCorruptError, UnknownModelError) as exc:
            raise _missing(store, settings, exc, by_school=wanted.is_named_by_school) from exc
        if self._camera.spec.is_replay and not self.is_ready:
            self._camera.start()
        self._is_open.set()
        return pipeline

    def _opened_next(self, model_id: str) -> OpenEmbedder:
        """Open the next network beside the current one. The shadow worker's thread.

        Raises:
            NetworkMissingError: it is not here or damaged.
            ModelsError: it cannot be used.
        """
        store = default_store()
        settings = replace(self._pipeline, embedder=model_id)
        try:
            return open_embedder(store, settings)
        except (ModelFileMissingError, ModelFileCorruptError, UnknownModelError) as exc:
            raise _network_missing(model_id, exc) from exc


def _current(choice: NetworkChoice | None) -> str:
    return "" if choice is None else choice.current


def _card_id(store: ModelStore, reference: str) -> str:
    """Return the card that a reference names; the reference itself where no card has it."""
    try:
        return store.find(reference)[0].id
    except UnknownModelError:
        return reference


def _network_missing(model_id: str, error: StoreError) -> NetworkMissingError:
    is_damaged = isinstance(error, ModelFileCorruptError)
    state = "is damaged on this kiosk" if is_damaged else "is not installed on this kiosk"
    return NetworkMissingError(
        f"the network {model_id} {state}: {error}",
        model=model_id,
        command=f"{_FETCH} {model_id}",
        is_damaged=is_damaged,
    )


def _missing(
    store: ModelStore, pipeline: PipelineSettings, error: StoreError, *, by_school: bool
) -> ModelMissingError:
    """Say which of the models it is: the first that cannot be read."""
    wanted = (pipeline.detector, pipeline.near_detector, pipeline.landmarks, pipeline.embedder)
    for reference in filter(None, wanted):
        try:
            store.load(reference)
        except (ModelFileMissingError, ModelFileCorruptError, UnknownModelError) as exc:
            if by_school and reference == pipeline.embedder:
                return _network_missing(reference, exc)
            if isinstance(exc, UnknownModelError):
                raise
            return ModelMissingError(str(exc), model=reference, command=_FETCH)
        except StoreError:
            continue
    return ModelMissingError(str(error), model="", command=_FETCH)
