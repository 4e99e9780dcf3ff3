"""Takes one grey picture with the camera's own tool, and measures it without OpenCV."""

import re
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import pvariance

from kiosk.doctor.machine import HostMachine, ToolOutput
from kiosk.doctor.subject import KioskSetup

WIDTH_PX, HEIGHT_PX = 640, 480
_CAPTURE_S = 8.0
_BYTES_A_PIXEL = 2  # YUYV: luma and chroma in turns
_SIZE = re.compile(r"Width/Height\s*:\s*(\d+)/(\d+)")
_FORMAT = re.compile(r"Pixel Format\s*:\s*'(\w+)'")
_STRIDE = re.compile(r"Bytes per Line\s*:\s*(\d+)")
_MOST_PX = 4096


class NoPicture(StrEnum):
    """Why there is no picture."""

    NOT_TRIED = "not_tried"
    NO_TOOL = "no_tool"
    BUSY = "busy"
    NO_FRAMES = "no_frames"
    OTHER_FORMAT = "other_format"


@dataclass(frozen=True, slots=True)
class GreyPicture:
    """A grey picture.

    Attributes:
        luma: one byte a pixel, row by row, 0 black to 255 white.
    """

    width_px: int
    height_px: int
    luma: bytes

    def brightness(self) -> float:
        """Return the mean of the middle, 0 to 255, where a face would be."""
        middle = b"".join(self._middle())
        return sum(middle) / len(middle)

    def white_share(self) -> float:
        """Return how much of the picture is fully white, 0 to 1."""
        return sum(map(self.luma.count, range(250, 256))) / len(self.luma)

    def contrast(self) -> float:
        """Return the variance of the middle; a bare wall has nearly none."""
        return pvariance(b"".join(self._middle())[::7])

    def sharpness(self) -> float:
        """Return the variance of the Laplacian of the middle: low where edges are soft."""
        rows = self._middle()
        edges = [
            4 * here[x] - here[x - 1] - here[x + 1] - above[x] - below[x]
            for above, here, below in zip(rows, rows[1:], rows[2:], strict=False)
            for x in range(1, len(here) - 1)
        ]
        return pvariance(edges)

    def _middle(self) -> list[bytes]:
        left, top = self.width_px // 4, self.height_px // 4
        starts = range(
            top * self.width_px + left, len(self.luma) - top * self.width_px, self.width_px
        )
        return [self.luma[start : start + self.width_px // 2] for start in starts]


def take_picture(machine: HostMachine, subject: KioskSetup) -> GreyPicture | NoPicture:
    """Take one picture. The caller makes sure that nothing else uses the camera."""
    with tempfile.TemporaryDirectory(prefix="rollcall-doctor-") as folder:
        file = Path(folder) / "frames.raw"
        if subject.camera_device and machine.path(subject.camera_device).exists():
            return _from_v4l2(machine, subject.camera_device, file)
        if "libcamerasrc" in subject.camera:
            return _from_rpicam(machine, file)
    return NoPicture.NOT_TRIED


def _from_v4l2(machine: HostMachine, device: str, file: Path) -> GreyPicture | NoPicture:
    size = f"width={WIDTH_PX},height={HEIGHT_PX}"
    output = machine.run(
        "v4l2-ctl",
        f"--device={machine.path(device)}",
        f"--set-fmt-video={size},pixelformat=YUYV",
        "--get-fmt-video",
        "--stream-mmap=3",
        "--stream-skip=10",
        "--stream-count=1",
        f"--stream-to={file}",
        limit_s=_CAPTURE_S,
    )
    raw = _content(output, file)
    if output is None or isinstance(raw, NoPicture):
        return NoPicture.NO_TOOL if isinstance(raw, bytes) else raw
    return _from_yuyv(output.text, raw)


def _from_yuyv(told: str, raw: bytes) -> GreyPicture | NoPicture:
    size, kind, stride = _SIZE.search(told), _FORMAT.search(told), _STRIDE.search(told)
    if size is None or kind is None or kind[1] != "YUYV":
        return NoPicture.OTHER_FORMAT
    width_px, height_px = int(size[1]), int(size[2])
    line = int(stride[1]) if stride else width_px * _BYTES_A_PIXEL
    if not 0 < width_px * _BYTES_A_PIXEL <= line or not 0 < height_px <= _MOST_PX:
        return NoPicture.OTHER_FORMAT
    if len(raw) < line * height_px:
        return NoPicture.NO_FRAMES
    rows = (
        raw[start : start + width_px * _BYTES_A_PIXEL : 2]
        for start in range(0, line * height_px, line)
    )
    return GreyPicture(width_px, height_px, b"".join(rows))


def _from_rpicam(machine: HostMachine, file: Path) -> GreyPicture | NoPicture:
    output = machine.run(
        "rpicam-vid",
        "--nopreview",
        "--codec=yuv420",
        f"--width={WIDTH_PX}",
        f"--height={HEIGHT_PX}",
        "--framerate=10",
        "--timeout=1500",
        f"--output={file}",
        limit_s=_CAPTURE_S,
    )
    raw = _content(output, file)
    if isinstance(raw, NoPicture):
        return raw
    luma, frame = WIDTH_PX * HEIGHT_PX, WIDTH_PX * HEIGHT_PX * 3 // 2
    last = len(raw) // frame * frame - frame
    return (
        NoPicture.NO_FRAMES
        if last < 0
        else GreyPicture(WIDTH_PX, HEIGHT_PX, raw[last : last + luma])
    )


def _content(output: ToolOutput | None, file: Path) -> bytes | NoPicture:
    if output is None:
        return NoPicture.NO_TOOL
    said = f"{output.text}\n{output.errors}".lower()
    if "resource busy" in said or "in use by another process" in said:
        return NoPicture.BUSY
    try:
        return file.read_bytes() or NoPicture.NO_FRAMES
    except OSError:
        return NoPicture.NO_FRAMES
