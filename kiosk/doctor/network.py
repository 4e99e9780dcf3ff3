"""The network: cable or Wi-Fi, and the server's name."""

import socket
from ipaddress import ip_address

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail, ok, skipped, warn
from kiosk.doctor.machine import HostMachine
from protocol.v1.tls import is_loopback

_WEAK_PERCENT = 40


def network(exam: Examination) -> Diagnosis:
    """Check that the machine is on a network, and how strong its Wi-Fi is."""
    connected = _connected_by_manager(exam.machine)
    if connected is None:
        connected = _connected_by_kernel(exam.machine)
    if not connected:
        if is_loopback(exam.subject.host):
            return ok("network", "network.local")
        return fail("network", "network.none")
    if "wifi" in connected:
        return _wifi(exam.machine)
    return ok("network", "network.good")


def dns(exam: Examination) -> Diagnosis:
    """Check that the server's name has an address."""
    host = exam.subject.host
    if _is_address(host):
        return skipped("dns", "dns.not_needed")
    try:
        socket.getaddrinfo(host, exam.subject.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return fail("dns", "dns.unknown", host=host)
    return ok("dns", "dns.good", host=host)


def _connected_by_manager(machine: HostMachine) -> set[str] | None:
    """Return the kinds of connected devices; None where NetworkManager is not used."""
    output = machine.run("nmcli", "-t", "-f", "TYPE,STATE", "device")
    if output is None or not output.is_good:
        return None
    rows = (line.split(":") for line in output.text.splitlines())
    return {row[0] for row in rows if len(row) > 1 and row[0] != "loopback" and _is_up(row[1])}


def _is_up(state: str) -> bool:
    return state == "connected" or state.startswith("connected (")


def _connected_by_kernel(machine: HostMachine) -> set[str]:
    found = set()
    for path in machine.glob("/sys/class/net/*"):
        if path.name != "lo" and machine.text(f"/sys/class/net/{path.name}/operstate") == "up":
            found.add("ethernet")
    return found


def _wifi(machine: HostMachine) -> Diagnosis:
    output = machine.run(
        "nmcli", "-t", "-f", "IN-USE,SIGNAL", "device", "wifi", "list", "--rescan", "no"
    )
    rows = [line.split(":") for line in (output.text if output else "").splitlines()]
    signal = next((int(row[1]) for row in rows if row[0] == "*" and row[1].isdigit()), None)
    if signal is None:
        return ok("network", "network.wifi")
    if signal < _WEAK_PERCENT:
        return warn("network", "network.wifi_weak", percent=signal)
    return ok("network", "network.wifi_good", percent=signal)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
