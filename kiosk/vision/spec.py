"""What a camera setting means: a camera, a pipeline, or a clip to replay."""

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import cv2

from kiosk.domain.camera_turn import CameraTurn
from kiosk.errors import CameraError

REPLAY_PREFIX = "replay:"
IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})


class SourceKind(StrEnum):
    """Where frames come from."""

    CAMERA_INDEX = "camera_index"
    V4L2_PATH = "v4l2_path"
    GSTREAMER = "gstreamer"
    REPLAY_VIDEO = "replay_video"
    REPLAY_FOLDER = "replay_folder"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How frames are asked for.

    Attributes:
        width_px: asked of a camera; it may give another size. Clips keep theirs.
        height_px: likewise.
        fps: asked of a camera, and the pace of a folder of images.
        replay_fps: pace of a clip; None for the clip's own.
        is_looped: a clip begins again at its end.
        rotation_deg: 0, 90, 180 or 270: pictures are turned clockwise by it.
        is_mirrored: pictures come mirrored; left and right are swapped before they are turned.
    """

    width_px: int = 640
    height_px: int = 480
    fps: float = 30.0
    replay_fps: float | None = None
    is_looped: bool = False
    rotation_deg: int = 0
    is_mirrored: bool = False

    @property
    def turn(self) -> CameraTurn:
        """How pictures are turned."""
        return CameraTurn(self.rotation_deg, self.is_mirrored)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A camera setting that makes sense on this machine.

    Attributes:
        kind: how to open it.
        target: index, device path, pipeline or file path, as text.
        options: how to ask for frames.
    """

    kind: SourceKind
    target: str
    options: SourceOptions

    @property
    def is_replay(self) -> bool:
        """A clip: it ends, and may hold equal or black frames."""
        return self.kind in (SourceKind.REPLAY_VIDEO, SourceKind.REPLAY_FOLDER)

    def turned(self, wanted: CameraTurn) -> "SourceSpec":
        """Return the same source with its pictures turned like this."""
        options = replace(
            self.options, rotation_deg=wanted.rotation_deg, is_mirrored=wanted.is_mirrored
        )
        return replace(self, options=options)

    def to_json(self) -> str:
        """As text for the capture process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "SourceSpec":
        """Read what ``to_json`` wrote."""
        content = json.loads(text)
        options = SourceOptions(**content["options"])
        return cls(SourceKind(content["kind"]), content["target"], options)


def has_gstreamer(build_information: str | None = None) -> bool:
    """Whether this OpenCV can open GStreamer pipelines; the wheels from PyPI cannot."""
    text = cv2.getBuildInformation() if build_information is None else build_information
    lines = (line.strip() for line in text.splitlines())
    return any(line.startswith("GStreamer:") and "YES" in line for line in lines)


def parse_spec(
    setting: str, options: SourceOptions, *, build_information: str | None = None
) -> SourceSpec:
    """Parse a camera setting.

    Args:
        setting: ``0``, ``/dev/video0``, ``v4l2src ! … ! appsink``, ``replay:clip.mp4``,
            ``replay:folder``; a path to an existing clip or folder works without the prefix.
        options: carried along.
        build_information: of OpenCV; its own by default.

    Raises:
        CameraError: the setting is invalid here; the message says why.
    """
    text = setting.strip()
    if text.startswith(REPLAY_PREFIX):
        return _replay(text.removeprefix(REPLAY_PREFIX), options)
    if text.isdecimal():
        return SourceSpec(SourceKind.CAMERA_INDEX, text, options)
    if "!" in text:
        if not has_gstreamer(build_information):
            raise CameraError(
                "this OpenCV was built without GStreamer, so the camera pipeline cannot be opened; "
                "use a camera index or a /dev/video path, or install Debian's python3-opencv"
            )
        return SourceSpec(SourceKind.GSTREAMER, text, options)
    path = Path(text)
    if text.startswith("/dev/") and not (path.is_dir() or path.is_file()):
        return SourceSpec(SourceKind.V4L2_PATH, text, options)
    return _replay(text, options)


def _replay(text: str, options: SourceOptions) -> SourceSpec:
    path = Path(text)
    absolute = str(path.expanduser().absolute())
    if text and path.is_dir():
        if not image_files(path):
            raise CameraError(f"the folder {path} holds no images to replay")
        return SourceSpec(SourceKind.REPLAY_FOLDER, absolute, options)
    if path.is_file():
        return SourceSpec(SourceKind.REPLAY_VIDEO, absolute, options)
    raise CameraError(f"{text!r} is neither a camera nor a clip or folder that exists")


def image_files(folder: Path) -> list[Path]:
    """The images of a folder in the order of their names."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
