"""Who teaches one lesson in place of the course's teachers."""
