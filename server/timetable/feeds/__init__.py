"""Private calendar addresses: the lessons of a teacher or a course for calendar programs."""
