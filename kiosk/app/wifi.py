"""Asks NetworkManager for the networks in reach, and joins one. Passwords go through a pipe."""

from collections.abc import Sequence

from kiosk.doctor import HostMachine
from kiosk.doctor.machine import ToolOutput
from kiosk.domain.wifi import WifiNetwork, WifiOutcome, WifiSecurity

_LIST = ("-t", "-f", "IN-USE,SIGNAL,SECURITY,SSID", "device", "wifi", "list", "--rescan", "yes")
_SEARCH_S = 20.0
_JOIN_S = 60.0
_WAIT_S = "45"
_ENDS = (  # words of nmcli in English; the first that occurs decides
    ("not authorized", WifiOutcome.NOT_ALLOWED),
    ("insufficient privileges", WifiOutcome.NOT_ALLOWED),
    ("secrets were required", WifiOutcome.WRONG_PASSWORD),
    ("property is invalid", WifiOutcome.WRONG_PASSWORD),
    ("no network with ssid", WifiOutcome.GONE),
    ("could not be found", WifiOutcome.GONE),
    ("networkmanager is not running", WifiOutcome.NO_MANAGER),
)


def networks_in_reach(machine: HostMachine) -> Sequence[WifiNetwork] | WifiOutcome:
    """Search for networks; the strongest of each name, the strongest first. Takes seconds."""
    output = machine.run("nmcli", *_LIST, limit_s=_SEARCH_S)
    if output is None:
        return WifiOutcome.NO_MANAGER
    if not output.is_good:
        return _ended(output)
    found: dict[str, WifiNetwork] = {}
    for network in filter(None, map(_network, output.text.splitlines())):
        known = found.get(network.name)
        if known is None or _rank(network) > _rank(known):
            found[network.name] = network
    return sorted(found.values(), key=_rank, reverse=True)


def join(machine: HostMachine, name: str, password: str) -> WifiOutcome:
    """Join a network and stay in it after a restart. Takes up to a minute.

    Args:
        machine: this one.
        name: the SSID, from `networks_in_reach`.
        password: empty for an open network; it is in no command line and in no log.
    """
    ask = ("--ask",) if password else ()
    command = (*ask, "--wait", _WAIT_S, "device", "wifi", "connect", name)
    output = machine.run("nmcli", *command, limit_s=_JOIN_S, told=f"{password}\n")
    if output is None:
        return WifiOutcome.NO_MANAGER
    return WifiOutcome.JOINED if output.is_good else _ended(output)


def _ended(output: ToolOutput) -> WifiOutcome:
    said = f"{output.text}\n{output.errors}".lower()
    return next((outcome for words, outcome in _ENDS if words in said), WifiOutcome.FAILED)


def _rank(network: WifiNetwork) -> tuple[bool, int]:
    return network.is_current, network.signal_percent


def _network(line: str) -> WifiNetwork | None:
    """Read a line of nmcli's terse output; hidden networks have no name."""
    fields = _fields(line)
    if len(fields) != 4 or not fields[3] or not fields[1].isdecimal():
        return None
    in_use, signal, security, name = fields
    return WifiNetwork(name, min(100, int(signal)), _security(security, name), in_use == "*")


def _security(said: str, name: str) -> WifiSecurity:
    kinds = set(said.split())
    if name.startswith("-"):  # nmcli would take it for an option
        return WifiSecurity.OTHER
    if not kinds - {"--", "OWE"}:
        return WifiSecurity.OPEN
    personal = bool(kinds & {"WPA1", "WPA2", "WPA3"}) and "802.1X" not in kinds
    return WifiSecurity.PASSWORD if personal else WifiSecurity.OTHER


def _fields(line: str) -> list[str]:
    """Split at colons; a backslash takes the meaning from the next letter."""
    fields, is_escaped = [""], False
    for letter in line:
        if is_escaped or letter not in "\\:":
            fields[-1] += letter
            is_escaped = False
        elif letter == "\\":
            is_escaped = True
        else:
            fields.append("")
    return fields
