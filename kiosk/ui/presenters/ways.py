"""Ways to check in without a face: the small ones beside the camera, and those on an answer."""

from collections.abc import Collection
from dataclasses import dataclass

from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter
from protocol.v1.messages import Fallback

_CARDS = frozenset({Fallback.CARD, Fallback.CARD_ALONE})


@dataclass(frozen=True, slots=True)
class WayItem:
    """One way on an answer.

    Attributes:
        name: show, pin or teacher.
        icon: drawn beside the words.
        words: what to do.
        is_button: whether it is tapped; a QR or card is shown instead.
    """

    name: str
    icon: str
    words: str
    is_button: bool


@dataclass(frozen=True, slots=True)
class WaysView:
    """The small ways beside the camera; empty words are not drawn."""

    pin: str = ""
    teacher: str = ""
    hint: str = ""
    icon: str = ""
    exist: bool = False


def things_to_show(ways: Collection[Fallback]) -> str:
    """What may be shown to the kiosk: qr, card, qr_card or nothing."""
    has_card = not _CARDS.isdisjoint(ways)
    if Fallback.QR in ways:
        return "qr_card" if has_card else "qr"
    return "card" if has_card else ""


def icon_of(things: str) -> str:
    """The sign of what may be shown."""
    return "card" if things == "card" else "qr" if things else ""


def way_items(ways: Collection[Fallback], words: Catalogue) -> tuple[WayItem, ...]:
    """List the ways of an answer, in the order of how quick they are."""
    items = []
    things = things_to_show(ways)
    if things:
        items.append(
            WayItem("show", icon_of(things), words(f"ways.show.{things}"), is_button=False)
        )
    if Fallback.PIN in ways:
        items.append(WayItem("pin", "keypad", words("ways.pin.do"), is_button=True))
    if Fallback.TEACHER in ways:
        items.append(WayItem("teacher", "people", words("ways.teacher.do"), is_button=True))
    return tuple(items)


def ways_view(ways: Collection[Fallback], words: Catalogue) -> WaysView:
    """Choose the words of the small ways."""
    things = things_to_show(ways)
    pin = words("ways.pin") if Fallback.PIN in ways else ""
    teacher = words("ways.teacher") if Fallback.TEACHER in ways else ""
    hint = words(f"ways.or.{things}") if things else ""
    return WaysView(pin, teacher, hint, icon_of(things), exist=bool(pin or teacher or hint))


class WaysPresenter(ViewPresenter[WaysView]):
    """Keeps the ways of the Ready screen, also while a person stands before the camera."""

    def __init__(self, words: Catalogue) -> None:
        super().__init__(WaysView(), words)
        self._ways: Collection[Fallback] = ()

    def show(self, ways: Collection[Fallback]) -> None:
        """Show these ways."""
        self._ways = ways
        self.replace(ways_view(ways, self._words))

    def use_words(self, words: Catalogue) -> None:
        """See ``ViewPresenter.use_words``."""
        super().use_words(words)
        self.show(self._ways)
