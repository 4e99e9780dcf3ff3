"""Every table of the server, imported so that migrations see them all."""

from sqlmodel import SQLModel

import server.absences.tables
import server.accounts.tables
import server.accuracy.tables
import server.attendance.codes.tables
import server.attendance.tables
import server.audit.tables
import server.backup_history.tables
import server.commissioning.tables
import server.credentials.tables
import server.enrollment.tables
import server.guardians.tables
import server.idempotency.tables
import server.imports.tables
import server.jobs.tables
import server.kiosks.tables
import server.limits.tables
import server.line_files.tables
import server.mark_reviews.tables
import server.networks.tables
import server.people.tables
import server.policies.tables
import server.prints.tables
import server.reports.tables
import server.school.tables
import server.timetable.feeds.tables
import server.timetable.tables
import server.tokens.tables  # noqa: F401 - importing registers the tables

metadata = SQLModel.metadata
