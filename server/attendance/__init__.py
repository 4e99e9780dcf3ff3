"""Attendance: taking events in, deriving the register, correcting it by hand."""
