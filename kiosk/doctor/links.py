"""The ways to the server: TLS, HTTP, and MQTT."""

import socket
import ssl

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail, ok, skipped, warn
from kiosk.doctor.report import BrokerPlace, KioskReport
from kiosk.doctor.server import HealthAnswer, NoAnswer
from protocol.v1.tls import CertificateFault, certificate_fault, is_plain_abroad

_TIMEOUT_S = 3.0
_HEALTHY, _UNAVAILABLE = 200, 503
_REDIRECTS = range(300, 400)
_CONNECT = b"\x10\x14\x00\x04MQTT\x04\x02\x00\x05\x00\x08rc-check"
"""CONNECT without an account: clean session, 5 s. Source: MQTT 3.1.1, section 3.1."""
_CONNACK = 0x20
_FAULTS = {
    CertificateFault.EXPIRED: (
        "The server's certificate has expired, or the clock here is wrong.",
        "Set the clock here, then renew the certificate on the server.",
    ),
    CertificateFault.NOT_YET_VALID: (
        "The server's certificate is not valid yet, or the clock here is wrong.",
        "Set the clock here: sudo timedatectl set-ntp true.",
    ),
    CertificateFault.FOREIGN_AUTHORITY: (
        "The server's certificate comes from an unknown authority.",
        "Look for a device that answers in the server's place; if the authority is new, claim the"
        " kiosk again.",
    ),
    CertificateFault.WRONG_NAME: (
        "The server's certificate is for another address.",
        "Use an address that the certificate names, or renew it with this one.",
    ),
    CertificateFault.OTHER_FINGERPRINT: (
        "The server has another certificate authority than the settings name.",
        "Compare the fingerprint with the kiosk's page on the server.",
    ),
    CertificateFault.NO_TLS: (
        "What answers at the server's address does not encrypt.",
        "Check the address and the port in server_url.",
    ),
}


def tls(exam: Examination) -> Diagnosis:
    """Check the server's certificate."""
    subject = exam.subject
    if not subject.is_encrypted:
        return _plain(exam)
    trust = exam.trust()
    if trust.problem:
        return fail(
            "tls",
            f"{trust.problem[0].upper()}{trust.problem[1:]}.",
            "Copy the file again from the server.",
        )
    answer = exam.answer()
    fault = trust.fault or (answer.fault if isinstance(answer, NoAnswer) else None)
    if fault is not None:
        return fail("tls", *_FAULTS[fault])
    if trust.is_away or isinstance(answer, NoAnswer):
        return skipped("tls", "The server does not answer.")
    if not trust.is_compared:
        return ok(
            "tls", "Encrypted, with the school's own authority, which is compared at the claim."
        )
    return ok("tls", "Encrypted, and the certificate is right.")


def http(exam: Examination) -> Diagnosis:
    """Check that a Rollcall server answers."""
    answer = exam.answer()
    if isinstance(answer, NoAnswer):
        if answer.fault is not None or exam.trust().problem:
            return skipped("http", "The certificate must be right first.")
        if answer.reason.startswith("not checked"):
            return skipped("http", f"The server was {answer.reason}.")
        port = exam.subject.port
        return fail(
            "http",
            f"The server does not answer at {exam.subject.server_url}: {answer.reason}.",
            f"Check that the server runs and that the network lets this machine reach port {port}.",
        )
    return _judged(exam, answer)


def _judged(exam: Examination, answer: HealthAnswer) -> Diagnosis:
    if answer.status in _REDIRECTS:
        return fail(
            "http",
            f"{exam.subject.server_url} redirects to {answer.location or 'another address'}.",
            "Set server_url to that address if it is the school's server; else look for a sign-in"
            " page on this network.",
        )
    if not answer.body:
        return fail(
            "http",
            f"Something else than a Rollcall server answers at {exam.subject.server_url}.",
            "Check the address and the port; look for a sign-in page or a proxy on this network.",
        )
    if answer.status == _UNAVAILABLE:
        return fail(
            "http",
            "The server answers, but its database does not work.",
            "Look at the server's log; records wait on the kiosk meanwhile.",
        )
    if answer.status != _HEALTHY:
        return warn(
            "http", f"The server answers with status {answer.status}.", "Look at the server's log."
        )
    return ok("http", f"The server answers ({answer.took_ms:.0f} ms).")


def mqtt(exam: Examination) -> Diagnosis:
    """Check that the broker answers; records go over HTTP where it does not."""
    if not exam.subject.uses_broker:
        return skipped("mqtt", "The settings switch the broker off.")
    report = exam.report()
    if not isinstance(report, KioskReport):
        return skipped("mqtt", f"Where the broker is was not found out: {report}.")
    if report.broker is None:
        return skipped("mqtt", "The kiosk learns at its claim where the broker is.")
    place = report.broker
    context = exam.trust().context
    if place.is_tls and context is None:
        context = ssl.create_default_context()
    try:
        is_broker = _greets(place, context if place.is_tls else None)
    except OSError as exc:
        return _no_broker(place, certificate_fault(exc))
    if not is_broker:
        return warn(
            "mqtt",
            f"What answers at {place.host} port {place.port} is not an MQTT broker.",
            "Check the broker's address and port on the server.",
        )
    return ok("mqtt", f"The broker answers at {place.host} port {place.port}.")


def _plain(exam: Examination) -> Diagnosis:
    if not is_plain_abroad(exam.subject.server_url):
        return ok("tls", "The server is on this machine; nothing needs to be encrypted.")
    words = "The way to the server is not encrypted."
    fix = "Give the server a certificate (docs/secure-links.md) and use its https address."
    return (warn if exam.subject.allows_plain else fail)("tls", words, fix)


def _greets(place: BrokerPlace, context: ssl.SSLContext | None) -> bool:
    """Send a CONNECT without an account; every broker answers it, if only with a refusal.

    Raises:
        OSError: no answer, or a certificate that is not accepted.
    """
    with socket.create_connection((place.host, place.port), _TIMEOUT_S) as plain:
        link = context.wrap_socket(plain, server_hostname=place.host) if context else plain
        with link:
            link.sendall(_CONNECT)
            answer = link.recv(4)
    return answer[:2] == bytes((_CONNACK, 2))


def _no_broker(place: BrokerPlace, fault: CertificateFault | None) -> Diagnosis:
    if fault is not None:
        words, fix = _FAULTS[fault]
        return warn(
            "mqtt", words.replace("server's", "broker's").replace("server has", "broker has"), fix
        )
    return warn(
        "mqtt",
        f"The broker does not answer at {place.host} port {place.port}; records go over HTTP.",
        "Start it on the server (rollcall-server broker), and open its port in the firewall.",
    )
