"""Rooms, courses, who is on their rosters, and when they meet."""
