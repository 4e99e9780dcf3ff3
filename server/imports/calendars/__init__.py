"""iCalendar files: holidays of the school, or lessons of a timetable."""
