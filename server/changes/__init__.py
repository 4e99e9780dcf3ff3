"""The log of what changed in the school: which people, courses and rooms, for kiosks."""
