"""Files of guardians: each row a guardian of a student, told apart by student and name."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError
from sqlmodel import Session

from server.guardians.bulk import (
    FIELDS,
    GuardianValues,
    KnownGuardian,
    every_guardian,
    guardians_of_many,
    import_guardians,
)
from server.guardians.schemas import GuardianCreate
from server.guardians.service import MOST_GUARDIANS
from server.imports.findings import (
    HIDDEN,
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
from server.imports.guardian_relations import read_relation
from server.imports.people_files import NUMBER_ALIASES
from server.imports.people_numbers import PeopleByNumber
from server.people.bulk import ImportOrigin, KnownPerson
from server.people.folding import comparable_number, fold
from server.people.service import full_name

_CONTACT = {"phone", "email"}
#: What Pydantic calls a problem, and what reports do.
_REASONS = {
    "misleading_character": "misleading",
    "string_too_long": "too_long",
    "string_too_short": "wordless",
    "phone": "phone",
    "email": "email",
}


class GuardianFiles:
    """The kind; one for each run, as a dry run remembers what earlier rows would add."""

    name = "guardians"
    columns = (
        Column("student_number", NUMBER_ALIASES, ("00123", "00123", "00124"), is_required=True),
        Column(
            "guardian_name",
            (
                "full name of guardian", "guardian", "guardian name", "name of guardian",
                "full name", "parent", "parent name", "contact", "contact name", "guardian 1",
                "parent 1",
                "erziehungsberechtigte", "erziehungsberechtigter", "sorgeberechtigte",
                "sorgeberechtigter", "eltern", "elternteil", "responsable", "responsable légal",
                "tuteur", "parents", "tutor", "padre o tutor", "nombre del tutor", "nom complet",
                "nombre completo", "ولي الأمر", "اسم ولي الأمر", "الاسم الكامل",
                "الاسم الكامل لولي الأمر",
            ),
            ("Amina Haddad", "", ""),
        ),
        Column(
            "guardian_given_name",
            (
                "guardian's given name", "guardian given name", "guardian first name",
                "parent first name", "given name", "first name", "forename", "vorname", "prénom",
                "nombre", "الاسم الأول لولي الأمر",
                "الاسم الأول",
            ),
            ("", "Karl", "Eva"),
        ),
        Column(
            "guardian_family_name",
            (
                "guardian's family name", "guardian family name", "guardian last name",
                "parent last name", "family name", "last name", "surname", "nachname",
                "familienname", "name", "nom",
                "nom de famille", "apellido", "apellidos", "اسم عائلة ولي الأمر", "اسم العائلة",
                "اللقب",
            ),
            ("", "Lovelace", "Müller"),
        ),
        Column(
            "relation",
            (
                "relation", "relationship", "relation to student", "guardian relation", "role",
                "beziehung", "verhältnis", "verwandtschaft", "lien", "lien de parenté",
                "parentesco", "relación", "صلة القرابة", "الصلة", "القرابة",
            ),
            ("mother", "father", "guardian"),
        ),
        Column(
            "phone",
            (
                "phone", "telephone", "phone number", "mobile", "mobile phone", "cell", "tel",
                "guardian phone", "parent phone", "telefon", "telefonnummer", "handy",
                "mobiltelefon", "téléphone", "portable", "teléfono", "móvil", "celular",
                "الهاتف", "رقم الهاتف", "الجوال",
            ),
            ("0049 30 5550123", "", "030 5550188"),
        ),
        Column(
            "email",
            (
                "email", "e-mail", "mail", "email address", "guardian email", "parent email",
                "e-mail-adresse", "courriel", "adresse e-mail", "correo", "correo electrónico",
                "البريد الإلكتروني", "البريد",
            ),
            ("amina@example.org", "", ""),
        ),
    )  # fmt: skip

    def __init__(self, *, may_bear_own_name: bool = False) -> None:
        """Prepare for one run.

        Args:
            may_bear_own_name: allow a guardian with the name of the student. In a file this means
                that the student's columns were chosen.
        """
        self._may_bear_own_name = may_bear_own_name
        self._people = PeopleByNumber()
        self._coming: Counter[uuid.UUID] = Counter()

    def identify(self, row: ParsedRow) -> str:
        """Return student number and folded name; empty where one is missing."""
        number, name = comparable_number(row["student_number"]), fold(_name(row))
        return f"{number}\n{name}" if number and name else ""

    def about(self, row: ParsedRow) -> str:
        """Return student number and name."""
        return " · ".join(text for text in (row["student_number"], _name(row)) if text)

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Compare rows with the guardians of these students."""
        numbers = {comparable_number(row["student_number"]) for row in rows}
        people = self._people.find(db, numbers, lock=lock)
        known = guardians_of_many(db, [one.id for one in people.values()])
        coming: Counter[uuid.UUID] = Counter() if lock else self._coming
        return judged_each(self, rows, lambda row: self._judged(row, people, known, coming))

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Add and change guardians."""
        wanted = payloads(judged, RowOutcome.NEW) + payloads(judged, RowOutcome.CHANGED)
        import_guardians(db, wanted, origin)
        return [one.finding for one in judged]

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield every guardian that is not in the file."""
        listed = {self.identify(row) for row in rows}
        for number, student, name in every_guardian(db):
            if f"{comparable_number(number)}\n{fold(name)}" not in listed:
                yield Finding(0, RowOutcome.MISSING, f"{number} · {student} · {name}")

    def _judged(
        self,
        row: ParsedRow,
        people: Mapping[str, KnownPerson],
        known: Mapping[uuid.UUID, Sequence[KnownGuardian]],
        coming: Counter[uuid.UUID],
    ) -> Judged:
        for column, text in (
            ("student_number", row["student_number"]),
            ("guardian_name", _name(row)),
        ):
            if not text:
                raise RowError("empty", column)
        given = _given(row)
        person = people.get(comparable_number(row["student_number"]))
        if person is None:
            raise RowError("no_student_number", "student_number")
        if person.erased_at is not None:
            raise RowError("erased", "student_number")
        own = full_name(person.given_name, person.family_name)
        if not self._may_bear_own_name and fold(given["name"]) == fold(own):
            raise RowError("guardian_is_student", "guardian_name")
        same = _same(known.get(person.id, ()), given["name"])
        if same is None:
            coming[person.id] += 1
            if len(known.get(person.id, ())) + coming[person.id] > MOST_GUARDIANS:
                raise RowError("guardians_full", most=str(MOST_GUARDIANS))
        return _compared(row.number, person, same, given)


def _name(row: ParsedRow) -> str:
    """Return the full name, else the given and family name, without spaces around it."""
    parts = full_name(row["guardian_given_name"], row["guardian_family_name"])
    return (row["guardian_name"] or parts).strip()


def _given(row: ParsedRow) -> dict[str, str]:
    """Return the values of the cells that are not empty, checked.

    Raises:
        RowError: one cannot be used.
    """
    cells = {"name": _name(row), "phone": row["phone"], "email": row["email"]}
    given = {name: text for name, text in cells.items() if text}
    relation = read_relation(row["relation"], "relation")
    try:
        new = GuardianCreate(**given)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        column = {"name": "guardian_name"}.get(str(first["loc"][0]), str(first["loc"][0]))
        raise RowError(_REASONS.get(first["type"], "invalid"), column) from exc
    checked: dict[str, str] = {name: getattr(new, name) for name in given}
    return checked | ({"relation": str(relation)} if relation else {})


def _same(known: Sequence[KnownGuardian], name: str) -> KnownGuardian | None:
    plain = fold(name)
    return next((one for one in known if fold(one.name) == plain), None)


def _compared(
    number: int, person: KnownPerson, same: KnownGuardian | None, given: dict[str, str]
) -> Judged:
    """Compare what a row gives with what is stored; an empty cell leaves it."""
    about = f"{person.student_number} · {person.display_name} · {given['name']}"
    stored = GuardianCreate(name=given["name"]).model_dump(mode="json") | (
        {name: getattr(same, name) for name in FIELDS} if same else {}
    )
    values = GuardianValues(person.id, stored | given, same)
    if same is None:
        return Judged(Finding(number, RowOutcome.NEW, about), values)
    changes = tuple(
        ValueChange(_column(name), _shown(same, name), values.wanted[name])
        for name in values.fields
    )
    outcome = RowOutcome.CHANGED if changes else RowOutcome.UNCHANGED
    return Judged(Finding(number, outcome, about, changes=changes), values)


def _shown(known: KnownGuardian, field: str) -> str:
    """Return a stored value as reports show it.

    Who reads contact data is named in the audit trail; reading a report is no such entry.
    """
    value: str = getattr(known, field)
    return HIDDEN if value and field in _CONTACT else value


def _column(field: str) -> str:
    return "guardian_name" if field == "name" else field
