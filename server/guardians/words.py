"""Say what is wrong with a form of a guardian as a whole."""

from server.errors import ServerError
from server.web.problems import problem_text
from server.web.translations import Translator


def problem_of(t: Translator, exc: Exception | None) -> str:
    """Return the sentence above the form; empty where only single fields are wrong."""
    return problem_text(t, exc) if isinstance(exc, ServerError) else ""
