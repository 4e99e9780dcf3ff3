"""Put something else in the place of a part of a running server."""

from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from server.web.state import services_of


def replace_services(app: FastAPI, **changed: Any) -> None:
    """Let endpoints use other services from now on; what runs beside them keeps its parts."""
    app.state.services = replace(services_of(app), **changed)
