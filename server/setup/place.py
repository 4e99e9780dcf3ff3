"""Where the parts of one school lie on a machine."""

import re
from dataclasses import dataclass
from pathlib import Path

from server.errors import ConfigurationError

_NAME = re.compile(r"[a-z][a-z0-9-]{0,22}[a-z0-9]")


@dataclass(frozen=True)
class SchoolPlace:
    """Folders, users and units of one school; several schools share a machine.

    Attributes:
        name: 2 to 24 small letters, digits and hyphens.
        root: folder that stands for `/`, another one where an image is prepared.
        bin: folder with `rollcall-server`.
    """

    name: str
    root: Path
    bin: Path

    def __post_init__(self) -> None:
        """Refuse a name that is no part of a user's and a unit's name."""
        if not _NAME.fullmatch(self.name) or "--" in self.name:
            raise ConfigurationError(
                f"{self.name!r} cannot name a school on this machine. Use 2 to 24 small letters,"
                " digits and hyphens, a letter first: goethe-school."
            )

    @property
    def user(self) -> str:
        """The system user that owns the school's data."""
        return f"rollcall-{self.name}"

    @property
    def settings(self) -> Path:
        """The settings file of server and broker."""
        return self.root / "etc/rollcall" / self.name / "server.toml"

    @property
    def data(self) -> Path:
        """The data folder, as the settings name it."""
        return Path("/var/lib/rollcall") / self.name

    @property
    def services(self) -> tuple[str, ...]:
        """The units of the school, in the order of their start."""
        return (f"rollcall-broker@{self.name}.service", f"rollcall-server@{self.name}.service")

    @property
    def server(self) -> Path:
        """The program."""
        return self.bin / "rollcall-server"
