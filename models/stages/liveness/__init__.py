"""Tells a person from a picture of one: levels off, passive and active; see docs/liveness.md."""
