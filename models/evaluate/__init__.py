"""Measures how well a model tells people apart: verification, identification, calibration, gate."""
