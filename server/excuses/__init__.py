"""Pages and API of reported absences, and what they do to registers of lessons that are over."""
