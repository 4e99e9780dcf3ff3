"""Run every measurement that needs nothing beside this checkout."""

from __future__ import annotations

from scripts.bench import pipeline

pipeline.main()
