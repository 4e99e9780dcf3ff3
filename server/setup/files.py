"""The files that `rollcall-server init` writes."""

import os
import secrets
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from tomlkit import dumps

from server.errors import ConfigurationError
from server.setup.place import SchoolPlace

_ML_SETTINGS = Path("etc/rollcall/ml.toml")
ML_PORT = 8001
_UNITS = Path("etc/systemd/system")
_SITES = Path("etc/nginx/sites-available")


class _SiteText(Template):
    """A text in which `$` belongs to nginx."""

    delimiter = "@"


@dataclass(frozen=True)
class SetupFile:
    """A file to write.

    Attributes:
        path: where.
        text: what it says.
        mode: its access mode.
        group: that may read it; None: that of root.
        keeps: a file that is there already is left as it is, since people change it.
    """

    path: Path
    text: str
    mode: int
    group: str | None = None
    keeps: bool = False

    @property
    def is_due(self) -> bool:
        """Whether anything would change."""
        if not self.path.exists():
            return True
        return not self.keeps and self.path.read_text(encoding="utf-8") != self.text

    def write(self) -> None:
        """Put it in its place at once, readable by those alone that should.

        Raises:
            OSError: it cannot be written; what was there stays.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as draft:
                draft.write(self.text)
                draft.flush()
                os.fsync(draft.fileno())
            Path(name).chmod(self.mode)
            if self.group is not None:
                shutil.chown(name, group=self.group)
            Path(name).replace(self.path)
        finally:
            Path(name).unlink(missing_ok=True)


def user_files(place: SchoolPlace) -> list[SetupFile]:
    """Return what declares the school's user to `systemd-sysusers`."""
    words = f'u {place.user} - "Rollcall, {place.name}" {place.data}\n'
    return [SetupFile(place.root / f"etc/sysusers.d/{place.user}.conf", words, 0o644)]


def settings_files(
    place: SchoolPlace, settings: Mapping[str, object], *, has_ml: bool
) -> list[SetupFile]:
    """Return the settings of server, broker and ML service; present files stay as they are.

    Args:
        place: of the school.
        settings: what goes into the server's file beside the key of the ML service.
        has_ml: an ML service runs on this machine; all its schools use it with one key.

    Raises:
        ConfigurationError: the ML service's present file cannot be read.
    """
    found = []
    if has_ml:
        ml = place.root / _ML_SETTINGS
        key = _present_key(ml) or secrets.token_urlsafe(32)
        text = _toml({"host": "127.0.0.1", "port": ML_PORT, "api_key": key, "match_keys": key})
        found.append(SetupFile(ml, text, 0o600, keeps=True))
        address = f"http://127.0.0.1:{ML_PORT}"
        settings = {**settings, "ml_service_url": address, "ml_service_api_key": key}
    return [*found, SetupFile(place.settings, _toml(settings), 0o640, place.user, keeps=True)]


def unit_files(place: SchoolPlace) -> list[SetupFile]:
    """Return the units of systemd."""
    return [SetupFile(place.root / _UNITS / name, text, 0o644) for name, text in _units(place.bin)]


def proxy_files(place: SchoolPlace, address: str, port: object) -> list[SetupFile]:
    """Return the site of nginx, which nobody has enabled yet; a present one stays as it is.

    Args:
        place: of the school.
        address: name or IP address under which browsers and kiosks reach nginx.
        port: of the server, on loopback.
    """
    text = _SiteText((files("server.setup") / "units/nginx-site.conf").read_text(encoding="utf-8"))
    site = text.substitute(name=place.name, address=address, port=port)
    return [SetupFile(place.root / _SITES / place.user, site, 0o644, keeps=True)]


def _units(bin_folder: Path) -> Iterator[tuple[str, str]]:
    folder = files("server.setup") / "units"
    sandbox = (folder / "sandbox.conf").read_text(encoding="utf-8")
    for unit in sorted(folder.iterdir(), key=lambda one: one.name):
        if unit.name.endswith(".service"):
            text = Template(unit.read_text(encoding="utf-8"))
            yield unit.name, text.substitute(bin=bin_folder, sandbox=sandbox)


def _present_key(path: Path) -> str | None:
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8"))["api_key"]).split(",")[0]
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as exc:
        raise ConfigurationError(f"{path} names no api_key; correct or delete it.") from exc


def _toml(values: Mapping[str, object]) -> str:
    return f"# Written by `rollcall-server init`; yours to change from now on.\n{dumps(values)}"
