"""The technician's side of the server's API: rooms, kiosks, claim codes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from protocol.v1.tls import certificate_fault
from provisioning.errors import (
    ProvisioningError,
    ServerRefusedError,
    ServerUnreachableError,
)
from provisioning.trust import TrustingAdapter, certificate_words

_TIMEOUT_S = (5, 30)


@dataclass(frozen=True)
class RoomChange:
    """The move of one kiosk; nothing happens where both rooms are the same."""

    kiosk_id: str
    room_id: str
    from_room: str
    to_room: str

    @property
    def is_needed(self) -> bool:
        """Whether the kiosk is in another room now."""
        return self.from_room != self.to_room


class Office:
    """A connection to one server.

    It goes straight there: a proxy or a stored password that the environment names would get the
    technician's password, and so would the target of a redirect.
    """

    def __init__(
        self,
        server_url: str,
        *,
        ca_pem: str | None = None,
        proxy: str | None = None,
        http: requests.Session | None = None,
    ) -> None:
        """Prepare a connection; nothing is sent yet.

        Args:
            server_url: address of the server.
            ca_pem: its certificate authority, PEM; None: those that the system trusts.
            proxy: address of a proxy that everything goes through; None: straight to the server.
            http: sends the requests; None: a new session.

        Raises:
            ProvisioningError: that is no certificate, or the proxy is no address.
        """
        self._url = server_url.rstrip("/")
        self._http = http or requests.Session()
        self._http.trust_env = False
        if proxy is not None:
            _check_proxy(proxy)
            self._http.proxies.update({"http": proxy, "https": proxy})
        self._http.headers["X-Requested-With"] = "rollcall"
        self._http.mount("https://", TrustingAdapter(ca_pem))

    @contextmanager
    def signed_in(self, username: str, password: str) -> Iterator[None]:
        """Sign in for the block, and sign out after it even if a step of it fails.

        Raises:
            ServerRefusedError: the name or password is wrong, or the account is locked.
            ServerUnreachableError: no answer.
        """
        self._call("POST", "/sign-in", {"username": username, "password": password})
        try:
            yield
        finally:
            with suppress(ProvisioningError):
                self._call("DELETE", "/sign-in")
            self._http.close()

    def claim_code(self, kiosk_name: str, room_name: str) -> str:
        """Return a new claim code for the kiosk of that name; create the kiosk if it is missing.

        A claimed or revoked kiosk keeps its place, its events and its name.

        Raises:
            ServerRefusedError: there is no such room, or the kiosk belongs to another one.
            ServerUnreachableError: no answer.
        """
        room_id = self._room_id(room_name)
        kiosk = self._kiosk(kiosk_name)
        if kiosk is None:
            body = {"name": kiosk_name, "room_id": room_id}
            return str(self._call("POST", "/kiosks", body)["claim_code"])
        if kiosk["room_id"] != room_id:
            raise ServerRefusedError(
                f"the kiosk {kiosk_name!r} belongs to room {kiosk['room_name']!r}; "
                "to change its room, use `rollcall-provision move`"
            )
        return str(self._call("POST", f"/kiosks/{kiosk['id']}/claim-codes")["claim_code"])

    def room_change(self, kiosk_name: str, room_name: str) -> RoomChange:
        """Return what moving the kiosk of that name to a room means; changes nothing.

        Raises:
            ServerRefusedError: there is no such kiosk or room.
            ServerUnreachableError: no answer.
        """
        kiosk = self._kiosk(kiosk_name)
        if kiosk is None:
            raise ServerRefusedError(
                f"there is no kiosk {kiosk_name!r} on the server; "
                "to add it, use `rollcall-provision claim`"
            )
        room_id = self._room_id(room_name)
        return RoomChange(str(kiosk["id"]), room_id, str(kiosk["room_name"]), room_name)

    def move(self, change: RoomChange) -> None:
        """Move a kiosk to another room from now on.

        Raises:
            ServerRefusedError: the server refused.
            ServerUnreachableError: no answer.
        """
        self._call("POST", f"/kiosks/{change.kiosk_id}/move", {"room_id": change.room_id})

    def _room_id(self, name: str) -> str:
        rooms = {room["name"]: str(room["id"]) for room in self._call("GET", "/rooms")}
        if name not in rooms:
            known = ", ".join(sorted(rooms)) or "none yet"
            raise ServerRefusedError(f"there is no room {name!r} on the server; it has: {known}")
        return rooms[name]

    def _kiosk(self, name: str) -> dict[str, Any] | None:
        kiosks: list[dict[str, Any]] = self._call("GET", "/kiosks")
        return next((kiosk for kiosk in kiosks if kiosk["name"] == name), None)

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        try:
            answer = self._http.request(
                method,
                f"{self._url}/api/v1{path}",
                json=body,
                timeout=_TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as exc:
            fault = certificate_fault(exc)
            if fault is not None:
                raise ProvisioningError(certificate_words(fault, self._url)) from exc
            raise ServerUnreachableError(
                f"{self._url} does not answer; check the address, the cable and the server"
            ) from exc
        if answer.is_redirect:
            raise ServerUnreachableError(self._redirect_words(answer))
        if not answer.ok:
            raise ServerRefusedError(f"the server refused: {_words(answer)}")
        try:
            return answer.json() if answer.content else None
        except requests.JSONDecodeError as exc:
            raise ServerUnreachableError(
                f"{self._url} is not a Rollcall server; check the address"
            ) from exc

    def _redirect_words(self, answer: requests.Response) -> str:
        target = urlsplit(urljoin(answer.url, answer.headers["Location"]))
        return (
            f"{self._url} redirects to {target.scheme}://{target.netloc}; nothing more was sent."
            " If that is the right server, use its address"
        )


def _check_proxy(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ProvisioningError("--proxy must begin with http:// or https:// and name a host")


def _words(answer: requests.Response) -> str:
    try:
        error = answer.json()["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
