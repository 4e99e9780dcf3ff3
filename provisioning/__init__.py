"""Tools for field technicians: from a blank machine to a kiosk that works."""
