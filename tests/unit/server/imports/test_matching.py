"""Columns are found by their names in five languages; rows that contradict each other are found."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from server.imports.findings import Finding, ImportKind, RowError, RowOutcome, ValueChange
from server.imports.kinds import WITHOUT_COLUMNS, KindName, kind_of
from server.imports.matching import add_counts, counts_of, guess, read_rows_as
from server.imports.reading import read_rows
from server.imports.values import read_date, read_year
from server.imports.words import column_words, fix_words, reason_words, report_file, sample_file
from server.past_marks.files import AttendanceFiles
from server.web.translations import LANGUAGES, translator

ZONE = ZoneInfo("Europe/Berlin")


def any_kind(name: str) -> ImportKind:
    """Return a kind that has columns, also the one of another package."""
    is_attendance = name == KindName.ATTENDANCE
    return AttendanceFiles(ZONE, "en") if is_attendance else kind_of(name, ZONE)


KINDS = [any_kind(name) for name in KindName if name not in WITHOUT_COLUMNS]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Student ID;First Name;Last Name;Date of Birth", (0, 1, 2, 3)),
        ("Nachname;Vorname;Schülernr.;Geburtsdatum", (2, 1, 0, 3)),
        ("NOM;Prénom;Numéro d'élève;Année de naissance", (2, 1, 0, 3)),
        ("Apellidos;Nombre;Número de estudiante;Fecha de nacimiento", (2, 1, 0, 3)),
        ("رقم الطالب;الاسم الأول;اسم العائلة;سنة الميلاد", (0, 1, 2, 3)),
        ("sourcedId;familyName;givenName;identifier", (3, 2, 1, None)),
        ("x;y", (None, None, None, None)),
    ],
)
def test_columns_are_guessed(header: str, expected: tuple[int | None, ...]) -> None:
    found = guess(header.split(";"), kind_of("people", ZONE).columns)
    wanted = ("student_number", "given_name", "family_name", "year_of_birth")
    assert tuple(found.get(name) for name in wanted) == expected


def test_no_column_of_the_file_fills_two() -> None:
    found = guess(["Course", "Name", "Until"], kind_of("rosters", ZONE).columns)
    assert found == {"course": 0, "until": 2}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("name", sorted(set(KindName) - WITHOUT_COLUMNS))
def test_a_sample_file_fits_its_kind_in_every_language(name: KindName, language: str) -> None:
    found = any_kind(name)
    sheet = read_rows(sample_file(translator(language), found.columns))
    mapping = guess(sheet.header, found.columns)
    assert list(mapping) == [one.key for one in found.columns]
    rows = read_rows_as(found, sheet, mapping)
    assert (len(rows.rows), rows.wrong) == (len(found.columns[0].samples), [])


def test_equal_rows_count_once_and_contradicting_ones_never() -> None:
    text = "Number;First name\n1;Ada\n1;Ada\n2;Ben\n2;Eve\n3;Zoë;extra\n４;Wide\n4;Wide\n5\n"
    kind = kind_of("people", ZONE)
    sheet = read_rows(text.encode())
    found = read_rows_as(kind, sheet, guess(sheet.header, kind.columns))
    assert [row.number for row in found.rows] == [2, 9]
    wrong = {one.row: one.reason for one in found.wrong}
    assert wrong == {
        3: "repeated",
        4: "contradicts",
        5: "contradicts",
        6: "too_many_cells",
        7: "contradicts",
        8: "contradicts",
    }
    assert len(list(found.in_order())) == len(sheet.rows)
    assert len(found.refused) == len(found.wrong)


def test_half_a_row_and_text_that_misleads_are_wrong() -> None:
    text = "Number;First name\n1;A\u202eda\n2;Line\u2028break\n3"
    kind = kind_of("people", ZONE)
    sheet = read_rows(text.encode())
    found = read_rows_as(kind, sheet, guess(sheet.header, kind.columns))
    assert [(one.row, one.reason) for one in found.wrong] == [
        (2, "misleading"),
        (3, "misleading"),
        (4, "cut"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("2026-09-01", date(2026, 9, 1)),
        ("2026-09-01 00:00", date(2026, 9, 1)),
        ("1.9.2026", date(2026, 9, 1)),
        ("31/12/2026", date(2026, 12, 31)),
        ("12/31/2026", date(2026, 12, 31)),
        ("05/05/2026", date(2026, 5, 5)),
    ],
)
def test_dates_are_read(text: str, expected: date | None) -> None:
    assert read_date(text, "from") == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("03/04/2026", "date_ambiguous"),
        ("2026-02-30", "date"),
        ("31.02.2026", "date"),
        ("99/99/2026", "date"),
        ("soon", "date"),
        ("44805", "date"),
    ],
)
def test_wrong_dates_are_refused(text: str, reason: str) -> None:
    with pytest.raises(RowError) as refused:
        read_date(text, "from")
    assert refused.value.reason == reason


def test_years_come_from_years_and_dates() -> None:
    texts = ("", "2011", "2011-05-17", "17.5.2011", "03/04/2011")
    assert [read_year(text, "year_of_birth") for text in texts] == [None, 2011, 2011, 2011, 2011]
    with pytest.raises(RowError):
        read_year("11", "year_of_birth")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_reason_has_words_and_a_fix(language: str) -> None:
    t = translator(language)
    reasons = {key.split(".")[2] for key in t.texts if key.startswith("imports.reason.")}
    fixes = {key.split(".")[2] for key in t.texts if key.startswith("imports.fix.")}
    assert reasons == fixes
    values = {
        "value": "v",
        "row": "2",
        "rows": "2, 3",
        "numbers": "1, 1_2",
        "file": "a",
        "most": "20",
        "course": "BIO-9",
        "name": "Autumn break",
        "day": "2026-09-02",
        "code": "Trip",
        "count": "3",
        "event": "Biology 9",
        "at": "2026-09-07 08:00",
    }
    for reason in sorted(reasons):
        finding = Finding(2, RowOutcome.WRONG, "x", reason, "student_number", values)
        assert reason_words(t, finding)
        assert fix_words(t, finding)
    unknown = Finding(2, RowOutcome.WRONG, "x", "of a later version")
    assert reason_words(t, unknown) == t("imports.reason.refused")
    assert all(column_words(t, one.key) for kind in KINDS for one in kind.columns)


def test_a_downloaded_report_runs_no_formula() -> None:
    changes = (ValueChange("given_name", "=1+1", "@SUM(A1)"), ValueChange("family_name", "", "-2"))
    finding = Finding(2, RowOutcome.CHANGED, "+49 · =cmd", changes=changes)
    sheet = read_rows(report_file(translator("en"), [finding]))
    assert [row.cells[2] for row in sheet.rows] == ["'+49 · =cmd"] * 2
    assert [row.cells[6:] for row in sheet.rows] == [("'=1+1", "'@SUM(A1)"), ("", "'-2")]


def test_counts_add_up() -> None:
    found = counts_of([Finding(1, RowOutcome.NEW, ""), Finding(2, RowOutcome.NEW, "")])
    assert add_counts(found, {"wrong": 1, "new": 2}) == {"wrong": 1, "new": 4}
