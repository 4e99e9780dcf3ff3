import pytest

from kiosk.domain.health import FaultCleared, FaultEdge, Health, LinkHealth


def test_fault_is_reported_once_when_it_starts_and_once_when_it_ends() -> None:
    edge = FaultEdge()

    assert [edge.start(1.0), edge.is_on, edge.start(2.0)] == [True, True, False]
    assert edge.clear(5.5) == FaultCleared(4.5)
    assert not edge.is_on
    assert edge.clear(6.0) is None


@pytest.mark.parametrize(
    ("server", "broker", "is_offline"),
    [
        (LinkHealth.DOWN, LinkHealth.DOWN, True),
        (LinkHealth.UP, LinkHealth.DOWN, False),
        (LinkHealth.DOWN, LinkHealth.UP, True),
        (LinkHealth.REFUSED, LinkHealth.REFUSED, True),
    ],
)
def test_kiosk_is_offline_when_no_way_works(
    server: LinkHealth, broker: LinkHealth, *, is_offline: bool
) -> None:
    assert Health(server=server, broker=broker).is_offline is is_offline
