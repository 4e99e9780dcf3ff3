"""The words of each language, and a zone that is not UTC."""

from zoneinfo import ZoneInfo

import pytest

from kiosk.ui.catalogue import Catalogue, load_catalogue

ZONE = ZoneInfo("Europe/Madrid")


@pytest.fixture
def words() -> Catalogue:
    return load_catalogue("en", ZONE)


@pytest.fixture
def arabic() -> Catalogue:
    return load_catalogue("ar", ZONE)
