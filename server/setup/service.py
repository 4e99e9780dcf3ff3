"""Sets up one school's server, broker and ML service; running it again changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from server.setup.files import SetupFile, proxy_files, settings_files, unit_files, user_files
from server.setup.machine import SetUpMachine
from server.setup.place import SchoolPlace

_ML_UNIT = "rollcall-ml.service"
DEFAULT_PORT = 8000
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wishes:
    """What a school wants.

    Attributes:
        address: name or IP address under which kiosks and browsers reach the server.
        settings: of the server, beside those that follow from the place.
        has_ml: an ML service runs on this machine too.
        has_proxy: a proxy on this machine ends TLS for browsers and kiosks.
    """

    address: str
    settings: Mapping[str, object]
    has_ml: bool
    has_proxy: bool


def server_settings(place: SchoolPlace, wishes: Wishes) -> dict[str, object]:
    """Return what the server's settings file says."""
    found: dict[str, object] = {"data_dir": str(place.data), "broker_host": "0.0.0.0"}  # noqa: S104
    if wishes.has_proxy:
        found |= {"trusted_proxies": "127.0.0.1", "secure_cookies": True}
        found["public_url"] = f"https://{wishes.address}"
    else:
        found["host"] = "0.0.0.0"  # noqa: S104 - with the certificate that is made next
    return {**found, **wishes.settings}


def set_up_files(place: SchoolPlace, wishes: Wishes) -> list[SetupFile]:
    """Return every file in the order in which they are written."""
    units = unit_files(place)
    if not wishes.has_ml:
        units = [unit for unit in units if unit.path.name != _ML_UNIT]
    settings = server_settings(place, wishes)
    port = wishes.settings.get("port", DEFAULT_PORT)
    return [
        *user_files(place),
        *settings_files(place, settings, has_ml=wishes.has_ml),
        *units,
        *(proxy_files(place, wishes.address, port) if wishes.has_proxy else []),
    ]


def set_up(place: SchoolPlace, wishes: Wishes, machine: SetUpMachine, say: Say) -> str | None:
    """Write files, make user, folders, certificates and database, and start the services.

    Args:
        place: of the school.
        wishes: what it wants.
        machine: runs the commands.
        say: told each step in a line.

    Returns:
        The one-time password of the first account; None where there are accounts.
    """
    for file in user_files(place):
        _write(file, say)
    machine.run("systemd-sysusers", f"{place.user}.conf")
    written = [_write(file, say) for file in set_up_files(place, wishes)]
    machine.run("install", "-d", "-m", "0700", "-o", place.user, "-g", place.user, place.data)
    password = _make_data(place, wishes, machine)
    machine.run("systemctl", "daemon-reload")
    units = (*([_ML_UNIT] if wishes.has_ml else []), *place.services)
    machine.run("systemctl", "enable", "--quiet", *units)
    machine.run("systemctl", "restart" if any(written) else "start", *units)
    say(f"Running: {', '.join(units)}")
    return password


def _make_data(place: SchoolPlace, wishes: Wishes, machine: SetUpMachine) -> str | None:
    """Make certificates, keys, database and the first account, as the school's user."""
    config = ("--config", place.settings)
    uses = ("--for", "broker") if wishes.has_proxy else ()
    made = ("certificates", "--name", wishes.address, *uses)
    machine.run(place.server, *made, *config, user=place.user)
    machine.run(place.server, "migrate", *config, user=place.user)
    said = machine.run(place.server, "first-admin", *config, user=place.user)
    return said.split(": ")[-1].strip() or None


def _write(file: SetupFile, say: Say) -> bool:
    if not file.is_due:
        return False
    file.write()
    say(f"Wrote {file.path}")
    return True


def describe(place: SchoolPlace, wishes: Wishes) -> list[str]:
    """Return what would be written, for `--dry-run`: each file with its text, secrets masked."""
    lines = []
    for file in set_up_files(place, wishes):
        if not file.is_due:
            lines.append(f"{file.path} stays as it is")
            continue
        lines += [f"would write {file.path}:", *(f"  {line}" for line in _masked(file.text))]
    return lines


def _masked(text: str) -> list[str]:
    return [
        f"{line.split(' = ')[0]} = (a secret)" if _is_secret(line) else line
        for line in text.splitlines()
    ]


def _is_secret(line: str) -> bool:
    name = Path(line.split(" = ")[0]).name
    return " = " in line and name in {
        "api_key",
        "match_keys",
        "ml_service_api_key",
        "database_url",
    }
