"""The database: engine, the only commit, column types, encryption at rest."""

from sqlmodel import SQLModel

# Set before any table is declared: constraints then have the same names on every database, which
# is what lets a migration drop or change them.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
