"""Put something else in the place of a part of a running server."""

from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from server.certificates.links import Links
from server.kiosks.known_configurations import KnownConfigurations
from server.web.state import services_of


def replace_services(app: FastAPI, **changed: Any) -> None:
    """Let endpoints use other services from now on; what runs beside them keeps its parts."""
    app.state.services = replace(services_of(app), **changed)


def use_links(app: FastAPI, links: Links) -> None:
    """Let endpoints tell devices of these certificates from now on."""
    known = KnownConfigurations(links, services_of(app).vault)
    replace_services(app, links=links, configurations=known)
