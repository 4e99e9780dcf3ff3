"""The days of a person's calendar as HTML: a template takes longer for a hundred of them."""

from collections.abc import Iterable, Sequence
from datetime import date

from markupsafe import Markup, escape

from server.person_page.days import CalendarDay
from server.person_page.words import LineWords


class CalendarCells:
    """Draws days; what equal days have in common is drawn once.

    Args:
        words: names the lines of a day.
        query: of the address of the page, with `&` at its end; a day leads to it.
        today: is marked.
        picked: the day whose lessons are shown.
    """

    def __init__(
        self, words: LineWords, query: str, *, today: date, picked: date | None = None
    ) -> None:
        self._words, self._query = words, escape(query)
        self._marks = {today: " is-today"}
        if picked is not None:
            self._marks[picked] = self._marks.get(picked, "") + " is-picked"
        self._insides: dict[object, str] = {}

    def weeks(self, weeks: Iterable[Sequence[CalendarDay | None]]) -> Markup:
        """Draw the rows of a month."""
        rows = ("".join(map(self._cell, week)) for week in weeks)
        return Markup("\n".join(f"<tr>{row}</tr>" for row in rows))  # noqa: S704 - all is escaped

    def _cell(self, day: CalendarDay | None) -> str:
        if day is None:
            return "<td></td>"
        number = f'<span class="cal-date">{day.date.day}</span>'
        mark = self._marks.get(day.date, "")
        if day.shown is not None:
            tone = escape(self._words.look(day.shown).tone)
            link = f'<a href="{self._address(day)}">{number}{self._inside(day)}</a>'
            return f'<td class="cal-day cal-{tone}{mark}">{link}</td>'
        if day.holiday:
            name = escape(day.holiday)
            said = f'<span class="sr">{name}</span>'
            return f'<td class="cal-day cal-holiday" title="{name}">{number}{said}</td>'
        outside = "" if day.is_inside else " is-outside"
        return f'<td class="cal-day{outside}{mark}">{number}</td>'

    def _address(self, day: CalendarDay) -> str:
        if day.shown is not None and len(day.lines) == 1:
            return f"/lessons/{day.shown.lesson.id}"
        return f"?{self._query}day={day.date}#day"

    def _inside(self, day: CalendarDay) -> str:
        assert day.shown is not None
        letter, said = self._words.look(day.shown).letter, self._words.day(day)
        key = letter, said, day.share
        if key not in self._insides:
            share = f"<small>{day.share}</small>" if day.share else ""
            shown = f'<span class="cal-letter" aria-hidden="true">{escape(letter)}{share}</span>'
            self._insides[key] = f'{shown}<span class="sr">{escape(said)}</span>'
        return self._insides[key]
