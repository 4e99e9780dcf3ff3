"""Enrolment: from a photo to a template that kiosks can match, and back to nothing."""
