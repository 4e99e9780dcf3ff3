"""Find out which of the school's status codes a cell means. No database here."""

import unicodedata
from collections.abc import Iterable, Iterator

from server.attendance.codes.code_list import Code, CodeList
from server.attendance.register import AttendanceStatus
from server.imports.findings import RowError
from server.people.folding import fold
from server.web.translations import LANGUAGES, translator

#: Words for a status in the languages that columns are found in, beside those of the pages.
_WORDS: dict[AttendanceStatus, tuple[str, ...]] = {
    AttendanceStatus.PRESENT: (
        "present", "attended", "here", "anwesend", "da", "présent", "présente", "presente",
        "asistió", "حاضر", "حاضرة",
    ),
    AttendanceStatus.LATE: (
        "late", "tardy", "verspätet", "zu spät", "en retard", "retard", "tarde", "retraso",
        "con retraso", "متأخر", "متأخرة",
    ),
    AttendanceStatus.ABSENT: (
        "absent", "unexcused", "abwesend", "fehlt", "fehlend", "unentschuldigt", "absente",
        "ausente", "falta", "غائب", "غائبة",
    ),
    AttendanceStatus.EXCUSED: (
        "excused", "entschuldigt", "excusé", "excusée", "justifié", "justificado", "justificada",
        "excusado", "معذور", "معذورة",
    ),
    AttendanceStatus.LEFT_EARLY: (
        "left early", "left_early", "early leave", "früher gegangen", "vorzeitig gegangen",
        "parti plus tôt", "partie plus tôt", "salió antes", "غادر مبكراً", "غادرت مبكراً",
    ),
}  # fmt: skip


class StatusNames:
    """What the cells of a file may call the codes of a school.

    The school's own names, letters and statutory codes come first, then the words for statuses,
    which mean the default code.
    """

    def __init__(self, codes: CodeList) -> None:
        self._own: dict[str, set[Code]] = {}
        self._words: dict[str, Code] = {}
        for code in codes.usable:
            for name in _own_names(code):
                self._own.setdefault(_exact(name), set()).add(code)
        for status, words in _WORDS.items():
            default = codes.default_of(status)
            self._words |= {fold(word): default for word in (*words, *_page_words(status))}

    def read(self, text: str) -> Code:
        """Return the code that a cell means.

        Raises:
            RowError: it means none, or several.
        """
        own = self._own.get(_exact(text), set())
        if len(own) > 1:
            raise RowError("status_ambiguous", "status", value=text)
        found = next(iter(own), None) or self._words.get(fold(text))
        if found is None:
            raise RowError("status", "status", value=text)
        return found


def _own_names(code: Code) -> Iterable[str]:
    """Return how the school writes a code; a default code without a letter has the pages' ones."""
    letters = [code.letter] if code.letter else _letters(code.category)
    return filter(None, (code.name, code.statutory_code, *letters))


def _letters(category: str) -> list[str]:
    return [translator(one).texts[f"codes.letter.{category}"] for one in LANGUAGES]


def _page_words(status: AttendanceStatus) -> Iterator[str]:
    for language in LANGUAGES:
        yield translator(language).texts[f"attendance.status.{status}"]


def _exact(text: str) -> str:
    """Return a text for comparison with punctuation kept: some codes are `/` and `N/A`."""
    return unicodedata.normalize("NFKC", text).casefold().strip()
