"""Archives of photos: each file a photo, whose name or folder is a student number."""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, cast

from sqlmodel import Session

from server.db.vault import Vault
from server.enrollment import service as enrollment
from server.enrollment.photo import check_photo
from server.enrollment.tables import EnrolmentStatus
from server.errors import (
    ConflictError,
    ConsentRequiredError,
    TooLargeError,
    UnsupportedMediaError,
)
from server.imports.findings import (
    Column,
    Finding,
    Judged,
    ParsedRow,
    RowError,
    RowOutcome,
    judged_each,
    written_each,
)
from server.imports.pieces import SealedArchive
from server.imports.zips import ArchivedFile, open_zip, read_whole
from server.people.bulk import (
    ImportOrigin,
    KnownPerson,
    everybody,
    numbers_as_typed,
    people_by_number,
)
from server.people.consent import ConsentState
from server.people.folding import comparable_number
from server.people.service import states_of

_FURTHER = re.compile(r"_\d{1,2}$")
_NUMBER = re.compile(r"[^\W\d_]{0,3}[-_ ]?\d+")
_IN_ONE_QUERY = 500


@dataclass(frozen=True)
class PhotoRules:
    """What photos are judged by.

    Attributes:
        today: asks for the school's date: a job can run past midnight.
        max_bytes: of the largest photo.
    """

    today: Callable[[], date]
    max_bytes: int


@dataclass(frozen=True)
class FoundPhoto:
    """A photo that is to be taken in."""

    person_id: uuid.UUID
    data: bytes


def numbers_in(path: str) -> tuple[str, ...]:
    """Return the student numbers that the path of a photo may mean.

    `00123.jpg`, `00123_2.jpg` and `00123/any.jpg` all mean 00123.
    """
    *folders, _ = path.split("/")
    return tuple(dict.fromkeys((*_own_numbers(path), *map(comparable_number, folders[-1:]))))


def is_by_folder(path: str) -> bool:
    """Whether the folder may say alone who it is: the file's own name cannot be a number.

    In `2026/00123.jpg` it is a class or a year: where nobody has 00123, the photo is nobody's.
    """
    *folders, _ = path.split("/")
    plain = _own_numbers(path)[-1]
    return bool(folders) and not (_NUMBER.fullmatch(plain) and len(plain) >= len(folders[-1]))


def _own_numbers(path: str) -> list[str]:
    name = path.rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    return [comparable_number(one) for one in (stem, _FURTHER.sub("", stem))]


class PhotoFiles:
    """The kind, for one run on one archive."""

    name = "photos"
    columns: tuple[Column, ...] = ()

    def __init__(self, archive: SealedArchive, vault: Vault, rules: PhotoRules) -> None:
        self._archive = archive
        self._vault = vault
        self._rules = rules
        self._typed: dict[str, str] | None = None
        self._zip, files = open_zip(cast("BinaryIO", archive))
        self._files = {one.number: one for one in files}
        self._same: dict[tuple[int, int], list[ArchivedFile]] = {}
        for one in files:
            self._same.setdefault(one.same, []).append(one)

    @property
    def rows(self) -> list[ParsedRow]:
        """The files of the archive, as rows."""
        return [ParsedRow(at, {"file": one.path}) for at, one in self._files.items()]

    def identify(self, row: ParsedRow) -> str:
        """Return the path."""
        return row["file"]

    def about(self, row: ParsedRow) -> str:
        """Return the path."""
        return row["file"]

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Find out who is on each photo, whether they consent, and whether it is a photo."""
        files = [other for row in rows for other in self._same[self._files[row.number].same]]
        wanted = {self._as_typed(db, one) for file in files for one in numbers_in(file.path)}
        known = people_by_number(db, wanted, lock=lock)
        states = states_of(db, {one.id for one in known.values()}, self._rules.today())

        def judge(row: ParsedRow) -> Judged:
            file = self._files[row.number]
            person = self._person(db, file, known)
            _refuse_person(person, states[person.id])
            self._refuse_copies(db, file, person, known)
            return self._judged(db, row, file, person)

        with self._archive.reading(db):
            return judged_each(self, rows, judge)

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Take the photos in, each as if it was uploaded on the page of its person."""

        def write(one: Judged) -> None:
            found: FoundPhoto = one.payload
            try:
                enrollment.start_enrolment(
                    db,
                    self._vault,
                    person_id=found.person_id,
                    photo=found.data,
                    actor=origin.actor,
                    today=self._rules.today(),
                )
            except ConsentRequiredError as exc:  # it was withdrawn a moment ago
                state = exc.details["consent"]
                raise ConflictError(str(exc), problem=f"consent_{state}") from exc

        return written_each(db, judged, write)

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield who consents but has no photo, neither here nor in the archive."""
        given = {self._as_typed(db, one) for row in rows for one in numbers_in(row["file"])}
        people = [one for one in everybody(db) if one.student_number not in given]
        for start in range(0, len(people), _IN_ONE_QUERY):
            part = people[start : start + _IN_ONE_QUERY]
            states = states_of(db, [one.id for one in part], self._rules.today())
            live = [one for one in part if states[one.id] is ConsentState.LIVE]
            covered = enrollment.people_with_photos(db, [one.id for one in live])
            for one in live:
                if one.id not in covered:
                    about = f"{one.student_number} · {one.display_name}"
                    yield Finding(0, RowOutcome.MISSING, about)

    def _judged(
        self, db: Session, row: ParsedRow, file: ArchivedFile, person: KnownPerson
    ) -> Judged:
        data = self._content(file)
        about = f"{file.path} · {person.display_name}"
        before = enrollment.status_of_photo(db, self._vault, person.id, data)
        if before is EnrolmentStatus.REJECTED:
            raise RowError("photo_rejected")
        if before is not None:
            return Judged(Finding(row.number, RowOutcome.UNCHANGED, about))
        return Judged(Finding(row.number, RowOutcome.NEW, about), FoundPhoto(person.id, data))

    def _content(self, file: ArchivedFile) -> bytes:
        """Return the photo.

        Raises:
            RowError: it is none, too large or damaged.
        """
        most = self._rules.max_bytes
        if file.info.file_size > most:
            raise RowError("photo_too_large", most=str(most // 1024 // 1024))
        data = read_whole(self._zip, file, most)
        if data is None:
            raise RowError("photo_broken")
        try:
            check_photo(data, max_bytes=most)
        except UnsupportedMediaError as exc:
            raise RowError("photo_kind") from exc
        except TooLargeError as exc:
            raise RowError("photo_too_large", most=str(most // 1024 // 1024)) from exc
        return data

    def _person(
        self, db: Session, file: ArchivedFile, known: dict[str, KnownPerson]
    ) -> KnownPerson:
        """Return the one person that a path means.

        Raises:
            RowError: there is none, or there are several.
        """
        found = self._people(db, file, known)
        own = {self._as_typed(db, one) for one in _own_numbers(file.path)}
        if not found or not (own & found.keys() or is_by_folder(file.path)):
            raise RowError("photo_unknown")
        if len(found) > 1:
            raise RowError("photo_ambiguous", numbers=", ".join(sorted(found)))
        return next(iter(found.values()))

    def _people(
        self, db: Session, file: ArchivedFile, known: dict[str, KnownPerson]
    ) -> dict[str, KnownPerson]:
        numbers = (self._as_typed(db, one) for one in numbers_in(file.path))
        return {one: known[one] for one in numbers if one in known}

    def _refuse_copies(
        self, db: Session, file: ArchivedFile, person: KnownPerson, known: dict[str, KnownPerson]
    ) -> None:
        """Refuse a picture that is in the archive under two numbers, or once more under one.

        Raises:
            RowError: it is.
        """
        for other in self._same[file.same]:
            found = self._people(db, other, known)
            if any(one.id != person.id for one in found.values()):
                raise RowError("photo_shared", file=other.path)
            if other.number < file.number and found:
                raise RowError("photo_repeated", file=other.path)

    def _as_typed(self, db: Session, number: str) -> str:
        if self._typed is None:
            self._typed = numbers_as_typed(db)
        return self._typed.get(number, number)


def _refuse_person(person: KnownPerson, state: ConsentState) -> None:
    """Refuse photos of people whose face may not be processed.

    Raises:
        RowError: says why.
    """
    if person.erased_at is not None:
        raise RowError("photo_erased")
    if state is not ConsentState.LIVE:
        raise RowError(f"consent_{state}")
