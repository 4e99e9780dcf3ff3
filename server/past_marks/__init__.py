"""Attendance from before the school used Rollcall: files of it, and what they do to registers."""
