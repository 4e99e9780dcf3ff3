"""The device application: sees faces at the door and records attendance on its own disk."""
