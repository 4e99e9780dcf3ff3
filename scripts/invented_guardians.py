"""Guardians of an invented student."""

from scripts.invented_school import School
from server.db.engine import Database
from server.guardians.schemas import GuardianCreate
from server.guardians.service import add_guardian
from server.guardians.tables import GuardianRelation

_GUARDIANS = (
    GuardianCreate(
        name="Amina Haddad",
        relation=GuardianRelation.MOTHER,
        phone="+49 30 5550123",
        email="amina.haddad@example.org",
    ),
    GuardianCreate(name="يوسف الحداد", relation=GuardianRelation.FATHER, phone="0171 5550188"),
    GuardianCreate(
        name="Maximiliane Freifrau von Hohenstein-Bergheim zu Wolfsburg-Unterliezheim",
        relation=GuardianRelation.OTHER,
        email="maximiliane.von.hohenstein-bergheim@verwaltung.lindenhof.example.org",
    ),
)


def add_guardians(database: Database, school: School, *, actor: str) -> None:
    """Add guardians to two students: the first, and the one whose consent form is shown."""
    with database.transaction() as db:
        for student in (school.people[0], school.people[7]):
            for one in _GUARDIANS:
                add_guardian(db, student, one, actor=actor)
