"""Takes names and secrets out of texts: log lines keep only words of the program's own texts."""

import ast
import re
import socket
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from pwd import getpwall

GONE = "…"
_PACKAGES = ("kiosk", "models", "protocol")
_LOG_METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_OWN_WORDS = frozenset(
    re.findall(
        r"\w+",
        """DEBUG INFO WARNING ERROR CRITICAL debug info warning error critical at level logger
        message traceback File line in caused by builtins systemd Started Stopped Stopping Starting
        service rollcall main process exited code status Failed with result signal core dump
        watchdog""",
    )
)
_LONGEST_NUMBER = 6
_PIECES = re.compile(
    r"(?P<id>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    r"|(?P<time>\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
    r"|(?P<frame>(?:/[^\s\"/]*)+/(?P<inside>(?:kiosk|models|protocol)/[a-z_0-9/]+\.py))"
    r"|(?P<place>\b(?:kiosk|models|protocol)(?:\.[a-z_]+)+)"
    r"|(?P<word>\w+)"
)
_ERROR = re.compile(r"[A-Z][A-Za-z]*(?:Error|Exception|Warning|Interrupt)")
_SECRETS = (
    re.compile(r"(?<=//)[^/@\s\"']+@"),
    re.compile(r"[0-9a-fA-F]{32,}"),
    re.compile(r"(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?=[\w+/-]*\d)[\w+/-]{24,}={0,2}"),
    re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+"),
)
_LEAST_ACCOUNT = 1000


class LogScrubber:
    """Rewrites log lines: identities become `id-1`, `id-2` ..., foreign words become `…`.

    A name that a library or a newer version writes into a line is no word of the program's own log
    texts, so it is removed without a list of names.
    """

    def __init__(self) -> None:
        self._identities: dict[str, str] = {}
        self._words = _OWN_WORDS | program_words()

    def scrub(self, line: str) -> str:
        """Return a line without anything that could name a person or open a door."""
        return _PIECES.sub(self._piece, line)

    def _piece(self, found: "re.Match[str]") -> str:
        if found["id"]:
            name = found["id"].lower()
            return self._identities.setdefault(name, f"id-{len(self._identities) + 1}")
        if found["frame"]:
            return found["inside"]
        word = found["word"]
        if word is None:
            return found[0]
        is_number = word.isascii() and word.isdigit() and len(word) <= _LONGEST_NUMBER
        is_own = word in self._words or _ERROR.fullmatch(word)
        return word if is_number or is_own else GONE


def scrubbed(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without keys, tokens, addresses, this machine's accounts and its name.

    Args:
        text: of the program's own, such as a doctor's sentence.
        secrets: values that must not be in it, whatever they look like.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, GONE)
    for pattern in _SECRETS:
        text = pattern.sub(GONE, text)
    for name in _people_names():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", GONE, text)
    return text


@cache
def _people_names() -> tuple[str, ...]:
    """Return names of accounts of people on this machine, and the machine's own."""
    accounts = {one.pw_name for one in getpwall() if one.pw_uid >= _LEAST_ACCOUNT}
    return tuple(sorted(accounts - {"nobody", "rollcall"} | {socket.gethostname()}))


@cache
def program_words() -> frozenset[str]:
    """Return the words of all log texts and error messages of the installed program."""
    words: set[str] = set()
    for name in _PACKAGES:
        spec = find_spec(name)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in Path(folder).rglob("*.py"):
                source = path.read_text(encoding="utf-8")
                if "logger." in source or "raise " in source:
                    words.update(_words_of(source))
    return frozenset(words)


def _words_of(source: str) -> Iterable[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and _is_logging(node)):
            for inside in ast.walk(node):
                if isinstance(inside, ast.Constant) and isinstance(inside.value, str):
                    yield from re.findall(r"\w+", inside.value)


def _is_logging(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in _LOG_METHODS
