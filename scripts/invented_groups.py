"""Classes of the invented school: one with members, a past one and a course; and an empty one."""

from datetime import timedelta

from scripts.invented_school import School
from server.db.engine import Database
from server.db.types import now
from server.timetable.groups.service import (
    GroupChange,
    add_course,
    add_members,
    create_group,
    end_member,
)


def add_groups(database: Database, school: School, *, actor: str) -> None:
    """Add two classes of people from the end of the list, which no other page shows first."""
    at = now()
    today = at.date()
    with database.transaction() as db:
        change = GroupChange(actor, at, today)
        group = create_group(db, "10B", actor=actor)
        create_group(db, "11A", actor=actor)
        first_day = today - timedelta(days=40)
        members = add_members(db, group.id, school.people[-9:], first_day, change)
        end_member(db, group.id, members[0].id, today, change)
        end_member(db, group.id, members[1].id, today + timedelta(days=20), change)
        add_course(db, group.id, school.courses[-1], today + timedelta(days=1), change)
