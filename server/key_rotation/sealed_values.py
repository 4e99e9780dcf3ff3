"""Every column that the vault seals, with what its values are bound to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlmodel import SQLModel

import server.absences.attachments
import server.accounts.second_factor
import server.credentials.keys
import server.enrollment.gallery
import server.imports.pieces
import server.imports.reports
import server.line_files.service
import server.prints.service
import server.reports.prepared
from server.absences.tables import AbsenceAttachment
from server.accounts.tables import SecondFactor
from server.credentials.service import PIN_PURPOSE
from server.credentials.tables import CredentialKey, KioskPinKey, Pin
from server.enrollment.photo import PHOTO_PURPOSE
from server.enrollment.tables import EnrolmentPhoto, Template
from server.imports.findings import RowOutcome
from server.imports.tables import ImportFile, ImportPart, ImportPiece
from server.kiosks.claiming import BROKER_PURPOSE, DATA_KEY_PURPOSE, SERVER_KEY_PURPOSE
from server.kiosks.tables import Kiosk, ServerKey
from server.line_files.tables import LineFile
from server.networks.scans import SCAN_PURPOSE
from server.networks.tables import WaitingScan
from server.prints.tables import PreparedPrint
from server.reports.tables import PreparedPart, PreparedReport


@dataclass(frozen=True)
class SealedColumn:
    """A column of encrypted values.

    Attributes:
        table: of the column.
        purpose: as `Vault.seal` was given it.
        context: returns what a row's value is bound to.
        key_column: holds the id of the key.
        data_column: holds the encrypted value.
        rows_at_once: in one transaction; a value may be large.
    """

    table: type[SQLModel]
    purpose: str
    context: Callable[[Any], str]
    key_column: str = "key_id"
    data_column: str = "data"
    rows_at_once: int = 100


#: Photos of up to 20 MB, and pieces of a mebibyte.
_FEW, _SOME = 4, 16
SEALED_COLUMNS = (
    SealedColumn(ServerKey, SERVER_KEY_PURPOSE, lambda _row: "1"),
    SealedColumn(CredentialKey, server.credentials.keys.PURPOSE, lambda row: str(row.name)),
    SealedColumn(KioskPinKey, server.credentials.keys.KIOSK_PURPOSE, lambda row: str(row.kiosk_id)),
    SealedColumn(
        Kiosk,
        BROKER_PURPOSE,
        lambda row: str(row.wire_id),
        "broker_password_key_id",
        "broker_password",
    ),
    SealedColumn(
        Kiosk, DATA_KEY_PURPOSE, lambda row: str(row.wire_id), "data_key_key_id", "data_key"
    ),
    SealedColumn(
        SecondFactor,
        server.accounts.second_factor.PURPOSE,
        lambda row: str(row.account_id),
        data_column="secret",
    ),
    SealedColumn(Pin, PIN_PURPOSE, lambda row: str(row.holder_id)),
    SealedColumn(Template, server.enrollment.gallery.PURPOSE, lambda row: str(row.id)),
    SealedColumn(WaitingScan, SCAN_PURPOSE, lambda row: str(row.id)),
    SealedColumn(
        EnrolmentPhoto, PHOTO_PURPOSE, lambda row: str(row.enrolment_id), rows_at_once=_FEW
    ),
    SealedColumn(
        AbsenceAttachment,
        server.absences.attachments.PURPOSE,
        lambda row: str(row.id),
        rows_at_once=_FEW,
    ),
    SealedColumn(
        LineFile,
        server.line_files.service.PURPOSE,
        lambda row: str(row.id),
        rows_at_once=_FEW,
    ),
    SealedColumn(
        PreparedPrint,
        server.prints.service.PURPOSE,
        lambda row: server.prints.service.context_of(row.report_id, row.number),
        rows_at_once=_SOME,
    ),
    SealedColumn(
        ImportFile,
        server.imports.reports.PURPOSE,
        lambda row: str(row.run_id),
        rows_at_once=_FEW,
    ),
    SealedColumn(
        ImportPiece,
        server.imports.pieces.PURPOSE,
        lambda row: f"{row.run_id}/{row.number}",
        rows_at_once=_FEW,
    ),
    SealedColumn(
        ImportPart,
        server.imports.reports.PURPOSE,
        lambda row: server.imports.reports.context_of(
            row.run_id, RowOutcome(row.outcome), row.number
        ),
        rows_at_once=_SOME,
    ),
    SealedColumn(
        PreparedReport,
        server.reports.prepared.PURPOSE,
        lambda row: f"{row.id}:summary",
        data_column="summary",
        rows_at_once=_SOME,
    ),
    SealedColumn(
        PreparedPart,
        server.reports.prepared.PURPOSE,
        lambda row: f"{row.report_id}:{row.number}",
        rows_at_once=_SOME,
    ),
)
