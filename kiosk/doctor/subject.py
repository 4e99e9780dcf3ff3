"""What is examined: the settings of a kiosk that its machine has to serve."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class KioskSetup:
    """The settings that the checks need.

    Attributes:
        settings_file: that they come from; None where there is none.
        server_ca: file of the server's authority; None where it has a public certificate, or is
            known by its fingerprint.
        fingerprint: of that authority.
        proxy: address of the proxy, which may hold a password; empty: none.
        camera: the setting.
    """

    settings_file: Path | None
    data_dir: Path
    server_url: str
    server_ca: Path | None
    fingerprint: str | None
    allows_plain: bool
    proxy: str
    camera: str
    uses_broker: bool
    uses_accelerator: bool
    accelerator_library: str
    max_events: int

    @classmethod
    def of(cls, settings: Mapping[str, Any], settings_file: Path | None) -> "KioskSetup":
        """Take what is needed from the kiosk's settings, by their names."""
        proxy = settings["http_proxy"]
        return cls(
            settings_file=settings_file,
            data_dir=settings["data_dir"],
            server_url=str(settings["server_url"]).rstrip("/"),
            server_ca=settings["server_ca"],
            fingerprint=settings["server_ca_fingerprint"],
            allows_plain=settings["allow_plain"],
            proxy=proxy.get_secret_value() if isinstance(proxy, SecretStr) else "",
            camera=settings["camera"],
            uses_broker=settings["mqtt"],
            uses_accelerator=settings["accelerator"] != "off",
            accelerator_library=settings["accelerator_library"],
            max_events=settings["max_events"],
        )

    @property
    def host(self) -> str:
        """The server's name or address."""
        return urlsplit(self.server_url).hostname or ""

    @property
    def port(self) -> int:
        """The server's port."""
        parts = urlsplit(self.server_url)
        return parts.port or _PORTS.get(parts.scheme, 0)

    @property
    def is_encrypted(self) -> bool:
        """Whether the server's address begins with https."""
        return urlsplit(self.server_url).scheme == "https"

    @property
    def camera_device(self) -> str:
        """The path of a camera that Linux drives; empty for a pipeline or a recording."""
        if self.camera.isdigit():
            return f"/dev/video{self.camera}"
        return self.camera if self.camera.startswith("/dev/") else ""
