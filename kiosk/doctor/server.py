"""Meets the server as a stranger would: its certificate, and what it says of itself."""

import http.client
import json
import ssl
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic
from urllib.parse import unquote, urlsplit

from kiosk.doctor.subject import KioskSetup
from protocol.v1.findings import CodedText, coded
from protocol.v1.tls import (
    CertificateFault,
    UntrustedServerError,
    certificate_fault,
    introduce,
)

_TIMEOUT_S = 3.0
_MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Trust:
    """How the server's certificate was met.

    Attributes:
        context: for connections to server and broker; None: none can be made.
        fault: what is wrong with the certificate.
        is_away: nothing answered.
        is_compared: nobody needs to compare anything; False where the authority is not known here.
        unreadable: the authority's file, where it cannot be used; empty: it can.
    """

    context: ssl.SSLContext | None = None
    fault: CertificateFault | None = None
    is_away: bool = False
    is_compared: bool = True
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class HealthAnswer:
    """What the server answered to a request without any secret.

    Attributes:
        status: of HTTP.
        body: of a Rollcall server; empty where something else answers.
        location: where it redirects to; empty: nowhere.
        clock_ahead_s: this machine's clock minus the server's; None where it told none.
        took_ms: until the answer.
    """

    status: int
    body: dict[str, object]
    location: str
    clock_ahead_s: float | None
    took_ms: float


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The server did not answer.

    Attributes:
        reason: in a few words; None: it was not asked, because its proxy is encrypted.
        fault: what is wrong with its certificate, where that is the reason.
    """

    reason: CodedText | None
    fault: CertificateFault | None = None


def context_for(authorities: str | None) -> ssl.SSLContext:
    """Return a TLS context that trusts these authorities, PEM; None: the system's.

    Raises:
        ValueError: they are no certificates.
    """
    try:
        return ssl.create_default_context(cadata=authorities)
    except ssl.SSLError as exc:
        raise ValueError("not a PEM certificate") from exc


def meet_server(subject: KioskSetup) -> Trust:
    """Check the server's certificate by the rule of the kiosk; nothing secret is sent."""
    if not subject.is_encrypted:
        return Trust()
    try:
        if subject.server_ca is not None:
            authority = Path(subject.server_ca).read_text(encoding="ascii")
            return Trust(context_for(authority))
    except (OSError, ValueError):
        return Trust(unreadable=str(subject.server_ca))
    try:
        found = introduce(
            subject.server_url,
            fingerprint=subject.fingerprint and subject.fingerprint.lower(),
            context_for=context_for,
            timeout_s=_TIMEOUT_S,
            proxy=subject.proxy,
        )
    except UntrustedServerError as exc:
        return Trust(fault=exc.fault)
    except (OSError, ValueError):
        return Trust(is_away=True)
    return Trust(context_for(found.ca_pem), is_compared=found.is_confirmed)


def ask_server(subject: KioskSetup, trust: Trust) -> HealthAnswer | NoAnswer:
    """Ask how the server is; no redirect is followed."""
    if trust.is_away:
        return NoAnswer(coded("answer.none_or_closed"))
    if subject.is_encrypted and trust.context is None:
        return NoAnswer(coded("answer.not_encrypted"), trust.fault)
    if urlsplit(subject.proxy).scheme == "https":
        return NoAnswer(None)
    started_s = monotonic()
    connection = _connection(subject, trust.context)
    try:
        is_through_proxy = bool(subject.proxy) and not subject.is_encrypted
        target = f"{subject.server_url}/health" if is_through_proxy else "/health"
        headers = {"Host": urlsplit(subject.server_url).netloc}
        if is_through_proxy:
            headers |= _proxy_headers(subject.proxy)
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        raw = response.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException, ValueError) as exc:
        return NoAnswer(_reason(exc), certificate_fault(exc))
    finally:
        connection.close()
    return HealthAnswer(
        status=response.status,
        body=_body(raw),
        location=_place(response.headers.get("Location", "")),
        clock_ahead_s=_ahead(response.headers.get("Date")),
        took_ms=(monotonic() - started_s) * 1000,
    )


def _connection(subject: KioskSetup, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    proxy = urlsplit(subject.proxy)
    host, port = (
        (proxy.hostname or "", proxy.port) if subject.proxy else (subject.host, subject.port)
    )
    if context is None:
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    if subject.proxy:
        connection.set_tunnel(subject.host, subject.port, _proxy_headers(subject.proxy))
    return connection


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    account = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(account.encode()).decode()}


def _reason(error: Exception) -> CodedText:
    if isinstance(error, TimeoutError):
        return coded("answer.late")
    if isinstance(error, ConnectionRefusedError):
        return coded("answer.closed")
    return coded("answer.none")


def _body(raw: bytes) -> dict[str, object]:
    with suppress(ValueError):
        found = json.loads(raw)
        if isinstance(found, dict) and found.get("service") == "rollcall-server":
            return found
    return {}


def _place(location: str) -> str:
    parts = urlsplit(location)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else location[:80]


def _ahead(date: str | None) -> float | None:
    with suppress(TypeError, ValueError):
        at = parsedate_to_datetime(date or "")
        return (datetime.now(UTC) - at).total_seconds()
    return None
