"""A term of lessons that are over, for one student of a filled server."""

from datetime import UTC, datetime, timedelta

from sqlmodel import select

from scripts.invented_attendance import add_attendance
from scripts.invented_school import School
from server.accounts.tables import Account
from server.config import Settings
from server.db.engine import Database
from server.timetable.tables import Term


def add_term(settings: Settings, school: School) -> None:
    """Give one student a term of lessons that are over."""
    database, today = Database(settings.sqlalchemy_url), datetime.now(UTC).date()
    with database.transaction() as db:
        account = db.exec(select(Account.id)).first()
        first, last = today - timedelta(days=80), today + timedelta(days=20)
        db.add(Term(name="Autumn", first_day=first, last_day=last))
    add_attendance(database, school, account=str(account))
    database.close()
