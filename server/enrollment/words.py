"""Say in words why a photo was not accepted."""

from server.web.translations import Translator


def reason_words(t: Translator, code: str) -> str:
    """What was wrong and what to do, for a code of the recognition service or our own."""
    return t.or_else(f"enrollment.reasons.{code}", t("enrollment.reasons.unknown", code=code))
