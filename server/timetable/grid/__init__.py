"""The weekly grid: the lessons of a room, course, teacher or student, edited in place."""
