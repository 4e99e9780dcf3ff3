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


def tls(exam: Examination) -> Diagnosis:
    """Check the server's certificate."""
    subject = exam.subject
    if not subject.is_encrypted:
        return _plain(exam)
    trust = exam.trust()
    if trust.unreadable:
        return fail("tls", "tls.no_authority", file=trust.unreadable)
    answer = exam.answer()
    fault = trust.fault or (answer.fault if isinstance(answer, NoAnswer) else None)
    if fault is not None:
        return fail("tls", f"tls.{fault.value}")
    if trust.is_away or isinstance(answer, NoAnswer):
        return skipped("tls", "tls.no_answer")
    if not trust.is_compared:
        return ok("tls", "tls.compared_later")
    return ok("tls", "tls.good")


def http(exam: Examination) -> Diagnosis:
    """Check that a Rollcall server answers."""
    answer = exam.answer()
    if isinstance(answer, NoAnswer):
        if answer.fault is not None or exam.trust().unreadable:
            return skipped("http", "http.certificate_first")
        if answer.reason is None:
            return skipped("http", "http.encrypted_proxy")
        url, port = exam.subject.server_url, exam.subject.port
        return fail("http", "http.no_answer", url=url, why=answer.reason, port=port)
    return _judged(exam, answer)


def _judged(exam: Examination, answer: HealthAnswer) -> Diagnosis:
    url = exam.subject.server_url
    if answer.status in _REDIRECTS:
        if not answer.location:
            return fail("http", "http.redirect_unknown", url=url)
        return fail("http", "http.redirect", url=url, place=answer.location)
    if not answer.body:
        return fail("http", "http.other_product", url=url)
    if answer.status == _UNAVAILABLE:
        return fail("http", "http.database")
    if answer.status != _HEALTHY:
        return warn("http", "http.status", status=answer.status)
    return ok("http", "http.good", took=f"{answer.took_ms:.0f}")


def mqtt(exam: Examination) -> Diagnosis:
    """Check that the broker answers; records go over HTTP where it does not."""
    if not exam.subject.uses_broker:
        return skipped("mqtt", "mqtt.off")
    report = exam.report()
    if not isinstance(report, KioskReport):
        return skipped("mqtt", "mqtt.no_report", why=report)
    if report.broker is None:
        return skipped("mqtt", "mqtt.after_claim")
    place = report.broker
    context = exam.trust().context
    if place.is_tls and context is None:
        context = ssl.create_default_context()
    try:
        is_broker = _greets(place, context if place.is_tls else None)
    except OSError as exc:
        return _no_broker(place, certificate_fault(exc))
    if not is_broker:
        return warn("mqtt", "mqtt.other_product", host=place.host, port=place.port)
    return ok("mqtt", "mqtt.good", host=place.host, port=place.port)


def _plain(exam: Examination) -> Diagnosis:
    if not is_plain_abroad(exam.subject.server_url):
        return ok("tls", "tls.local")
    return (warn if exam.subject.allows_plain else fail)("tls", "tls.plain")


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
        return warn("mqtt", f"mqtt.{fault.value}")
    return warn("mqtt", "mqtt.no_answer", host=place.host, port=place.port)
