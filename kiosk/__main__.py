"""`rollcall-kiosk`: run the kiosk, claim it, or say how it stands."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from pydantic import SecretStr

from kiosk.config import (
    CONFIG_VARIABLE,
    Settings,
    UnusableSettingsError,
    describe_settings,
    load_settings,
)
from kiosk.errors import KioskError, StorageError
from kiosk.logs import configure_logging
from models.store import ASSET_SETTING

Command = Callable[[Settings], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    given = {
        "claim_code": SecretStr(options.code) if options.code else None,
        "server_ca_fingerprint": options.fingerprint,
    }
    overrides = {name: value for name, value in given.items() if value is not None}
    command: Command = _claim_anew if options.code else options.command
    try:
        settings = load_settings(options.config, **overrides)
        configure_logging(settings.log_level, settings.log_format)
        if options.events_file is not None:
            return _import_events(settings, options.events_file)
        return command(settings)
    except (KioskError, UnusableSettingsError) as exc:
        sys.stderr.write(f"rollcall-kiosk: {exc}\n")
        return 2


def _run(settings: Settings) -> int:
    from kiosk.app.main import run  # the other commands need neither Qt nor models

    return run(settings)


def _claim(settings: Settings) -> int:
    from kiosk.app.commands import claim

    return claim(settings, _until_ended(), sys.stdout, ask=_person())


def _claim_anew(settings: Settings) -> int:
    from kiosk.app.commands import claim

    return claim(settings, _until_ended(), sys.stdout, is_anew=True, ask=_person())


def _person() -> Callable[[str], str] | None:
    """Return how to ask a person at the terminal; None where there is none."""
    return input if sys.stdin.isatty() else None


def _until_ended() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    signal.signal(signal.SIGINT, lambda _number, _frame: stop.set())
    return stop


def _import_events(settings: Settings, file: Path) -> int:
    from kiosk.app.importing import import_events

    return import_events(settings, file, sys.stdout)


def _status(settings: Settings) -> int:
    from kiosk.app.status_command import status

    return _told(settings, status)


def _status_json(settings: Settings) -> int:
    from kiosk.app.status_json import status_json

    return _told(settings, status_json)


def _told(settings: Settings, told: Callable[[Settings, TextIO], int]) -> int:
    try:
        return told(settings, sys.stdout)
    except StorageError as exc:
        sys.stderr.write(f"rollcall-kiosk: {exc}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rollcall-kiosk",
        description="The Rollcall kiosk. Example: rollcall-kiosk run --config kiosk.toml",
        epilog=_settings_words(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(config=None, code=None, fingerprint=None, events_file=None, command=_run)
    commands = parser.add_subparsers(metavar="COMMAND")
    _add(commands, "run", _run, "run the kiosk (the default)")
    claiming = _add(commands, "claim", _claim, "claim this kiosk with a code from the admin pages")
    claiming.add_argument(
        "--code",
        help="claim code, for example ABCD2345; also for a kiosk that is claimed already, whose"
        " records stay. Default: the setting claim_code, for a kiosk that is not claimed",
    )
    claiming.add_argument(
        "--fingerprint",
        help="of the server's certificate authority, from the kiosk's page; otherwise six words are"
        " shown to compare",
    )
    asking = _add(commands, "status", _status, "say who this kiosk is and what waits on it")
    asking.add_argument(
        "--json",
        action="store_const",
        dest="command",
        const=_status_json,
        help="as JSON, with the state of the model files",
    )
    importing = _add(
        commands, "import-events", _run, "deliver the events of another kiosk's outbox file"
    )
    importing.add_argument(
        "events_file", metavar="FILE", type=Path, help="for example outbox.db of a rescued SD card"
    )
    parser.add_argument("--config", type=Path, help=f"settings file (TOML), or {CONFIG_VARIABLE}")
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Command,
    words: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=words,
        description=f"{words[0].upper()}{words[1:]}.",
        epilog=f"Example: rollcall-kiosk {name} --config kiosk.toml"
        "; rollcall-kiosk --help lists every setting.",
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=argparse.SUPPRESS,
        help=f"settings file (TOML), or {CONFIG_VARIABLE}",
    )
    parser.set_defaults(command=command)
    return parser


_EXIT_WORDS = """exit statuses of run:
  0  told to end, or the replay is over and everything is at the server
  1  unexpected error
  2  the settings, the data folder or the camera setting cannot be used
  3  the replay is over, but not every event is at the server
  4  never got ready, or could not read the clip, for exit_timeout_s (only with
     exit_after_replay)
  5  the server revoked this kiosk
  6  the server knows another key for this kiosk: it needs a new claim code
claim ends with 0 when claimed, 1 when not; status with 1 when this kiosk needs a claim code;
import-events with 0 when events were found, 1 when there are none, 2 when FILE cannot be read.
"""


def _settings_words() -> str:
    lines = [
        _EXIT_WORDS,
        "settings (environment, or the same names without prefix in the TOML file):",
    ]
    for variable, default, description in (*describe_settings(), ASSET_SETTING):
        lines.append(f"  {variable} (default: {default})\n      {description}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
