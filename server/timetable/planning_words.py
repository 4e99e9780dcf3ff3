"""Say in words why a holiday or a term cannot be changed."""

from datetime import date

from server.errors import ServerError
from server.web.dates import day_words
from server.web.problems import problem_text
from server.web.translations import Translator


def planning_problem(t: Translator, exc: Exception | None) -> str:
    """Return the sentence that a form shows, with its date as people write it."""
    if isinstance(exc, ServerError) and exc.details.get("problem") == "rooms_taken":
        day = day_words(date.fromisoformat(str(exc.details["day"])), t)
        return t("problems.rooms_taken", count=exc.details["count"], day=day)
    return problem_text(t, exc)
