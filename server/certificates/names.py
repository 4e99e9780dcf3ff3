"""By which names and addresses this machine is reached."""

import ipaddress
import re
import socket
from contextlib import suppress

from server.errors import ConfigurationError

#: The server reaches a broker beside it, and an admin the server, by these.
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
#: Reserved for documentation, so nobody has them. Connecting a UDP socket sends nothing.
#: Source: RFC 5737 and RFC 3849.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
#: Source: RFC 1123, 2.1, and RFC 1035, 2.3.4.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_MOST_CHARS = 253
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared only


def parse_name(text: str) -> str:
    """Return a host name or address in the form in which a certificate holds it.

    Raises:
        ConfigurationError: it is neither.
    """
    with suppress(ValueError):
        return str(ipaddress.ip_address(text.strip("[]")))
    name = text.strip().lower().rstrip(".")
    if len(name) > _MOST_CHARS or not all(_LABEL.fullmatch(part) for part in name.split(".")):
        raise ConfigurationError(
            f"{text!r} is no host name and no address. Give one like rollcall.school.example"
            " or 10.0.0.7, without https:// and without a port."
        )
    return name


def machine_names() -> tuple[str, ...]:
    """Return this machine's host names and the addresses by which its networks reach it."""
    found = [socket.gethostname(), socket.getfqdn()]
    with suppress(OSError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)]
    for family, address in _ELSEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            found.append(str(probe.getsockname()[0]))
    usable = []
    for one in found:
        with suppress(ConfigurationError):
            name = parse_name(one)
            if not _is_useless(name):
                usable.append(name)
    return tuple(dict.fromkeys(usable))


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine, over no network."""
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host.strip().lower().rstrip(".") == "localhost"


def reachable(host: str) -> str:
    """Return where to connect to what listens on `host`: an address that means "all" is none."""
    return _WILDCARDS.get(host, host)


def _is_useless(name: str) -> bool:
    with suppress(ValueError):
        address = ipaddress.ip_address(name)
        return address.is_loopback or address.is_link_local or address.is_unspecified
    return name == "localhost" or name.endswith(".arpa")  # where an address has no name
