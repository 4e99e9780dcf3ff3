"""Say in words what is wrong with a field of a form."""

from collections.abc import Callable, Mapping

from server.web.translations import Translator


def problem_words(t: Translator, problems: Mapping[str, str]) -> Callable[[str], str]:
    """A function for templates: the words for one field; empty where nothing is wrong."""

    def words(field: str) -> str:
        if field not in problems:
            return ""
        return t.or_else(f"people.problem.{problems[field]}", t("people.problem.invalid"))

    return words
