"""`rollcall-server`: serve, run the broker, certificates, migrate, back up, verify, restore."""

import argparse
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from intake.serving import SettledServer
from server.accounts.service import needs_second_factor, reset_password
from server.app import create_app, open_storage
from server.audit.service import verify
from server.backup.before_migration import copying
from server.backup.commands import (
    add_backup_arguments,
    add_restore_arguments,
    add_verify_arguments,
    backup_command,
    restore_command,
    verify_command,
)
from server.certificates.command import add_arguments, make_certificates
from server.certificates.links import Links, NetworkLink, refuse_plain
from server.certificates.upkeep import renew_at_start
from server.config import CONFIG_VARIABLE, Settings, describe_settings, load_settings
from server.db.address import parsed_address, without_password
from server.db.engine import Database
from server.db.lock import sole_server_lock, startup_lock
from server.db.private import refuse_other_account
from server.db.types import now
from server.db.vault import open_vault
from server.errors import ConfigurationError, ServerError
from server.key_rotation.commands import add_rotation_arguments, rotate_command
from server.logs import configure_logging
from server.migrations.runner import upgrade, write_revision
from server.mqtt.mosquitto import is_embedded
from server.setup.command import add_arguments as add_setup_arguments
from server.setup.command import init

#: New objects before the collector looks at them, and looks before it looks at older ones. A page
#: makes thousands and drops them itself; the collector's usual 700 costs a tenth of each page.
_GARBAGE = (10_000, 20, 20)
Command = Callable[[Settings, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings(options.config)
    except ValidationError as exc:
        for problem in exc.errors(include_input=False, include_url=False):
            name = ".".join(str(part) for part in problem["loc"])
            sys.stderr.write(f"rollcall-server: setting {name}: {problem['msg']}\n")
        return 2
    except ServerError as exc:
        sys.stderr.write(f"rollcall-server: {exc.message}\n")
        return 2
    configure_logging(settings.log_level)
    command: Command = options.command
    try:
        if command not in _WITHOUT_DATA:
            refuse_other_account(settings.data_dir)
        return command(settings, options)
    except ServerError as exc:
        sys.stderr.write(f"rollcall-server: {exc.message}\n")
    except DBAPIError as exc:
        reason = without_password(str(exc.orig), parsed_address(settings.sqlalchemy_url))
        sys.stderr.write(f"rollcall-server: the database cannot be used: {_first_line(reason)}\n")
    except OSError as exc:
        sys.stderr.write(f"rollcall-server: {exc.filename}: {exc.strerror}\n")
    return 1


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    del options
    links = Links.of(settings)
    refuse_plain(links, *NetworkLink)
    renew_at_start(settings, now())
    for read in (links.offered_authorities, links.offered_broker_authorities):
        read()  # a file that cannot be read must stop the start, not the first claim
    served = links.server.serve() if links.server is not None else None
    config = uvicorn.Config(
        create_app(settings, links),
        access_log=False,
        log_config=None,
        proxy_headers=False,  # `create_app` believes those that the settings name, and no others
        server_header=False,
        ssl_context_factory=(lambda _config, _default: served.context) if served else None,
    )
    server = SettledServer(config, served, thresholds=_GARBAGE)
    # Before the first start makes an account and prints a password that nobody then looks for.
    with _bind(settings) as listener, _sole(settings), contextlib.suppress(KeyboardInterrupt):
        open_storage(settings)[0].close()  # what is wrong with it is one sentence, no traceback
        server.run(sockets=[listener])
    return 0 if server.started else 1


def _sole(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """Refuse a second server where the broker cannot share events among several."""
    if is_embedded(settings):
        return sole_server_lock(settings.data_dir)
    return contextlib.nullcontext()


def _first_line(words: str) -> str:
    return next(iter(words.splitlines()), "")


def _bind(settings: Settings) -> socket.socket:
    """Take the port, but do not listen: a proxy asks another server until this one is ready."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((settings.host, settings.port))
    except OSError as exc:
        listener.close()
        reason = os.strerror(exc.errno or 0)
        raise ConfigurationError(
            f"Port {settings.port} on {settings.host} cannot be opened ({reason})."
            " Another server may be running; stop it, or set ROLLCALL_SERVER_PORT to a free port."
        ) from exc
    return listener


def _broker(settings: Settings, options: argparse.Namespace) -> int:
    if options.verify:
        from server.mqtt.verification import verify_broker

        return verify_broker(settings)
    from server.mqtt.broker import main as run_broker  # only this command needs the broker

    return run_broker(settings)


def _certificates(settings: Settings, options: argparse.Namespace) -> int:
    make_certificates(settings, options, now())
    from server.mqtt.mosquitto import tell_mosquitto  # only this command needs the broker

    if tell_mosquitto(settings):
        sys.stdout.write("Told Mosquitto to read its certificate again.\n")
    return 0


def _migrate(settings: Settings, options: argparse.Namespace) -> int:
    with startup_lock(settings.data_dir):
        database = Database(settings.sqlalchemy_url)
        copy = copying(database, open_vault(settings), settings)
        upgrade(database, time_zone=settings.school.timezone, before=copy)
        if options.write_revision:
            write_revision(database, options.write_revision)
        database.close()
    sys.stdout.write("The database is up to date.\n")
    return 0


def _first_admin(settings: Settings, options: argparse.Namespace) -> int:
    del options
    open_storage(settings)[0].close()  # makes the account and says its password
    return 0


def _reset_password(settings: Settings, options: argparse.Namespace) -> int:
    database, _vault = open_storage(settings)
    with database.transaction() as db:
        password = reset_password(
            db, username=options.username, remove_second_factor=options.remove_second_factor
        )
        needs_code = needs_second_factor(db, username=options.username)
    database.close()
    sys.stdout.write(f"{options.username} password: {password}\n")
    if needs_code:
        sys.stdout.write(
            "Sign-ins still need a code of the authenticator app. If phone and recovery codes are"
            f" lost: rollcall-server reset-password {options.username} --remove-second-factor\n"
        )
    return 0


def _verify_audit(settings: Settings, options: argparse.Namespace) -> int:
    del options
    database, _vault = open_storage(settings)
    with database.reading() as db:
        result = verify(db)
    database.close()
    if result.broken_at is not None:
        sys.stderr.write(f"The audit trail is broken at entry {result.broken_at}.\n")
        return 1
    sys.stdout.write(f"The audit trail is intact: {result.entries} entries.\n")
    return 0


#: Sets schools up as root, and does the rest as their accounts.
_WITHOUT_DATA: tuple[Command, ...] = (init,)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rollcall-server",
        description="The Rollcall server. Example: rollcall-server serve --config rollcall.toml",
        epilog=_settings_words(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(config=None)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "serve", _serve, "serve the API and the web pages")
    broker = _add(commands, "broker", _broker, "run the MQTT broker on this machine")
    broker.add_argument(
        "--verify", action="store_true", help="try the running broker, and say what is wrong"
    )
    certificates = _add(
        commands, "certificates", _certificates, "make and renew the school's certificates"
    )
    add_arguments(certificates)
    migrate = _add(commands, "migrate", _migrate, "bring the database up to date")
    migrate.add_argument("--write-revision", metavar="MESSAGE", help="for developers")
    add_setup_arguments(
        _add(commands, "init", init, "set a school's server up on this machine, with systemd")
    )
    _add(commands, "first-admin", _first_admin, "make the first account of an empty database")
    reset = _add(commands, "reset-password", _reset_password, "give an account a new password")
    reset.add_argument("username", nargs="?", default="admin")
    reset.add_argument(
        "--remove-second-factor",
        action="store_true",
        help="switch two-step sign-in off too, where phone and recovery codes are lost",
    )
    backup = _add(commands, "backup", backup_command, "make an encrypted backup and verify it")
    add_backup_arguments(backup)
    verifying = _add(commands, "verify", verify_command, "verify a backup by restoring it")
    add_verify_arguments(verifying)
    restoring = _add(commands, "restore", restore_command, "put a backup in the database's place")
    add_restore_arguments(restoring)
    rotating = _add(commands, "rotate-keys", rotate_command, "change the data key")
    add_rotation_arguments(rotating)
    _add(commands, "verify-audit", _verify_audit, "check that nobody changed the audit trail")
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Command,
    help_text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=help_text,
        description=f"{help_text[0].upper()}{help_text[1:]}."
        f" Example: rollcall-server {name} --config rollcall.toml",
        epilog=_settings_words(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file with settings")
    parser.set_defaults(command=command)
    return parser


def _settings_words() -> str:
    lines = [f"settings (environment over the TOML file that --config or {CONFIG_VARIABLE} names):"]
    for name, default, description in describe_settings():
        lines.append(f"  {name}\n      {description} [{default}]")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
