"""What a kiosk says of its networks has words on its page, in every language and for every case."""

import pytest

from kiosk.app.parts import parts_of
from kiosk.domain.health import Health, RecognitionHealth, RecognitionState
from kiosk.domain.networks import NetworkFault, NetworkState
from server.kiosks.parts import PartLine, part_lines
from server.web.translations import translator

COMMAND = "rollcall-models install sface-2021dec"


def line_of(health: Health, name: str) -> PartLine:
    parts = {key: part.model_dump() for key, part in parts_of(health).items()}
    return next(line for line in part_lines({"parts": parts}) if line.name == name)


def said(line: PartLine, language: str = "en") -> tuple[str, str]:
    """The badge, and the advice above the page."""
    t = translator(language)
    advice = t(f"kiosks.part_advice.{line.advice}", **line.values) if line.advice else ""
    return t(f"kiosks.part_detail.{line.detail}", **line.values), advice


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize(
    "state",
    [
        RecognitionState(RecognitionHealth.NETWORK_MISSING, "sface-2021dec", COMMAND),
        RecognitionState(RecognitionHealth.NETWORK_DAMAGED, "sface-2021dec", COMMAND),
        RecognitionState(RecognitionHealth.OTHER_NETWORK, "sface-2021dec", school="omz-0095"),
    ],
)
def test_a_fault_of_the_network_comes_with_advice(language: str, state: RecognitionState) -> None:
    line = line_of(Health(recognition=state), "recognition")
    badge, advice = said(line, language)

    assert line.tone == "bad"
    assert badge
    assert "sface-2021dec" in advice
    assert (state.command or state.school) in advice


@pytest.mark.parametrize("fault", list(NetworkFault))
@pytest.mark.parametrize("is_bundled", [True, False])
@pytest.mark.parametrize("current", ["", "dlib-resnet-v1"])
def test_the_next_network_is_named(current: str, is_bundled: bool, fault: NetworkFault) -> None:
    networks = NetworkState(current, is_bundled, "sface-2021dec", fault)
    line = line_of(Health(network=networks), "recognition_network")
    badge, advice = said(line)

    assert "sface-2021dec" in badge
    assert (line.tone == "ok") == (bool(current) and fault is NetworkFault.NONE)
    assert bool(advice) == (fault in (NetworkFault.MISSING, NetworkFault.DAMAGED))


@pytest.mark.parametrize("is_bundled", [True, False])
def test_a_network_without_a_change_is_only_named(is_bundled: bool) -> None:
    networks = NetworkState("dlib-resnet-v1", is_bundled=is_bundled)
    line = line_of(Health(network=networks), "recognition_network")
    assert (said(line), line.tone) == (("dlib-resnet-v1", ""), "ok")


def test_a_kiosk_with_other_words_is_shown_by_its_state() -> None:
    parts = {"recognition_network": {"state": "ok", "detail": "Something else!"}}
    (line,) = part_lines({"parts": parts})
    assert (line.detail, line.values) == ("", {})
