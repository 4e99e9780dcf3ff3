"""Words for absences: the reason, and when it is, as people say it."""

from collections.abc import Callable
from datetime import date, time
from typing import Protocol

from server.web.translations import Translator


class WordedReason(Protocol):
    """A reason as far as its words depend on it; see `AbsenceReason`."""

    @property
    def words(self) -> str | None:
        """The school's own words; none for those that ship."""

    @property
    def code(self) -> str | None:
        """What it is called by programs."""


class TimedAbsence(Protocol):
    """Days and times of an absence; see `AbsenceReport`."""

    @property
    def first_day(self) -> date:
        """The first day."""

    @property
    def last_day(self) -> date:
        """The last day, included."""

    @property
    def from_time(self) -> time | None:
        """From when on the first day."""

    @property
    def until_time(self) -> time | None:
        """Until when on the last day."""


def reason_words(t: Translator, reason: WordedReason) -> str:
    """Return the words of a reason; those that ship are translated."""
    return reason.words or t(f"absences.reason.{reason.code}")


def when_words(t: Translator, report: TimedAbsence, day_words: Callable[[date], str]) -> str:
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
