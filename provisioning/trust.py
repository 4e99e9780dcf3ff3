"""Which server a technician's computer may send a password to."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from requests.adapters import HTTPAdapter

from protocol.v1.tls import (
    CertificateFault,
    Introduction,
    UntrustedServerError,
    introduce,
    is_plain_abroad,
)
from protocol.v1.trust import six_words
from provisioning.errors import ProvisioningError, ServerUnreachableError

_TIMEOUT_S = 10.0
_NOT_SENT = "Nothing secret was sent."
_FAULTS = {
    CertificateFault.EXPIRED: "its certificate has expired, or the clock of this computer is wrong",
    CertificateFault.NOT_YET_VALID: "its certificate is not valid yet, or the clock of this"
    " computer is wrong",
    CertificateFault.FOREIGN_AUTHORITY: "its certificate comes from an unknown authority",
    CertificateFault.WRONG_NAME: "its certificate is for another address",
    CertificateFault.OTHER_FINGERPRINT: "it has another certificate authority than --fingerprint"
    " names",
    CertificateFault.NO_TLS: "it does not encrypt; check the address and the port",
}


def met(
    server: str,
    *,
    fingerprint: str | None,
    ca_file: str | None,
    ask: Callable[[str], str],
    allows_plain: bool = False,
    proxy: str = "",
) -> Introduction:
    """Check a server before it gets anything secret; ask a person where nothing else helps.

    Args:
        server: its address.
        fingerprint: of its authority, from the kiosk's page; None where it is not known.
        ca_file: file of its authority; nobody is asked then.
        ask: puts a question to the technician.
        allows_plain: plain HTTP to another machine is allowed, unless a fingerprint is known.
        proxy: address of the proxy to go through; empty: none.

    Raises:
        ProvisioningError: the server must not be trusted; nothing secret was sent.
        ServerUnreachableError: no answer.
    """
    if not server.startswith("https:"):
        if is_plain_abroad(server) and (fingerprint is not None or not allows_plain):
            raise ProvisioningError(plain_words(server))
        return Introduction(None, None, is_confirmed=True)
    if ca_file is not None and fingerprint is None:
        return Introduction(_read(ca_file), None, is_confirmed=True)
    found = _introduced(server, fingerprint, proxy)
    if not found.is_confirmed:
        _confirm(server, found, ask)
    return found


def plain_words(server: str) -> str:
    """Say why a server gets nothing."""
    return f"{server} is not encrypted: use its https address, or --allow-plain"


def certificate_words(fault: CertificateFault, server: str) -> str:
    """Say what is wrong with a server's certificate, and that nothing was lost."""
    return f"{server} cannot be trusted: {_FAULTS[fault]}. {_NOT_SENT}"


def context_for(authorities: str | None) -> ssl.SSLContext:
    """Return a TLS context that trusts these authorities, PEM; None: the system's.

    Raises:
        ProvisioningError: they are no certificates.
    """
    try:
        return ssl.create_default_context(cadata=authorities)
    except (ssl.SSLError, ValueError) as exc:
        raise ProvisioningError("the certificate authority is not a PEM certificate") from exc


class TrustingAdapter(HTTPAdapter):
    """Uses one TLS context for every connection, and no other certificates beside it."""

    def __init__(self, authorities: str | None) -> None:
        self._context = context_for(authorities)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See `HTTPAdapter.init_poolmanager`."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """See `HTTPAdapter.proxy_manager_for`; the server's certificate counts there too."""
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, *_args: Any, **_kwargs: Any) -> None:
        """Demand a certificate; requests would add its bundle to the context's authorities."""
        conn.cert_reqs = "CERT_REQUIRED"


def _introduced(server: str, fingerprint: str | None, proxy: str) -> Introduction:
    try:
        return introduce(
            server,
            fingerprint=None if fingerprint is None else fingerprint.lower(),
            context_for=context_for,
            timeout_s=_TIMEOUT_S,
            proxy=proxy,
        )
    except UntrustedServerError as exc:
        raise ProvisioningError(certificate_words(exc.fault, server)) from exc
    except OSError as exc:
        raise ServerUnreachableError(
            f"{server} does not answer; check the address, the cable and the server"
        ) from exc


def _confirm(server: str, found: Introduction, ask: Callable[[str], str]) -> None:
    words = " ".join(six_words(found.fingerprint or ""))
    question = f"{server} shows these words: {words}\nSame words as on the kiosk's page? [yes/no] "
    try:
        is_same = ask(question).strip().lower() in ("y", "yes")
    except EOFError as exc:
        raise ProvisioningError("nobody compared the words; use --fingerprint") from exc
    if not is_same:
        raise ProvisioningError(
            f"something else may answer instead of {server}: not the same words. {_NOT_SENT}"
        )


def _read(ca_file: str) -> str:
    try:
        return Path(ca_file).read_text(encoding="ascii")
    except OSError as exc:
        raise ProvisioningError(f"cannot read {ca_file}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ProvisioningError(f"cannot read {ca_file}: not a certificate") from exc
