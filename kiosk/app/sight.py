"""Camera and recognition of a running kiosk, built from the settings."""

import threading
from collections.abc import Callable

from kiosk.config import Settings
from kiosk.domain.health import (
    AcceleratorState,
    CameraHealth,
    CameraMounting,
    RecognitionState,
)
from kiosk.domain.ports import Frame
from kiosk.domain.sightings import Sighting
from kiosk.errors import ModelMissingError
from kiosk.vision import Camera, SourceOptions, open_source
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.worker import RecognitionSettings, RecognitionWorker
from models.errors import ModelFileCorruptError, ModelFileMissingError, StoreError
from models.pipeline import FacePipeline, PipelineSettings
from models.runtime import AcceleratorSettings, LadderPolicy
from models.store import ModelStore, default_store

_FULL_TURN_DEG = 360
_FETCH = "rollcall-models install"


def build_camera(settings: Settings, on_frame: Callable[[Frame], None]) -> Camera:
    """Return the camera that the settings name; ``start`` opens it.

    Raises:
        CameraError: the setting is invalid here.
    """
    options = SourceOptions(
        width_px=settings.camera_width_px,
        height_px=settings.camera_height_px,
        fps=settings.camera_fps,
        replay_fps=settings.replay_fps,
        is_looped=settings.replay_loop,
        rotation_deg=int(settings.camera_rotation),
        is_mirrored=settings.camera_mirror,
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
    """

    def __init__(
        self,
        settings: Settings,
        camera: Camera,
        knowledge: Knowledge,
        on_sighting: Callable[[Sighting], None],
    ) -> None:
        self._camera = camera
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
        self._opened_pipeline: FacePipeline | None = None
        self._worker = RecognitionWorker(
            camera,
            self._opened,
            knowledge,
            RecognitionSettings(max_fps=settings.max_fps),
            on_sighting,
        )
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
        pipeline = self._opened_pipeline
        if pipeline is None:
            return AcceleratorState()
        status = pipeline.accelerator
        return AcceleratorState(status.rung, status.fault or "", status.since)

    def embedder(self) -> str | None:
        """Id of the model whose templates are compared; None until it is open."""
        pipeline = self._opened_pipeline
        return None if pipeline is None else pipeline.embedder_card.id

    def start(self) -> None:
        """Open the camera and begin to look."""
        if not self._camera.spec.is_replay:
            self._camera.start()
        self._worker.start()

    def stop(self) -> None:
        """End both; returns when the processes of camera and accelerator are gone."""
        self._worker.stop()
        if self._opened_pipeline is not None:
            self._opened_pipeline.close()
        self._camera.stop()

    def _opened(self) -> FacePipeline:
        """Open the models. Worker's thread.

        Raises:
            ModelMissingError: one is not here or damaged.
            ModelsError: one cannot be used.
        """
        store = default_store()
        try:
            pipeline = FacePipeline.open(store, self._pipeline)
        except (ModelFileMissingError, ModelFileCorruptError) as exc:
            raise _missing(store, self._pipeline, exc) from exc
        self._opened_pipeline = pipeline
        if self._camera.spec.is_replay and not self.is_ready:
            self._camera.start()
        self._is_open.set()
        return pipeline


def _missing(store: ModelStore, pipeline: PipelineSettings, error: StoreError) -> ModelMissingError:
    """Say which of the models it is: the first that cannot be read."""
    wanted = (pipeline.detector, pipeline.near_detector, pipeline.landmarks, pipeline.embedder)
    for reference in filter(None, wanted):
        try:
            store.load(reference)
        except (ModelFileMissingError, ModelFileCorruptError) as exc:
            return ModelMissingError(str(exc), model=reference, command=_FETCH)
        except StoreError:
            continue
    return ModelMissingError(str(error), model="", command=_FETCH)
