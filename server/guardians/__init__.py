"""Guardians of students: parents and others who speak for a student, and how to reach them."""
