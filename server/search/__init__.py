"""One search over people, lessons of today, courses, rooms, kiosks and pages."""
