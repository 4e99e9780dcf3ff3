import pytest

from kiosk.domain.sightings import Sighting, SightingKind
from tests.unit.kiosk.domain.door import recognition


def test_recognition_and_kind_go_together() -> None:
    with pytest.raises(ValueError, match="exactly when"):
        Sighting(SightingKind.RECOGNISED, 1, 0.0)
    with pytest.raises(ValueError, match="exactly when"):
        Sighting(SightingKind.UNKNOWN, 1, 0.0, recognition=recognition())
