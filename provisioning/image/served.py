"""Which of the bundles that the school's server offers a card is prepared for."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests

from protocol.v1.tls import certificate_fault
from provisioning.bundling.folder import MANIFEST, digest
from provisioning.bundling.lock import BundleTarget
from provisioning.errors import ProvisioningError, ServerRefusedError, ServerUnreachableError
from provisioning.trust import TrustingAdapter, certificate_words

_PATH = "/api/v1/devices/bundles"
_TIMEOUT_S = (5, 30)


def bundle_of(folder: Path) -> str:
    """Return the digest of a bundle's manifest; the server has a copy of the folder.

    Raises:
        ProvisioningError: there is none.
    """
    try:
        return digest(folder / MANIFEST)
    except OSError as exc:
        raise ProvisioningError(
            "there are no programs yet: make them with `rollcall-provision bundle`, and name the"
            " folder with --bundle"
        ) from exc


def newest_bundle(
    server: str, target: BundleTarget, *, claim_code: str, authority: str | None
) -> str:
    """Ask the server for its newest bundle that the card's system can run.

    Args:
        server: its address; it was met, and is trusted.
        target: the system.
        claim_code: of the kiosk; the server tells nobody else.
        authority: of the server's certificate, PEM; None: those of this computer count.

    Returns:
        The digest of its manifest.

    Raises:
        ServerUnreachableError: no answer.
        ServerRefusedError: the claim code does not work, or the server is too old.
        ProvisioningError: it has no such bundle.
    """
    try:
        offered = _offered(server, claim_code, authority)
        fitting = [
            str(one["sha256"])
            for one in offered
            if one["python"] == target.tag
            and str(one["platform"]).startswith(f"linux {target.machine}")
        ]
    except (ValueError, KeyError, TypeError) as exc:
        raise ServerRefusedError(f"{server} does not answer as a Rollcall server does") from exc
    if not fitting:
        raise ProvisioningError(
            f"{server} offers no bundle for Python {target.python}: make it with"
            f" `rollcall-provision bundle --python {target.python}`, and put the folder into the"
            " server's folder for bundles"
        )
    return fitting[0]


def _offered(server: str, claim_code: str, authority: str | None) -> list[dict[str, Any]]:
    with requests.Session() as http:
        http.trust_env = False
        http.mount("https://", TrustingAdapter(authority))
        headers = {"Authorization": f"Claim {claim_code}"}
        url = f"{server.rstrip('/')}{_PATH}"
        try:
            answer = http.get(url, headers=headers, timeout=_TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as exc:
            if (fault := certificate_fault(exc)) is not None:
                raise ProvisioningError(certificate_words(fault, server)) from exc
            raise ServerUnreachableError(
                f"{server} does not answer; check the address, the cable and the server"
            ) from exc
    if answer.status_code == HTTPStatus.FORBIDDEN:
        raise ServerRefusedError("this claim code does not work; make a new one for this kiosk")
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise ServerRefusedError(f"{server} is too old to offer bundles")
    if answer.status_code != HTTPStatus.OK:
        raise ServerRefusedError(f"{server} answers with error {answer.status_code}")
    offered: list[dict[str, Any]] = answer.json()
    return offered
