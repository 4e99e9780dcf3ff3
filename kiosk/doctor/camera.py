"""The camera: whether it is there, delivers pictures, and sees enough."""

import os

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail, ok, skipped, warn
from kiosk.doctor.picture import GreyPicture, NoPicture

_RIBBON_DRIVERS = ("unicam", "rp1-cfe", "bcm2835-isp", "pispbe", "bcm2835-codec")
_BLACK, _DARK, _BRIGHT = 12, 50, 205
_MOST_WHITE_SHARE = 0.35
_LEAST_CONTRAST = 40.0
_LEAST_SHARPNESS = 25.0
_STOP = "Stop the kiosk to test it: sudo systemctl stop rollcall-kiosk."


def camera(exam: Examination) -> Diagnosis:
    """Check that the camera is there and delivers a picture."""
    setting, device = exam.subject.camera, exam.subject.camera_device
    if setting.startswith("replay:"):
        return warn(
            "camera",
            "The kiosk plays a recording instead of a camera.",
            "Set a camera: rollcall-provision configure --camera 0.",
        )
    if not device:
        return _pipeline(exam)
    return _missing(exam, device) or _driver(exam, device) or _delivers(exam, device)


def light(exam: Examination) -> Diagnosis:
    """Check that faces are lit."""
    picture = _picture(exam)
    if not isinstance(picture, GreyPicture):
        return skipped("light", picture)
    level = picture.brightness()
    if level < _BLACK:
        return fail(
            "light",
            "The camera sees only black.",
            "Take the cover off the lens, and turn the light on.",
        )
    if level < _DARK:
        return warn(
            "light",
            "It is too dark in front of the camera.",
            "Turn a light on that shines on the faces, not into the camera.",
        )
    if level > _BRIGHT or picture.white_share() > _MOST_WHITE_SHARE:
        return warn(
            "light",
            "The picture is too bright.",
            "Turn the camera away from the window or lamp, or close the blind.",
        )
    return ok("light", f"The light is good (brightness {level / 2.55:.0f} %).")


def focus(exam: Examination) -> Diagnosis:
    """Check that the picture is sharp; needs something with edges before the camera."""
    picture = _picture(exam)
    if not isinstance(picture, GreyPicture):
        return skipped("focus", picture)
    if picture.brightness() < _DARK:
        return skipped("focus", "It is too dark to see whether the picture is sharp.")
    if picture.contrast() < _LEAST_CONTRAST:
        return skipped("focus", "The camera sees a bare surface; stand in front of it.")
    sharpness = picture.sharpness()
    if sharpness < _LEAST_SHARPNESS:
        return warn(
            "focus",
            "The picture is not sharp.",
            "Clean the lens, then turn its ring until a face 60 cm away has sharp edges.",
        )
    return ok("focus", f"The picture is sharp (figure {sharpness:.0f}).")


def _picture(exam: Examination) -> GreyPicture | str:
    """Return a picture, or a sentence why there is none."""
    if exam.is_running:
        return f"The kiosk runs and uses the camera. {_STOP}"
    picture = exam.picture()
    if isinstance(picture, GreyPicture):
        return picture
    if picture is NoPicture.NO_TOOL:
        return "There is no tool that takes a picture: install v4l-utils, on a Pi rpicam-apps."
    if picture is NoPicture.OTHER_FORMAT:
        return "The camera delivers no format that can be measured here."
    return "There is no picture."


def _missing(exam: Examination, device: str) -> Diagnosis | None:
    path = exam.machine.path(device)
    if not path.exists():
        others = [f"/dev/{one.name}" for one in exam.machine.glob("/dev/video*")]
        named = f"Use another one ({', '.join(others[:4])}) with --camera, or" if others else ""
        again = "plug the camera into another port, with another cable."
        return fail(
            "camera", f"There is no camera at {device}.", f"{named} {again}".strip().capitalize()
        )
    if not os.access(path, os.R_OK | os.W_OK):
        return warn("camera", f"This account may not open {device}.", "Run doctor again with sudo.")
    return None


def _driver(exam: Examination, device: str) -> Diagnosis | None:
    info = exam.machine.run("v4l2-ctl", f"--device={exam.machine.path(device)}", "--info")
    if info is None or not info.is_good:
        return None
    driver = next(
        (
            line.partition(":")[2].strip()
            for line in info.text.splitlines()
            if "Driver name" in line
        ),
        "",
    )
    if driver in _RIBBON_DRIVERS:
        return fail(
            "camera",
            f"{device} belongs to a ribbon camera or a converter, which the kiosk cannot read.",
            "Use a USB camera, or set a libcamerasrc pipeline as the camera.",
        )
    _, _, own = info.text.partition("Device Caps")  # above it stands what the whole camera does
    if "Video Capture" not in own:
        return fail(
            "camera",
            f"{device} delivers no pictures; it is another part of the camera.",
            "Use the other number, usually one lower: rollcall-provision configure --camera 0.",
        )
    return None


def _delivers(exam: Examination, device: str) -> Diagnosis:
    if exam.is_running:
        return ok("camera", f"{device} is there, and the kiosk uses it.")
    picture = exam.picture()
    if picture is NoPicture.BUSY:
        return fail(
            "camera",
            f"Another program uses {device}.",
            f"End it: sudo fuser -v {device} names it.",
        )
    if picture is NoPicture.NO_FRAMES:
        return fail(
            "camera",
            f"{device} delivers no pictures.",
            "Unplug the camera and plug it in again; if that does not help, use another cable.",
        )
    if picture is NoPicture.NO_TOOL:
        return ok("camera", f"{device} is there; without v4l2-ctl no picture was taken.")
    return ok("camera", f"{device} delivers pictures.")


def _pipeline(exam: Examination) -> Diagnosis:
    if "libcamerasrc" not in exam.subject.camera:
        return skipped("camera", "The camera is a pipeline that doctor cannot test.")
    listed = exam.machine.run("rpicam-vid", "--list-cameras")
    if listed is None:
        return skipped("camera", "rpicam-vid is not installed; on a Pi, install rpicam-apps.")
    if "no cameras available" in f"{listed.text}{listed.errors}".lower():
        return fail(
            "camera",
            "No camera is connected to the ribbon port.",
            "Switch the power off, push the ribbon cable in on both ends, and close its latches.",
        )
    if exam.is_running:
        return ok("camera", "A ribbon camera is there, and the kiosk uses it.")
    return _ribbon_picture(exam.picture())


def _ribbon_picture(picture: GreyPicture | NoPicture) -> Diagnosis:
    if picture is NoPicture.BUSY:
        return fail("camera", "Another program uses the ribbon camera.", "End that program.")
    if picture is NoPicture.NO_FRAMES:
        return fail(
            "camera",
            "The ribbon camera delivers no pictures.",
            "Switch the power off, and push the ribbon cable in on both ends.",
        )
    return ok("camera", "The ribbon camera delivers pictures.")
