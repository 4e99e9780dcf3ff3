"""Wi-Fi on the technician screen: the networks in reach, and a keyboard for the password."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal, Slot

from kiosk.domain.wifi import (
    MOST_PASSPHRASE,
    WifiNetwork,
    WifiOutcome,
    WifiSecurity,
    is_passphrase,
)
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter

_DOT = "\u2022"
#: Every printable ASCII letter but the space, which has a key of its width.
LAYERS = {
    "abc": ("qwertyuiop", "asdfghjkl", "zxcvbnm.-"),
    "ABC": ("QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM_@"),
    "123": ("1234567890", "!\"#$%&'()*", "+,/:;<=>?"),
    "[ ]": ("[]{}\\", "^`|~", ""),
}
_FIRST_LAYER = "abc"


@dataclass(frozen=True, slots=True)
class WifiItem:
    """One network of the list."""

    name: str
    detail: str
    can_join: bool
    is_current: bool


@dataclass(frozen=True, slots=True)
class WifiView:
    """What is shown.

    Attributes:
        page: empty, list or password.
        message: what happens, or how it ended.
        is_bad: the message is about a failure.
        typed: the password, as dots unless it is shown.
        rows: keys of the keyboard.
        layers: names of all layers.
    """

    page: str = ""
    title: str = ""
    message: str = ""
    is_bad: bool = False
    items: tuple[WifiItem, ...] = ()
    typed: str = ""
    rows: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    layer: str = ""
    space: str = "\u2423"
    again: str = ""
    reveal: str = ""
    join: str = ""
    back: str = ""
    is_busy: bool = False
    can_join: bool = False


class WifiPresenter(ViewPresenter[WifiView]):
    """Lists networks and takes a password, which it forgets as soon as it was handed on.

    Signals:
        scan_wanted: networks must be searched for.
        join_wanted: a network must be joined (str, str: its name and password).
        touched: a key was pressed.
    """

    scan_wanted = Signal()
    join_wanted = Signal(str, str)
    touched = Signal()

    def __init__(self, words: Catalogue) -> None:
        super().__init__(WifiView(), words)
        self._networks: Sequence[WifiNetwork] = ()
        self._outcome: WifiOutcome | None = None
        self._work = ""
        self._forget()

    def _forget(self) -> None:
        self._page, self._chosen, self._password = "", "", ""
        self._layer, self._is_shown = _FIRST_LAYER, False

    @Slot()
    def open(self) -> None:
        """Show the list, and search."""
        self._page = "list"
        self.scan()

    @Slot()
    def scan(self) -> None:
        """Search, unless something runs."""
        self.touched.emit()
        if not self._work:
            self._work, self._outcome = "searching", None
            self.scan_wanted.emit()
        self._draw()

    @Slot()
    def back(self) -> None:
        """Go from the password to the list, and from the list to the technician screen."""
        page = "list" if self._page == "password" else ""
        self._forget()
        self._page = page
        self._draw()

    def leave(self) -> None:
        """Forget the password: the technician screen closes."""
        if self._page:
            self._forget()
            self._draw()

    @Slot(str)
    def choose(self, name: str) -> None:
        """Join an open network, or ask for the password."""
        found = next((one for one in self._networks if one.name == name), None)
        if found is None or found.security is WifiSecurity.OTHER or self._work:
            return
        self._chosen, self._outcome = name, None
        if found.security is WifiSecurity.OPEN:
            self._join("")
        else:
            self._page = "password"
            self._draw()

    @Slot(str)
    def press(self, letter: str) -> None:
        """Take a letter of the password."""
        is_letter = len(letter) == 1 and letter.isascii() and letter.isprintable()
        if self._page == "password" and is_letter and len(self._password) < MOST_PASSPHRASE:
            self._password += letter
            self._typed()

    @Slot()
    def erase(self) -> None:
        """Take the last letter back."""
        self._password = self._password[:-1]
        self._typed()

    @Slot(str)
    def switch_layer(self, layer: str) -> None:
        """Show other keys."""
        if layer in LAYERS:
            self._layer = layer
            self._typed()

    @Slot()
    def reveal(self) -> None:
        """Show the password, or dots."""
        self._is_shown = not self._is_shown
        self._typed()

    @Slot()
    def join(self) -> None:
        """Try the password."""
        if self._page == "password" and is_passphrase(self._password) and not self._work:
            self._join(self._password)

    def show_networks(self, found: Sequence[WifiNetwork] | WifiOutcome) -> None:
        """Show what the search found."""
        self._work = ""
        if isinstance(found, WifiOutcome):
            self._networks, self._outcome = (), found
        else:
            self._networks = found
        self._draw()

    def show_outcome(self, outcome: WifiOutcome) -> None:
        """Show how joining ended; a new search shows the network as the current one."""
        self._work, self._outcome = "", outcome
        if outcome is WifiOutcome.JOINED and self._page:
            self._work = "searching"
            self.scan_wanted.emit()
        self._draw()

    def use_words(self, words: Catalogue) -> None:
        """See ``ViewPresenter.use_words``."""
        super().use_words(words)
        self._draw()

    def _join(self, password: str) -> None:
        name, self._work, self._outcome = self._chosen, "joining", None
        self._forget()
        self._page, self._chosen = "list", name
        self._draw()
        self.join_wanted.emit(name, password)

    def _typed(self) -> None:
        self.touched.emit()
        self._draw()

    def _draw(self) -> None:
        words = self._words
        if not self._page:
            self.replace(WifiView())
            return
        is_password = self._page == "password"
        self.replace(
            WifiView(
                page=self._page,
                title=words("wifi.password", name=self._chosen)
                if is_password
                else words("wifi.title"),
                message=self._message(),
                is_bad=self._outcome not in (None, WifiOutcome.JOINED),
                items=tuple(self._item(one) for one in self._networks),
                typed=self._password if self._is_shown else _DOT * len(self._password),
                rows=tuple(row for row in LAYERS[self._layer] if row),
                layers=tuple(LAYERS),
                layer=self._layer,
                again=words("wifi.again"),
                reveal=words("wifi.hide" if self._is_shown else "wifi.show"),
                join=words("wifi.join"),
                back=words("pin.back"),
                is_busy=bool(self._work),
                can_join=is_passphrase(self._password) and not self._work,
            )
        )

    def _message(self) -> str:
        words = self._words
        if self._page == "password":
            return words("wifi.length")
        if self._work == "joining":
            return words("wifi.joining", name=self._chosen)
        if self._outcome is not None:
            return words(f"wifi.outcome.{self._outcome.value}", name=self._chosen)
        if self._work:
            return words("wifi.searching")
        return words("wifi.choose") if self._networks else words("wifi.none")

    def _item(self, network: WifiNetwork) -> WifiItem:
        state = "current" if network.is_current else network.security.value
        detail = self._words(f"wifi.kind.{state}", percent=str(network.signal_percent))
        can_join = network.security is not WifiSecurity.OTHER and not self._work
        return WifiItem(
            network.name, detail, can_join and not network.is_current, network.is_current
        )
