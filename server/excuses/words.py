"""Words for absences: the reason, and when it is, as people say it."""

from collections.abc import Callable
from datetime import date

from server.absences.tables import AbsenceReason, AbsenceReport
from server.web.translations import Translator


def reason_words(t: Translator, reason: AbsenceReason) -> str:
    """Return the words of a reason; those that ship are translated."""
    return reason.words or t(f"absences.reason.{reason.code}")


def when_words(t: Translator, report: AbsenceReport, day_words: Callable[[date], str]) -> str:
    """Return days and times of an absence in words."""
    first = day_words(report.first_day)
    if report.first_day != report.last_day:
        return t("absences.days", first=first, last=day_words(report.last_day))
    values = {"day": first}
    if report.from_time:
        values["start"] = f"{report.from_time:%H:%M}"
    if report.until_time:
        values["end"] = f"{report.until_time:%H:%M}"
    match report.from_time, report.until_time:
        case None, None:
            return first
        case _, None:
            return t("absences.day_from", **values)
        case None, _:
            return t("absences.day_until", **values)
    return t("absences.day_between", **values)
