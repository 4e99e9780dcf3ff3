"""What clients send and get about imports."""

import uuid
from datetime import datetime

from pydantic import BaseModel, Field

from server.imports.findings import RowOutcome
from server.imports.kinds import Announced, KindName
from server.imports.pieces import MOST_ARCHIVE_BYTES
from server.imports.tables import ImportState
from server.web.list_schemas import ListPart
from server.web.strict import StrictInput

_LONGEST_NAME = 300


class ImportOptions(StrictInput):
    """How to read the file where the guess was wrong; an empty text guesses again."""

    encoding: str = Field(default="", max_length=20, description="Of a CSV file.")
    separator: str = Field(default="", max_length=3, description="Of a CSV file: , ; or tab.")
    sheet: str = Field(default="", max_length=120, description="Name of a sheet of a workbook.")


class ImportMapping(StrictInput):
    """Which column of the file fills which of Rollcall's."""

    columns: dict[str, str] | None = Field(
        default=None,
        description="Name of a column of the file, by the column that it fills. Null: as guessed.",
    )


class MappingForm(StrictInput):
    """The form of the columns: each choice is a column, `=`, and a number; empty: none."""

    columns: list[str] = Field(default_factory=list, max_length=50)

    def mapping(self) -> dict[str, int]:
        """Return the choices.

        Raises:
            ValueError: a choice is none of the form's.
        """
        chosen = (choice.partition("=") for choice in self.columns if choice)
        return {key: int(number) for key, _, number in chosen}


class ArchiveCreate(StrictInput):
    """An archive that will be uploaded in pieces."""

    kind: KindName
    file_name: str = Field(max_length=_LONGEST_NAME)
    size_bytes: int = Field(ge=1, description=f"At most {MOST_ARCHIVE_BYTES}.")

    def announced(self) -> Announced:
        """Return it as `uploads` takes it."""
        return Announced(self.kind, self.file_name, self.size_bytes)


class ImportRead(BaseModel):
    """An import."""

    id: uuid.UUID
    kind: KindName
    state: ImportState
    file_name: str
    sha256: str = Field(description="Of the file.")
    encoding: str
    is_encoding_certain: bool = Field(
        description="False: nothing in the file says which it is. Check names in the first rows."
    )
    separator: str
    sheet: str = Field(description="Of a calendar: holidays or timetable, whichever it holds.")
    sheets: list[str]
    columns: list[str] = Field(
        description="Names of the columns of the file; 1, 2, … where no name is known."
    )
    mapping: dict[str, str] = Field(
        description="Name of a column of the file, by the column that it fills."
    )
    not_used: list[str] = Field(description="Columns of the file that are ignored.")
    is_cut: bool = Field(description="Whether the file ends in the middle of a row.")
    rows: int
    rows_done: int = Field(description="Of the check or import that runs, or ran last.")
    counts: dict[RowOutcome, int]
    problem: str | None = Field(description="Why it failed.")
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime = Field(description="When the file and the report are deleted.")


class ArchiveRead(ImportRead):
    """An import whose archive comes in pieces."""

    size_bytes: int
    piece_bytes: int = Field(description="Size of each piece but the last, bytes.")
    pieces: int


class ImportList(ListPart):
    """Some imports, newest first."""

    imports: list[ImportRead]


class ValueChangeRead(BaseModel):
    """A value before and after."""

    column: str
    before: str = Field(
        description="three bullets where a value is stored that reports do not show: phone and"
        " e-mail of guardians"
    )
    after: str


class FindingRead(BaseModel):
    """One row of a report."""

    row: int | None = Field(
        description="As a spreadsheet counts; of a calendar the event. Null: not in the file."
    )
    outcome: RowOutcome
    what: str | None = Field(
        description="What an event of a calendar is: holiday, weekly, fortnightly, lesson,"
        " cancelled or moved; null for other files."
    )
    about: str
    column: str | None
    reason: str | None = Field(description="A code.")
    message: str | None = Field(description="The reason in English.")
    fix: str | None = Field(description="What to do about it, in English.")
    changes: list[ValueChangeRead]


class ReportPart(ListPart):
    """Some rows of a report with the same outcome."""

    findings: list[FindingRead]
