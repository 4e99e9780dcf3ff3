"""Absences reported in advance: what was reported, withdrawn and attached."""
