"""Wi-Fi on the technician screen: passwords stay nowhere, and every network has its answer."""

import string
from zoneinfo import ZoneInfo

import pytest

from kiosk.domain.wifi import WifiNetwork, WifiOutcome, WifiSecurity, is_passphrase
from kiosk.ui.catalogue import load_catalogue
from kiosk.ui.presenters.technician_wifi import LAYERS, WifiPresenter

PASSWORD = "correct horse"
NETWORKS = (
    WifiNetwork("School", 82, WifiSecurity.PASSWORD),
    WifiNetwork("Library", 40, WifiSecurity.OPEN),
    WifiNetwork("eduroam", 30, WifiSecurity.OTHER),
)


class Bench:
    """The screen with the list open, and what it asked for."""

    def __init__(self) -> None:
        self.wifi = WifiPresenter(load_catalogue("en", ZoneInfo("UTC")))
        self.scans: list[bool] = []
        self.joins: list[tuple[str, str]] = []
        self.wifi.scan_wanted.connect(lambda: self.scans.append(True))
        self.wifi.join_wanted.connect(lambda name, password: self.joins.append((name, password)))
        self.wifi.open()
        self.wifi.show_networks(NETWORKS)

    def type(self, words: str) -> None:
        for letter in words:
            self.wifi.press(letter)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_password_is_hidden_handed_on_once_and_forgotten(bench: Bench) -> None:
    bench.wifi.choose("School")
    bench.type(PASSWORD)
    assert PASSWORD not in repr(bench.wifi.current)
    bench.wifi.reveal()
    assert bench.wifi.current.typed == PASSWORD

    bench.wifi.join()
    assert bench.joins == [("School", PASSWORD)]
    assert bench.wifi.current.message == "Joining School, up to a minute"
    assert PASSWORD not in repr(vars(bench.wifi))
    bench.wifi.show_outcome(WifiOutcome.WRONG_PASSWORD)
    assert bench.wifi.current.is_bad
    bench.wifi.choose("School")
    assert bench.wifi.current.typed == ""


@pytest.mark.parametrize("way", ["back", "leave"])
def test_leaving_forgets_what_was_typed(bench: Bench, way: str) -> None:
    bench.wifi.choose("School")
    bench.type(PASSWORD)
    getattr(bench.wifi, way)()
    assert PASSWORD not in repr(vars(bench.wifi))


def test_a_password_that_no_network_has_is_not_tried(bench: Bench) -> None:
    bench.wifi.choose("School")
    bench.type("short")
    assert not bench.wifi.current.can_join
    bench.wifi.join()
    bench.type("\n\u00e4" + "x" * 80)
    bench.wifi.reveal()
    assert len(bench.wifi.current.typed) == 63
    assert bench.joins == []


def test_an_open_network_is_joined_at_once_and_others_not(bench: Bench) -> None:
    bench.wifi.choose("eduroam")
    bench.wifi.choose("nowhere")
    assert bench.joins == []
    bench.wifi.choose("Library")
    assert bench.joins == [("Library", "")]
    bench.wifi.choose("School")
    assert bench.wifi.current.page == "list"


def test_one_search_at_a_time_and_a_new_one_after_joining(bench: Bench) -> None:
    bench.wifi.scan()
    bench.wifi.scan()
    assert len(bench.scans) == 2
    bench.wifi.show_networks(WifiOutcome.NO_MANAGER)
    assert bench.wifi.current.items == ()
    assert "NetworkManager" in bench.wifi.current.message
    bench.wifi.show_outcome(WifiOutcome.JOINED)
    assert len(bench.scans) == 3


def test_the_keyboard_has_every_letter_of_a_password() -> None:
    letters = "".join("".join(rows) for rows in LAYERS.values())
    wanted = string.ascii_letters + string.digits + string.punctuation
    assert sorted(letters) == sorted(wanted)
    assert is_passphrase(wanted[:62] + " ")
