"""Files of people: each row a person, told apart by student number."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session

from server.imports.findings import (
    Column,
    Finding,
    Judged,
    ParsedRow,
    RowError,
    RowOutcome,
    ValueChange,
    judged_each,
    payloads,
)
from server.imports.people_numbers import PeopleByNumber
from server.imports.values import read_year
from server.people.bulk import (
    FIELDS,
    ImportOrigin,
    KnownPerson,
    PersonChange,
    add_people,
    change_people,
    everybody,
)
from server.people.folding import comparable_number
from server.people.schemas import PersonCreate
from server.people.service import full_name

#: What Pydantic calls a problem, and what reports do.
_REASONS = {
    "name_missing": "name_missing",
    "misleading_character": "misleading",
    "string_too_long": "too_long",
    "year_of_birth": "year",
    "greater_than_equal": "year",
    "string_too_short": "wordless",
}
#: What files call the student number.
NUMBER_ALIASES = (
    "student number", "number", "student id", "id", "student no", "pupil number",
    "admission number", "upn", "identifier", "schülernummer", "nummer",
    "matrikelnummer", "schüler id", "schülernr", "numéro", "numéro élève", "numéro d'élève",
    "matricule",
    "ine", "número", "número de estudiante", "número de alumno", "matrícula",
    "id de estudiante", "رقم الطالب", "رقم التلميذ", "الرقم", "الرقم المدرسي",
)  # fmt: skip


class PeopleFiles:
    """The kind; one for each run, as it remembers what does not change meanwhile."""

    name = "people"
    columns = (
        Column(
            "student_number",
            NUMBER_ALIASES,
            ("00123", "00124", "00125"),
            is_required=True,
        ),
        Column(
            "given_name",
            (
                "given name", "first name", "forename", "given names", "first names", "vorname",
                "rufname", "vornamen", "prénom", "prénoms", "nombre", "nombres", "nombre de pila",
                "الاسم الأول", "الاسم", "الاسم الشخصي",
            ),
            ("Ada", "Zoë", "محمد"),
        ),
        Column(
            "family_name",
            (
                "family name", "last name", "surname", "nachname", "familienname", "name", "nom",
                "nom de famille", "apellido", "apellidos", "primer apellido", "اسم العائلة",
                "اللقب", "الكنية", "النسب",
            ),
            ("Lovelace", "Müller", "الأحمد"),
        ),
        Column(
            "display_name",
            (
                "display name", "shown name", "preferred name", "known as", "anzeigename",
                "nom affiché", "nom d'usage", "nombre mostrado", "nombre preferido",
                "الاسم المعروض",
            ),
            ("", "", ""),
        ),
        Column(
            "year_of_birth",
            (
                "year of birth", "birth year", "date of birth", "birth date", "dob", "birthday",
                "geburtsjahr", "geburtsdatum", "geboren", "année de naissance",
                "date de naissance", "né le", "année naissance", "año de nacimiento",
                "fecha de nacimiento", "سنة الميلاد", "تاريخ الميلاد", "سنة الازدياد",
            ),
            ("2011", "2011", "2012"),
        ),
    )  # fmt: skip

    def __init__(self) -> None:
        self._people = PeopleByNumber()

    def identify(self, row: ParsedRow) -> str:
        """Return the student number as it is compared."""
        return comparable_number(row["student_number"])

    def about(self, row: ParsedRow) -> str:
        """Return number and name."""
        return _about(row["student_number"], row["given_name"], row["family_name"])

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Compare rows with the people who have these numbers."""
        known = self._people.find(db, map(self.identify, rows), lock=lock)
        return judged_each(
            self, rows, lambda row: self.judge_one(row, known.get(self.identify(row)))
        )

    def judge_one(self, row: ParsedRow, known: KnownPerson | None) -> Judged:
        """Compare a row with the person that it is about; None: with nobody.

        Raises:
            RowError: it cannot be imported.
        """
        if known is not None and _says_nothing_new(row, known):
            about = _about(row["student_number"], known.given_name, known.family_name)
            return Judged(Finding(row.number, RowOutcome.UNCHANGED, about))
        values = _values(row, known)
        about = _about(row["student_number"], values["given_name"], values["family_name"])
        if known is None:
            return Judged(Finding(row.number, RowOutcome.NEW, about), values)
        if known.erased_at is not None:
            raise RowError("erased", "student_number")
        change = PersonChange(known, values)
        changes = tuple(
            ValueChange(name, _text(getattr(known, name)), _text(values[name]))
            for name in change.fields
        )
        outcome = RowOutcome.CHANGED if changes else RowOutcome.UNCHANGED
        return Judged(Finding(row.number, outcome, about, changes=changes), change)

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Add and change people."""
        add_people(db, payloads(judged, RowOutcome.NEW), origin)
        change_people(db, payloads(judged, RowOutcome.CHANGED), origin)
        return [one.finding for one in judged]

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield everyone whose number is not in the file."""
        given = {self.identify(row) for row in rows}
        for person in everybody(db):
            number = person.student_number
            if number not in given and comparable_number(number) not in given:
                about = _about(number, person.given_name, person.family_name)
                yield Finding(0, RowOutcome.MISSING, about)


def _about(number: str, given_name: str, family_name: str) -> str:
    return " · ".join(text for text in (number, full_name(given_name, family_name)) if text)


def _says_nothing_new(row: ParsedRow, known: KnownPerson) -> bool:
    """Whether each cell is empty or says just what is stored; most rows of most files do."""
    return known.erased_at is None and all(
        not row[name] or row[name] == _text(getattr(known, name)) for name in FIELDS
    )


def _values(row: ParsedRow, known: KnownPerson | None) -> dict[str, Any]:
    """Return all values of the person; an empty cell, or none, leaves what is stored.

    Raises:
        RowError: the row cannot be a person.
    """
    if not row["student_number"]:
        raise RowError("empty", "student_number")
    given: dict[str, Any] = {name: row[name] for name in FIELDS if row[name]}
    if "year_of_birth" in given:
        given["year_of_birth"] = read_year(given["year_of_birth"], "year_of_birth")
    if known is not None:
        given = _stored(known, given) | given
    try:
        new = PersonCreate(**given)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        column = str(first["loc"][0]) if first["loc"] else "given_name"
        raise RowError(_REASONS.get(first["type"], "invalid"), column) from exc
    names = full_name(new.given_name, new.family_name)
    values = new.model_dump() | {"display_name": new.display_name or names}
    if known is not None and comparable_number(known.student_number) == new.student_number:
        values["student_number"] = known.student_number
    return values


def _stored(known: KnownPerson, given: dict[str, Any]) -> dict[str, Any]:
    """Return what is stored; a shown name that was made of the names is made again."""
    stored = {name: getattr(known, name) for name in FIELDS}
    if known.display_name == full_name(known.given_name, known.family_name):
        stored["display_name"] = ""
    return stored | given


def _text(value: object) -> str:
    return "" if value is None else str(value)
