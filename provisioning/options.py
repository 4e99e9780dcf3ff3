"""Options that several commands share."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kiosk.config import CameraRotation

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioning.outcome import CommandOutcome

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

DEFAULT_FILE = Path("/etc/rollcall/kiosk.toml")
EXIT_WORDS = """exit status:
  0  done, or nothing needed to change
  1  failed; one sentence on standard error explains it
  2  the command line is wrong
"""


def add_command(
    commands: "Commands",
    name: str,
    run: "Callable[[argparse.Namespace], CommandOutcome]",
    *,
    words: str,
    example: str,
    statuses: str = EXIT_WORDS,
) -> argparse.ArgumentParser:
    """Add a command; its help ends with the exit statuses and an example."""
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=words,
        description=f"{words[0].upper()}{words[1:]}.",
        epilog=f"{statuses}\nExample: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    command.set_defaults(run=run)
    return command


def add_account_options(command: argparse.ArgumentParser) -> None:
    """Add who signs in to the server, and how."""
    command.add_argument("--username", required=True, help="a technician's account on the server")
    command.add_argument(
        "--password-file", type=Path, help="file with the password; otherwise you type it"
    )
    command.add_argument(
        "--proxy", help="proxy to go through; HTTP_PROXY and .netrc are never used"
    )


def add_kiosk_options(command: argparse.ArgumentParser, *, room_words: str) -> None:
    """Add which kiosk and which room a command is about."""
    command.add_argument(
        "--name", required=True, type=str.strip, help="the kiosk's name on the server"
    )
    command.add_argument("--room", required=True, type=str.strip, help=room_words)


def add_server_options(command: argparse.ArgumentParser, *, is_required: bool = True) -> None:
    """Add the server's address, and how it is known."""
    otherwise = "" if is_required else "; default: the one in the settings file"
    command.add_argument(
        "--server",
        required=is_required,
        help=f"address of the server, such as https://rollcall.example{otherwise}",
    )
    command.add_argument("--server-ca", help="file of its certificate authority (PEM)")
    command.add_argument(
        "--fingerprint",
        dest="server_ca_fingerprint",
        type=str.lower,
        help="of its certificate authority, from the kiosk's page; otherwise six words are shown"
        " to compare",
    )
    command.add_argument(
        "--allow-plain",
        action="store_true",
        default=None,
        help="talk to another machine without encryption",
    )


def add_dry_run(command: argparse.ArgumentParser, words: str) -> None:
    """Add --dry-run."""
    command.add_argument("--dry-run", action="store_true", help=words)


def add_file_options(command: argparse.ArgumentParser) -> None:
    """Add the settings file and what can be written into it."""
    command.add_argument(
        "--file", type=Path, default=DEFAULT_FILE, help=f"settings file [{DEFAULT_FILE}]"
    )
    command.add_argument("--data-dir", help="folder for the kiosk's keys and records")
    add_setting_options(command)


def add_setting_options(command: argparse.ArgumentParser) -> None:
    """Add what can be said about a kiosk's camera and screens."""
    command.add_argument("--camera", help="index, /dev/video path or GStreamer pipeline")
    command.add_argument(
        "--camera-rotation",
        type=int,
        choices=[int(rotation) for rotation in CameraRotation],
        help="degrees clockwise by which pictures are turned upright",
    )
    command.add_argument(
        "--camera-mirror",
        action=argparse.BooleanOptionalAction,
        help="the camera delivers mirrored pictures",
    )
    command.add_argument("--language", help="language of the screens")
