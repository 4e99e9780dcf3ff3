"""`rollcall-server init`: from an installed package to a running server."""

import argparse
import os
import sys
from pathlib import Path

from protocol.v1.trust import ca_fingerprint, six_words
from server.config import Settings
from server.errors import ConfigurationError
from server.setup.machine import ThisMachine, require_root_and_systemd
from server.setup.place import SchoolPlace
from server.setup.service import DEFAULT_PORT, Wishes, describe, set_up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--school",
        required=True,
        help="short name of the school on this machine, such as goethe; several may share it",
    )
    parser.add_argument(
        "--address",
        required=True,
        help="name or IP address under which kiosks and browsers reach the server",
    )
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="of the server [8000]")
    parser.add_argument("--broker-port", type=int, default=8883, help="of the broker [8883]")
    parser.add_argument(
        "--database-file",
        type=Path,
        metavar="FILE",
        help="file with the address of PostgreSQL (postgresql+psycopg://user:password@host/name);"
        " default: SQLite in the data folder",
    )
    parser.add_argument(
        "--behind-proxy",
        action="store_true",
        help="a proxy on this machine has the certificate for browsers and kiosks; writes a site"
        " for nginx",
    )
    parser.add_argument(
        "--without-ml", action="store_true", help="the ML service runs on another machine"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would be written")


def init(_settings: Settings, options: argparse.Namespace) -> int:
    """Set a school up, or show what would be done.

    Raises:
        ConfigurationError: the machine or an option does not allow it.
    """
    place = SchoolPlace(options.school, Path("/"), Path(sys.executable).parent)
    wishes = _wishes(options)
    if options.dry_run:
        sys.stdout.writelines(f"{line}\n" for line in describe(place, wishes))
        return 0
    require_root_and_systemd()
    os.umask(0o022)  # each file has its own mode; the school's user must reach the folders
    _refuse_private(place)
    password = set_up(place, wishes, ThisMachine(), _say)
    sys.stdout.write(ending(place, wishes, options.port, password))
    return 0


def _wishes(options: argparse.Namespace) -> Wishes:
    settings: dict[str, object] = {"port": options.port, "broker_port": options.broker_port}
    if options.database_file is not None:
        settings["database_url"] = options.database_file.read_text(encoding="utf-8").strip()
    return Wishes(
        options.address,
        settings,
        has_ml=not options.without_ml,
        has_proxy=options.behind_proxy,
    )


def _refuse_private(place: SchoolPlace) -> None:
    """Refuse a program in a folder that the services cannot see."""
    home = next((one for one in ("/home", "/root", "/run/user") if _is_below(place.bin, one)), None)
    if home is not None:
        raise ConfigurationError(
            f"Rollcall is installed below {home}, where services cannot read it. Install it below"
            " /opt/rollcall (docs/install.md)."
        )


def _is_below(path: Path, folder: str) -> bool:
    return path.resolve().is_relative_to(folder)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def ending(place: SchoolPlace, wishes: Wishes, port: int, password: str | None) -> str:
    """Return what a person needs next, and nothing else."""
    address = f"https://{wishes.address}" + ("" if wishes.has_proxy else f":{port}")
    authority = place.root / place.data.relative_to("/") / "certificates/authority.pem"
    words = " ".join(six_words(ca_fingerprint(authority.read_text(encoding="ascii"))))
    sign_in = f"admin / {password}, once" if password else "with the accounts that exist"
    return (
        f"\n  Pages      {address}\n"
        f"  Sign in    {sign_in}\n"
        f"  Six words  {words}: kiosks and technicians compare them\n"
        f"  Settings   {place.settings}\n"
        f"  Logs       journalctl -u {place.services[1]}\n"
        f"  Keys       {place.data}/keys: back them up apart from the database\n"
        f"{_proxy_words(place) if wishes.has_proxy else ''}"
    )


def _proxy_words(place: SchoolPlace) -> str:
    """Say what is left to do before nginx answers."""
    folder = place.settings.parent
    return (
        f"  nginx      1. Put the certificate of the address into {folder}/proxy.pem, with those\n"
        "                between it and its authority, and its key into proxy-key.pem beside it.\n"
        f"             2. ln -s ../sites-available/{place.user} /etc/nginx/sites-enabled/\n"
        "             3. nginx -t && systemctl reload nginx\n"
    )
