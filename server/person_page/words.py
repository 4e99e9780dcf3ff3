"""What the lines and days of a person look like for one reader: word, letter, colour."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from server.attendance.codes.code_list import CodeList
from server.attendance.codes.words import CodeWords
from server.attendance.person_lines import PersonLine
from server.attendance.register import CORRECTABLE
from server.person_page.days import CalendarDay, gravity
from server.web.translations import Translator


class LineLook(NamedTuple):
    """How a line looks: never by a colour alone."""

    word: str
    tone: str
    symbol: str
    letter: str


class LineWords:
    """Names lines in a reader's language; equal ones are named once."""

    def __init__(self, codes: CodeList, t: Translator) -> None:
        self._codes, self._words, self._t = codes, CodeWords(t), t
        self._known: dict[object, LineLook] = {}
        self._days: dict[object, str] = {}

    def look(self, line: PersonLine) -> LineLook:
        """Return how a line looks."""
        key = _kind(line)
        if key not in self._known:
            self._known[key] = self._look(line)
        return self._known[key]

    def day(self, day: CalendarDay) -> str:
        """Return how many lessons of a day have which status, the gravest first."""
        key = tuple(_kind(line) for line in day.lines)
        if key not in self._days:
            counts = Counter(self.look(line).word for line in sorted(day.lines, key=gravity))
            said = [self._counted(word, count) for word, count in counts.items()]
            self._days[key] = ", ".join(said)
        return self._days[key]

    def legend(self, lines: Iterable[PersonLine]) -> Sequence[LineLook]:
        """Return how the lines look that there are, each once, the gravest first."""
        firsts: dict[object, PersonLine] = {}
        for line in lines:
            firsts.setdefault(_kind(line), line)
        return [self.look(line) for line in sorted(firsts.values(), key=gravity)]

    def _counted(self, word: str, count: int) -> str:
        return self._t("person.counted", status=word, count=count) if count > 1 else word

    def _look(self, line: PersonLine) -> LineLook:
        if line.lesson.is_cancelled:
            t = self._t
            return LineLook(
                t("attendance.cancelled"), "quiet", "cross", t("person.letter.cancelled")
            )
        if line.status not in CORRECTABLE:
            open_look = self._words.open_look(line.status)
            return LineLook(*open_look, self._t(f"person.letter.{line.status}"))
        code = self._codes.get(line.code_id) or self._codes.default_of(line.status)
        return LineLook(*self._words.look(code), self._words.letter(code))


def _kind(line: PersonLine) -> object:
    """Return what lines have in common that look alike."""
    return line.lesson.is_cancelled or (line.status, line.code_id, line.is_counted)


def lesson_words(
    lines: Iterable[PersonLine], words: LineWords
) -> list[tuple[PersonLine, LineLook]]:
    """Return lines with their looks."""
    return [(line, words.look(line)) for line in lines]
