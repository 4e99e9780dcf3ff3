"""The technician's side of the server's API: rooms, kiosks, claim codes."""

from collections.abc import Callable, Iterable, Iterator
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


@dataclass(frozen=True)
class ListedKiosk:
    """A kiosk as the server lists it.

    Attributes:
        state: `unclaimed`, `claimed` or `revoked`.
        is_online: it reported lately.
        last_seen_at: ISO 8601, UTC; None: never.
    """

    id: str
    name: str
    room_name: str
    state: str
    is_online: bool
    last_seen_at: str | None


@dataclass(frozen=True)
class IssuedCode:
    """A claim code, which the server shows once.

    Attributes:
        expires_at: ISO 8601, UTC.
        is_new_kiosk: the kiosk was added with it.
    """

    code: str
    expires_at: str
    is_new_kiosk: bool = False


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
    def signed_in(
        self, username: str, password: str, ask_code: Callable[[], str]
    ) -> Iterator[None]:
        """Sign in for the block, and sign out after it even if a step of it fails.

        Args:
            username: of the technician.
            password: of the technician.
            ask_code: asks for the code of two-step sign-in; called only where it is on.

        Raises:
            ServerRefusedError: name, password or code is wrong, or the account is locked.
            ServerUnreachableError: no answer.
        """
        found = self._call("POST", "/sign-in", {"username": username, "password": password})
        try:
            if isinstance(found, dict) and found.get("step") == "code":
                self._call("POST", "/sign-in/code", {"code": ask_code()})
            yield
        finally:
            with suppress(ProvisioningError):
                self._call("DELETE", "/sign-in")
            self._http.close()

    def claim_code(self, kiosk_name: str, room_name: str) -> IssuedCode:
        """Return a new claim code for the kiosk of that name; create the kiosk if it is missing.

        A claimed or revoked kiosk keeps its place, its events and its name.

        Raises:
            ServerRefusedError: there is no such room, or the kiosk belongs to another one.
            ServerUnreachableError: no answer.
        """
        room_id = self._room_id(room_name)
        kiosk = self._kiosk(kiosk_name)
        if kiosk is None:
            return self.add(kiosk_name, room_id)
        if kiosk.room_name != room_name:
            raise ServerRefusedError(other_room_words(kiosk))
        return self.new_code(kiosk.id)

    def add(self, kiosk_name: str, room_id: str) -> IssuedCode:
        """Add a kiosk and return its first claim code.

        Raises:
            ServerRefusedError: the server refused.
            ServerUnreachableError: no answer.
        """
        made = self._call("POST", "/kiosks", {"name": kiosk_name, "room_id": room_id})
        return IssuedCode(str(made["claim_code"]), str(made["expires_at"]), is_new_kiosk=True)

    def new_code(self, kiosk_id: str) -> IssuedCode:
        """Return a new claim code of a kiosk; its older codes end.

        Raises:
            ServerRefusedError: the server refused.
            ServerUnreachableError: no answer.
        """
        made = self._call("POST", f"/kiosks/{kiosk_id}/claim-codes")
        return IssuedCode(str(made["claim_code"]), str(made["expires_at"]))

    def kiosks(self) -> list[ListedKiosk]:
        """Return every kiosk, by name.

        Raises:
            ServerUnreachableError: no answer.
        """
        return [
            ListedKiosk(
                id=str(one["id"]),
                name=str(one["name"]),
                room_name=str(one["room_name"]),
                state=str(one["state"]),
                is_online=bool(one["is_online"]),
                last_seen_at=one["last_seen_at"],
            )
            for one in self._call("GET", "/kiosks")
        ]

    def rooms(self) -> dict[str, str]:
        """Return the id of each room, by its name.

        Raises:
            ServerUnreachableError: no answer.
        """
        return {str(room["name"]): str(room["id"]) for room in self._call("GET", "/rooms")}

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
        return RoomChange(kiosk.id, room_id, kiosk.room_name, room_name)

    def move(self, change: RoomChange) -> None:
        """Move a kiosk to another room from now on.

        Raises:
            ServerRefusedError: the server refused.
            ServerUnreachableError: no answer.
        """
        self._call("POST", f"/kiosks/{change.kiosk_id}/move", {"room_id": change.room_id})

    def _room_id(self, name: str) -> str:
        rooms = self.rooms()
        if name not in rooms:
            raise ServerRefusedError(missing_room_words(name, rooms))
        return rooms[name]

    def _kiosk(self, name: str) -> ListedKiosk | None:
        return next((kiosk for kiosk in self.kiosks() if kiosk.name == name), None)

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


def missing_room_words(name: str, rooms: Iterable[str]) -> str:
    """Say that a room is not on the server, and which are."""
    known = ", ".join(sorted(rooms)) or "none yet"
    return f"there is no room {name!r} on the server; it has: {known}"


def other_room_words(kiosk: ListedKiosk) -> str:
    """Say that a kiosk belongs to another room, and how to change that."""
    return (
        f"the kiosk {kiosk.name!r} belongs to room {kiosk.room_name!r}; "
        "to change its room, use `rollcall-provision move`"
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
