"""INSERT with ON CONFLICT, which both databases have and SQLAlchemy keeps in their dialects."""

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlmodel import Session, SQLModel


def insert_into(db: "Session", table: "type[SQLModel]") -> Any:
    """Start an INSERT that has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    dialect = postgresql if db.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
