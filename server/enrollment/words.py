"""Say in words why a photo was not accepted, and what to do before a camera."""

from server.enrollment.guidance import Guidance, Pose
from server.web.translations import Translator

_ON_THE_PAGE = [
    "off",
    "starting",
    "denied",
    "missing",
    "busy",
    "insecure",
    "look",
    "uneven",
    "good",
    "review",
    "no_preview",
    "large",
    "kind",
    "again",
    "next",
]
_BY_THE_BROWSER = {"dark": "TOO_DARK", "bright": "TOO_BRIGHT", "blurred": "TOO_BLURRED"}


def reason_words(t: Translator, code: str) -> str:
    """What was wrong and what to do, for a code of the recognition service or our own."""
    return t.or_else(f"enrollment.reasons.{code}", t("enrollment.reasons.unknown", code=code))


def live_words(t: Translator, code: str) -> str:
    """Return a shorter text for a person at the camera, who has not lost a photo yet."""
    return t.or_else(f"enrollment.live.{code}", reason_words(t, code))


def guidance_words(t: Translator, guidance: Guidance, wanted: Pose | None) -> str:
    """The one thing to do next, or that all is well."""
    if guidance.reason is not None:
        return live_words(t, guidance.reason)
    if is_posed(guidance, wanted):
        return t("enrollment.enrol.good")
    return t(f"enrollment.pose_hint.{wanted}")


def is_posed(guidance: Guidance, wanted: Pose | None) -> bool:
    """Whether the head points where it should; where that cannot be told nothing is asked."""
    return wanted is None or guidance.pose in {None, wanted}


def capture_words(t: Translator) -> dict[str, str]:
    """Return the texts that the script of the photo page shows without asking the server."""
    own = {key: t(f"enrollment.enrol.{key}") for key in _ON_THE_PAGE}
    own |= {f"pose_{pose}": t(f"enrollment.pose_hint.{pose}") for pose in ("left", "right")}
    return own | {key: live_words(t, code) for key, code in _BY_THE_BROWSER.items()}
