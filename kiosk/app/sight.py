"""Camera and recognition of a running kiosk, built from the settings."""

from collections.abc import Callable

from kiosk.config import Settings
from kiosk.domain.health import CameraHealth
from kiosk.domain.ports import Frame, GalleryView, RosterView
from kiosk.domain.sightings import Sighting
from kiosk.vision import Camera, SourceOptions, open_source
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.worker import RecognitionSettings, RecognitionWorker
from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store


def build_camera(settings: Settings, on_frame: Callable[[Frame], None]) -> Camera:
    """The camera the settings name; nothing is opened before its ``start``.

    Raises:
        CameraError: the setting makes no sense here.
    """
    options = SourceOptions(
        width_px=settings.camera_width_px,
        height_px=settings.camera_height_px,
        fps=settings.camera_fps,
        replay_fps=settings.replay_fps,
        is_looped=settings.replay_loop,
    )
    camera = open_source(settings.camera, options)
    camera.subscribe(on_frame=on_frame)
    return camera


class Sight:
    """Camera and recognition worker; started and stopped together.

    Args:
        settings: of the kiosk.
        camera: from `build_camera`.
        gallery: whose templates are compared.
        roster: who is due, and the limits.
        on_sighting: hears what is seen, on the worker's thread.

    Raises:
        ModelsError: a model is missing or cannot be opened.
    """

    def __init__(
        self,
        settings: Settings,
        camera: Camera,
        gallery: GalleryView,
        roster: RosterView,
        on_sighting: Callable[[Sighting], None],
    ) -> None:
        self._camera = camera
        pipeline = FacePipeline.open(
            default_store(),
            PipelineSettings(
                detector=settings.detector,
                near_detector=settings.near_detector,
                landmarks=settings.landmarks,
                embedder=settings.embedder,
                threads=settings.model_threads,
                runtime=settings.runtime,
            ),
        )
        self._worker = RecognitionWorker(
            camera,
            pipeline,
            Knowledge(gallery, roster),
            RecognitionSettings(max_fps=settings.max_fps),
            on_sighting,
        )

    @property
    def is_over(self) -> bool:
        """The replayed clip came to its end."""
        return self._camera.report().health is CameraHealth.FINISHED

    def start(self) -> None:
        """Open the camera and begin to look."""
        self._worker.start()
        self._camera.start()

    def stop(self) -> None:
        """End both; returns when the capture process is gone."""
        self._worker.stop()
        self._camera.stop()
