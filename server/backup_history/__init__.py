"""When the database was backed up last, and what went wrong since."""
