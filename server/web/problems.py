"""Say in the reader's language why a form was refused."""

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
    problem = exc.details.get("problem", "missing" if isinstance(exc, NotFoundError) else "")
    for key in (f"problems.{area}.{problem}", f"problems.{problem}"):
        if key in t.texts:
            return t(key, **exc.details)
    return exc.message
