"""Files of accounts, for administrators: each row a person who signs in."""

from collections.abc import Iterable, Iterator, Sequence

from pydantic import ValidationError
from sqlmodel import Session, col, select

from server.accounts.new_account import AccountCreate
from server.accounts.passwords import OneTime
from server.accounts.service import insert_account, normalise
from server.accounts.tables import Account
from server.imports.course_files import USER_NAME_ALIASES
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
from server.people.bulk import ImportOrigin
from server.people.folding import fold
from server.web.principal import Role

#: How files write a role. Nobody becomes an administrator by a file.
_ROLES = {
    fold(name): role
    for role, names in {
        Role.TEACHER: (
            "", "teacher", "lehrer", "lehrerin", "lehrkraft", "enseignant", "enseignante",
            "professeur", "profesor", "profesora", "docente", "معلم", "معلمة", "أستاذ", "مدرس",
        ),
        Role.OFFICE: (
            "office", "school office", "sekretariat", "büro", "verwaltung", "secrétariat",
            "bureau", "secretaría", "oficina", "مكتب", "السكرتارية", "الإدارة",
        ),
        Role.DPO: (
            "dpo", "data protection officer", "datenschutz", "datenschutzbeauftragter", "dsb",
            "dpd", "délégué à la protection des données", "مسؤول حماية البيانات",
        ),
        Role.TECHNICIAN: (
            "technician", "techniker", "technikerin", "technik", "technicien", "technicienne",
            "técnico", "técnica", "فني", "تقني",
        ),
    }.items()
    for name in names
}  # fmt: skip


class AccountFiles:
    """The kind: each row an account. New ones have no password until an administrator prints it."""

    name = "accounts"
    columns = (
        Column("user_name", USER_NAME_ALIASES, ("m.weber", "a.haddad", "office"), is_required=True),
        Column(
            "full_name",
            (
                "full name", "name", "display name", "teacher name", "voller name",
                "vollständiger name", "anzeigename", "nom complet", "nom", "nombre completo",
                "nombre", "الاسم الكامل", "الاسم",
            ),
            ("Miriam Weber", "Amal Haddad", "School office"),
            is_required=True,
        ),
        Column(
            "role",
            ("role", "rolle", "funktion", "rôle", "fonction", "rol", "función", "الدور", "الوظيفة"),
            ("teacher", "teacher", "office"),
        ),
    )  # fmt: skip

    def identify(self, row: ParsedRow) -> str:
        """Return the user name."""
        return normalise(row["user_name"])

    def about(self, row: ParsedRow) -> str:
        """Return user name and full name."""
        return " · ".join(text for text in (row["user_name"], row["full_name"]) if text)

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Compare rows with the accounts of these names."""
        del lock  # user names are unique in the database
        names = {self.identify(row) for row in rows}
        query = select(Account).where(col(Account.username).in_(names))
        known = {account.username: account for account in db.exec(query)}
        return judged_each(self, rows, lambda row: self._judged(row, known))

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Add accounts. Nobody knows their password, so that nobody can sign in with them yet."""
        if not any(one.finding.outcome is RowOutcome.NEW for one in judged):
            return [one.finding for one in judged]
        unknown = OneTime.new().hashed  # made once: each takes a twentieth of a second

        def write(one: Judged) -> None:
            new: AccountCreate = one.payload
            account = Account(
                username=normalise(new.username),
                display_name=new.display_name,
                role=new.role.value,
                password_hash=unknown,
                must_change_password=True,
            )
            insert_account(db, account, actor=origin.actor)

        return written_each(db, judged, write)

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield the teachers' accounts that are not in the file."""
        given = {self.identify(row) for row in rows}
        query = select(Account).where(
            col(Account.is_active).is_(True), Account.role == Role.TEACHER.value
        )
        for account in db.exec(query.order_by(col(Account.username))):
            if account.username not in given:
                about = f"{account.username} · {account.display_name}"
                yield Finding(0, RowOutcome.MISSING, about)

    def _judged(self, row: ParsedRow, known: dict[str, Account]) -> Judged:
        for column in ("user_name", "full_name"):
            if not row[column]:
                raise RowError("empty", column)
        role = _ROLES.get(fold(row["role"]))
        if role is None:
            raise RowError("role", "role", value=row["role"])
        new = _account(row, role)
        account = known.get(normalise(new.username))
        if account is None:
            return Judged(Finding(row.number, RowOutcome.NEW, self.about(row)), new)
        has_role = not row["role"] or account.role == role
        if not has_role or account.display_name != new.display_name:
            raise RowError("account_differs", "user_name")
        return Judged(Finding(row.number, RowOutcome.UNCHANGED, self.about(row)))


def _account(row: ParsedRow, role: Role) -> AccountCreate:
    """Return the account of a row.

    Raises:
        RowError: a name cannot be used.
    """
    try:
        return AccountCreate(username=row["user_name"], display_name=row["full_name"], role=role)
    except ValidationError as exc:
        field = str(exc.errors(include_input=False)[0]["loc"][0])
        column = "user_name" if field == "username" else "full_name"
        raise RowError("user_name" if field == "username" else "invalid", column) from exc
