"""Photos go over TLS to the service that the school's authority vouches for, or not at all."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from intake.serving import SettledServer
from intake.tls import ServedCertificate
from server.certificates.authority import Use
from server.certificates.folder import CertificateFolder
from server.config import load_settings
from server.db.types import now
from server.errors import ConfigurationError
from server.ml.blank_picture import blank_picture
from server.ml.connection import MLConnection, ServiceTLS
from server.ml.encoder import EncoderUnavailableError
from server.ml.http import EncoderOptions, HTTPFaceEncoder, encoder_from
from server.ml.problems import NotTrustedError, ServiceProblem, TransientError
from tests.fakes.ml_server import API_KEY
from tests.support.certificates import eavesdropper, ended, ended_leaf, school
from tests.support.waiting import wait_until


@pytest.mark.parametrize("middle", ["foreign", "ended", "no listener's"])
def test_no_byte_of_a_photo_reaches_a_man_in_the_middle(tmp_path: Path, middle: str) -> None:
    uses = (Use.ML_SERVICE, Use.ML_CLIENT)
    ours = (ended if middle == "ended" else school)(tmp_path / "data", *uses)
    theirs = school(tmp_path / "foreign", *uses) if middle == "foreign" else ours
    shown = Use.ML_CLIENT if middle == "no listener's" else Use.ML_SERVICE
    with eavesdropper(theirs, shown) as thief:
        encoder = HTTPFaceEncoder(
            EncoderOptions(
                url=f"https://127.0.0.1:{thief.port}",
                api_key=API_KEY,
                timeout_s=5,
                max_retries=0,
                tls=ServiceTLS(authorities=str(ours.authorities)),
            )
        )
        with pytest.raises(EncoderUnavailableError) as failure:
            encoder.encode(blank_picture(), correlation_id="test")
        assert encoder.check() == "down"
        encoder.close()
    assert failure.value.problem is ServiceProblem.NOT_TRUSTED
    assert encoder.problem() is ServiceProblem.NOT_TRUSTED
    assert thief.connections >= 1
    assert not thief.heard


def test_service_behind_tls_is_not_asked_in_plain_by_a_redirect(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.ML_SERVICE)
    with _service(folder) as service:
        link = service.link(tls=ServiceTLS(authorities=str(folder.authorities)))
        status, _ = link.get("/elsewhere")
        link.close()
    assert status == 307
    assert service.paths == ["/elsewhere"]


def test_service_may_ask_for_the_certificate_of_its_caller(tmp_path: Path) -> None:
    folder = school(tmp_path / "ours", Use.ML_SERVICE, Use.ML_CLIENT)
    other = school(tmp_path / "theirs", Use.ML_CLIENT)
    authorities = str(folder.authorities)
    strangers = [
        ServiceTLS(authorities),
        ServiceTLS(authorities, certificate=str(other.leaf(Use.ML_CLIENT))),
        ServiceTLS(authorities, certificate=str(folder.leaf(Use.ML_SERVICE))),
    ]
    with _service(folder, client_ca=folder.authorities) as service:
        for stranger in strangers:
            link = service.link(tls=stranger)
            with pytest.raises(TransientError):
                link.post("/photo", {"image": "secret"}, "test", timeout_s=5)
            link.close()
        assert service.paths == []
        known = service.link(tls=ServiceTLS(authorities, str(folder.leaf(Use.ML_CLIENT))))
        assert known.post("/photo", {}, "test", timeout_s=5)[0] == 200
        known.close()


def test_renewed_certificates_of_both_sides_need_no_restart(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.ML_SERVICE, Use.ML_CLIENT)
    tls = ServiceTLS(str(folder.authorities), str(folder.leaf(Use.ML_CLIENT)))
    with _service(folder, client_ca=folder.authorities) as service:
        folder.leaf(Use.ML_SERVICE).write_text(ended_leaf(folder, Use.ML_SERVICE))
        assert service.served.look()
        link = service.link(tls=tls)
        with pytest.raises(NotTrustedError):
            link.get("/health")
        for use in (Use.ML_SERVICE, Use.ML_CLIENT):
            folder.leaf(use).unlink()
        folder.ensure([Use.ML_SERVICE, Use.ML_CLIENT], at=now())
        assert service.served.look()
        assert link.get("/health")[0] == 200
        link.close()


def test_missing_file_is_named_at_start(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, ml_service_ca=tmp_path / "absent.pem")
    with pytest.raises(ConfigurationError, match=r"absent\.pem"):
        encoder_from(settings)


@dataclass
class _Service:
    """A tiny application in the ML service's own process code.

    Attributes:
        paths: what was asked, past TLS.
    """

    port: int
    served: ServedCertificate
    paths: list[str] = field(default_factory=list)

    def link(self, *, tls: ServiceTLS) -> MLConnection:
        url = f"https://127.0.0.1:{self.port}"
        return MLConnection(url, API_KEY, connections=1, tls=tls)

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        moved = scope["path"] == "/elsewhere"
        headers = [(b"location", b"http://127.0.0.1:1/")] if moved else []
        status = 307 if moved else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


@contextmanager
def _service(folder: CertificateFolder, client_ca: Path | None = None) -> Iterator[_Service]:
    served = ServedCertificate(folder.leaf(Use.ML_SERVICE), client_ca=client_ca)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = _Service(listener.getsockname()[1], served)
        config = uvicorn.Config(
            service,
            lifespan="off",
            loop="asyncio",
            log_config=None,
            ssl_context_factory=lambda _config, _default: served.context,
        )
        server = SettledServer(config, served)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        wait_until(lambda: server.started, what="the service to serve")
        yield service
        server.should_exit = True
        thread.join(10)
