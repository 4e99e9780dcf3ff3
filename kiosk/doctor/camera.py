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


def camera(exam: Examination) -> Diagnosis:
    """Check that the camera is there and delivers a picture."""
    setting, device = exam.subject.camera, exam.subject.camera_device
    if setting.startswith("replay:"):
        return warn("camera", "camera.recording")
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
        return fail("light", "light.black")
    if level < _DARK:
        return warn("light", "light.dark")
    if level > _BRIGHT or picture.white_share() > _MOST_WHITE_SHARE:
        return warn("light", "light.bright")
    return ok("light", "light.good", percent=f"{level / 2.55:.0f}")


def focus(exam: Examination) -> Diagnosis:
    """Check that the picture is sharp; needs something with edges before the camera."""
    picture = _picture(exam)
    if not isinstance(picture, GreyPicture):
        return skipped("focus", picture)
    if picture.brightness() < _DARK:
        return skipped("focus", "focus.dark")
    if picture.contrast() < _LEAST_CONTRAST:
        return skipped("focus", "focus.bare")
    sharpness = picture.sharpness()
    if sharpness < _LEAST_SHARPNESS:
        return warn("focus", "focus.soft")
    return ok("focus", "focus.good", figure=f"{sharpness:.0f}")


def _picture(exam: Examination) -> GreyPicture | str:
    """Return a picture, or the code why there is none."""
    if exam.is_running:
        return "picture.camera_in_use"
    picture = exam.picture()
    if isinstance(picture, GreyPicture):
        return picture
    if picture is NoPicture.NO_TOOL:
        return "picture.no_tool"
    if picture is NoPicture.OTHER_FORMAT:
        return "picture.other_format"
    return "picture.none"


def _missing(exam: Examination, device: str) -> Diagnosis | None:
    path = exam.machine.path(device)
    if not path.exists():
        others = [f"/dev/{one.name}" for one in exam.machine.glob("/dev/video*")]
        if others:
            return fail("camera", "camera.elsewhere", device=device, others=", ".join(others[:4]))
        return fail("camera", "camera.missing", device=device)
    if not os.access(path, os.R_OK | os.W_OK):
        return warn("camera", "camera.closed", device=device)
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
        return fail("camera", "camera.ribbon_device", device=device)
    _, _, own = info.text.partition("Device Caps")  # above it stands what the whole camera does
    if "Video Capture" not in own:
        return fail("camera", "camera.other_part", device=device)
    return None


def _delivers(exam: Examination, device: str) -> Diagnosis:
    if exam.is_running:
        return ok("camera", "camera.in_use", device=device)
    picture = exam.picture()
    if picture is NoPicture.BUSY:
        return fail("camera", "camera.busy", device=device)
    if picture is NoPicture.NO_FRAMES:
        return fail("camera", "camera.silent", device=device)
    if picture is NoPicture.NO_TOOL:
        return ok("camera", "camera.no_tool", device=device)
    return ok("camera", "camera.good", device=device)


def _pipeline(exam: Examination) -> Diagnosis:
    if "libcamerasrc" not in exam.subject.camera:
        return skipped("camera", "camera.pipeline")
    listed = exam.machine.run("rpicam-vid", "--list-cameras")
    if listed is None:
        return skipped("camera", "camera.no_rpicam")
    if "no cameras available" in f"{listed.text}{listed.errors}".lower():
        return fail("camera", "camera.ribbon_missing")
    if exam.is_running:
        return ok("camera", "camera.ribbon_in_use")
    return _ribbon_picture(exam.picture())


def _ribbon_picture(picture: GreyPicture | NoPicture) -> Diagnosis:
    if picture is NoPicture.BUSY:
        return fail("camera", "camera.ribbon_busy")
    if picture is NoPicture.NO_FRAMES:
        return fail("camera", "camera.ribbon_silent")
    return ok("camera", "camera.ribbon_good")
