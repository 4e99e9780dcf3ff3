"""The technician's password goes to the server that was named, and nowhere else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provisioning.errors import ServerUnreachableError
from provisioning.office import Office


@dataclass
class Heard:
    """What reached a web server: the first lines of the requests, their headers and bodies."""

    url: str
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)


@contextmanager
def web_server(status: int = 200, location: str = "") -> Iterator[Heard]:
    """Answer every request alike, on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            heard.requests.append((self.requestline, str(self.headers), body))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def do_CONNECT(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard = Heard(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()


def sign_in(url: str) -> None:
    with Office(url).signed_in("tina", "secret word", lambda: ""):
        pass


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_gets_a_sentence_and_no_password(status: int) -> None:
    with (
        web_server() as other,
        web_server(status, f"{other.url}/sign-in") as named,
        pytest.raises(ServerUnreachableError) as caught,
    ):
        sign_in(named.url)
    assert str(caught.value) == (
        f"{named.url} redirects to {other.url}; nothing more was sent."
        " If that is the right server, use its address"
    )
    assert other.requests == []


def test_redirect_to_https_names_the_scheme() -> None:
    target = "https://rollcall.example/api/v1/sign-in?password=x"
    with (
        web_server(308, target) as named,
        pytest.raises(ServerUnreachableError, match=r"redirects to https://rollcall\.example; "),
    ):
        sign_in(named.url)


def test_proxy_and_stored_password_of_the_environment_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password stored\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with web_server() as proxy, web_server() as named:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        sign_in(named.url)
    assert proxy.requests == []
    assert [one.split()[0] for one, _headers, _body in named.requests] == ["POST", "DELETE"]
    assert all("Authorization" not in headers for _one, headers, _body in named.requests)
