"""The technician's side of the server's API: rooms, kiosks, claim codes."""

from typing import Any

import requests

from provisioning.errors import ServerRefusedError, ServerUnreachableError

_TIMEOUT_S = (5, 30)


class Office:
    """A signed-in connection to one server."""

    def __init__(self, server_url: str, *, ca_file: str | None = None) -> None:
        self._url = server_url.rstrip("/")
        self._http = requests.Session()
        self._http.headers["X-Requested-With"] = "rollcall"
        if ca_file is not None:
            self._http.verify = ca_file

    def sign_in(self, username: str, password: str) -> None:
        """Sign in.

        Raises:
            ServerRefusedError: wrong name or password, or locked.
            ServerUnreachableError: no answer.
        """
        self._call("POST", "/sign-in", {"username": username, "password": password})

    def sign_out(self) -> None:
        """Sign out on the server."""
        self._call("DELETE", "/sign-in")

    def claim_code(self, kiosk_name: str, room_name: str) -> str:
        """Give a fresh claim code for the kiosk of that name, making it where there is none.

        Raises:
            ServerRefusedError: there is no such room, or the kiosk hangs in another one.
            ServerUnreachableError: no answer.
        """
        rooms = {room["name"]: room["id"] for room in self._call("GET", "/rooms")}
        if room_name not in rooms:
            known = ", ".join(sorted(rooms)) or "none yet"
            raise ServerRefusedError(
                f"there is no room {room_name!r} on the server; it has: {known}"
            )
        kiosk = self._kiosk(kiosk_name)
        if kiosk is None:
            body = {"name": kiosk_name, "room_id": rooms[room_name]}
            return str(self._call("POST", "/kiosks", body)["claim_code"])
        if kiosk["room_name"] != room_name:
            raise ServerRefusedError(
                f"the kiosk {kiosk_name!r} belongs to room {kiosk['room_name']!r}; "
                "choose another name, or move it on the server's Kiosks page"
            )
        return str(self._call("POST", f"/kiosks/{kiosk['id']}/claim-codes")["claim_code"])

    def _kiosk(self, name: str) -> dict[str, Any] | None:
        kiosks = [kiosk for kiosk in self._call("GET", "/kiosks") if kiosk["name"] == name]
        return next((kiosk for kiosk in kiosks if kiosk["state"] != "revoked"), None)

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        try:
            answer = self._http.request(
                method, f"{self._url}/api/v1{path}", json=body, timeout=_TIMEOUT_S
            )
        except requests.RequestException as exc:
            raise ServerUnreachableError(
                f"{self._url} does not answer; check the address, the cable and the server"
            ) from exc
        if not answer.ok:
            raise ServerRefusedError(f"the server refused: {_words(answer)}")
        return answer.json() if answer.content else None


def _words(answer: requests.Response) -> str:
    try:
        error = answer.json()["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
