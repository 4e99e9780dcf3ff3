"""Every table of the server, imported so that migrations see them all."""

from sqlmodel import SQLModel

import server.accounts.tables
import server.audit.tables
import server.enrollment.tables
import server.people.tables  # noqa: F401 - importing registers the tables

metadata = SQLModel.metadata
