"""Read the address of the database without ever repeating the password that is in it."""

from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from server.errors import ConfigurationError

_KINDS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
_FORM = "Expected postgresql+psycopg://user:password@host/name"
_SHORTEST = 3


def parsed_address(text: str) -> URL:
    """Return the address in parts.

    An unencoded ``@`` or ``/`` in a password would make the rest of it a host or database name,
    which drivers repeat in their messages. Such an address is refused, in words without it.

    Args:
        text: in SQLAlchemy's form; ``postgresql://`` means psycopg.

    Raises:
        ConfigurationError: it cannot be read, or is ambiguous.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in (*_KINDS, *_KINDS.values()):
        raise ConfigurationError(
            f"The database address begins with no kind that Rollcall knows. {_FORM}."
        )
    try:
        url = make_url(f"{_KINDS.get(scheme, scheme)}://{rest}")
    except (ArgumentError, ValueError):
        raise _unreadable() from None
    if url.get_backend_name() != "sqlite" and not _is_clear(url, rest):
        raise _unreadable()
    return url


def file_address(path: Path) -> str:
    """Return the address of an SQLite file; a % in a folder's name is no code."""
    return f"sqlite:///{quote(str(path))}"


def _is_clear(url: URL, rest: str) -> bool:
    """Say whether every part is where its writer meant it to be."""
    has_user = url.username is not None or "@" not in rest
    is_port = url.port is None or 0 < url.port < 1 << 16
    return has_user and is_port and rest.count("@") <= 1 and bool(url.database)


def without_password(words: str, url: URL) -> str:
    """Return a driver's message with the password, if it is in there, left out."""
    password = url.password or ""
    return words.replace(password, "…") if len(password) >= _SHORTEST else words


def _unreadable() -> ConfigurationError:
    return ConfigurationError(
        f"The database address cannot be read. {_FORM}, with special characters of the password"
        " percent-encoded (@ as %40, / as %2F, : as %3A)."
    )
