"""What a kiosk reports of its records has words and advice on its page, in each language."""

from itertools import product

import pytest

from kiosk.app.parts import parts_of
from kiosk.app.record_parts import identity_part
from kiosk.domain.health import DiskHealth, Health, LinkHealth
from kiosk.domain.identity import IdentityFault
from kiosk.domain.links import LinkSecurity
from protocol.v1.messages import ClockSource, PartHealth
from server.kiosks.parts import part_lines
from server.web.translations import translator

RECORD_PARTS = ("server", "server_link", "broker_link", "disk", "outbox", "clock", "storage")
HEALTHS = [
    *(Health(server=link) for link in LinkHealth),
    *(Health(server_link=link, broker_link=link) for link in LinkSecurity),
    *(Health(disk=disk, waiting=9) for disk in DiskHealth),
    *(Health(clock=source) for source in ClockSource),
    *(Health(clock=ClockSource.NTP, clock_offset_ms=ms) for ms in (9e4, -9e6, 1e12)),
    Health(lost=3),
    Health(set_aside=3),
    Health(renewed=("gallery", "config")),
]
REPORTED = [
    *({"identity": identity_part(fault)} for fault in IdentityFault),
    *(
        {name: part for name, part in parts_of(health).items() if name in RECORD_PARTS}
        for health in HEALTHS
    ),
]
WITHOUT_ADVICE = {("server", "down"), ("storage", "renewed gallery config")}


@pytest.mark.parametrize(("parts", "language"), list(product(REPORTED, ["en", "ar"])))
def test_each_state_is_said_in_words_and_a_fault_with_advice(
    parts: dict[str, PartHealth], language: str
) -> None:
    t = translator(language)
    sent = {name: part.model_dump(mode="json") for name, part in parts.items()}
    for line in part_lines({"parts": sent}):
        part = parts[line.name]
        assert t(f"kiosks.part.{line.name}")
        is_fault = part.state != "ok"
        assert bool(line.detail) or not is_fault
        assert not line.detail or t(f"kiosks.part_detail.{line.detail}", **line.values)
        needs_advice = is_fault and (line.name, part.detail) not in WITHOUT_ADVICE
        assert bool(line.advice) == needs_advice
        assert not line.advice or t(f"kiosks.part_advice.{line.advice}", **line.values)
