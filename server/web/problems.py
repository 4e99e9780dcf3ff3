"""Say in the reader's language why something was refused: in a form, or on a page of its error."""

from server.errors import NotFoundError, ServerError
from server.web.translations import Translator


def problem_text(
    t: Translator, exc: Exception | None, *, area: str = "", invalid: str = "incomplete"
) -> str:
    """Return the sentence that a form shows for an error; empty where there is none.

    Args:
        t: the reader's translator.
        exc: a `ServerError` with `details["problem"]`, or the `ValueError` of a field that could
            not be read.
        area: looked up first: `problems.<area>.<problem>`.
        invalid: which problem a `ValueError` is.
    """
    if exc is None:
        return ""
    if not isinstance(exc, ServerError):
        return t(f"problems.{invalid}")
    named = _named(t, exc, area)
    if not named and isinstance(exc, NotFoundError):
        return t("problems.missing")
    return named or _of_code(t, exc)


def error_words(t: Translator, error: ServerError) -> str:
    """Return the sentence that the page of an error shows; never the English of the API."""
    return _named(t, error, "") or _of_code(t, error)


def _named(t: Translator, error: ServerError, area: str) -> str:
    """Return the words of the problem that an error names; empty where it names none."""
    problem = error.details.get("problem", "")
    keys = (f"problems.{area}.{problem}", f"problems.{problem}")
    key = next((key for key in keys if key in t.texts), None)
    return t(key, **error.details) if key is not None else ""


def _of_code(t: Translator, error: ServerError) -> str:
    return t.or_else(f"errors.{error.code}.text", t("errors.text"))
