"""The command line: `python -m models.evaluate COMMAND DATA`.

A command adds its options in `models.evaluate.commands` and returns the exit code; tables go to
stdout as Markdown, progress to stderr.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ModelsError
from models.evaluate import commands
from models.evaluate.rules import RULES
from models.store import asset_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

REFUSED = 1
UNUSABLE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: those of the process where None.

    Returns:
        0; 1 when the gate refuses a model; 2 when something is missing or not as it must be.
    """
    options = _parser().parse_args(arguments)
    try:
        passed: bool = options.run(options)
    except (ModelsError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    return 0 if passed else REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.evaluate", description=__doc__)
    choices = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (add_options, run) in commands.COMMANDS.items():
        command = choices.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        _add_common(command)
        add_options(command)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "data",
        type=Path,
        help="folder with one folder of pictures per person, and pairs.tsv or not",
    )
    add("--half", choices=("all", "tune", "report"), default="all", help="people, by hash of name")
    add("--rule", choices=tuple(RULES), default="mirrored", help="makes templates and probes")
    add("--cards", type=Path, help="folder of the embedders' cards, if not the shipped ones")
    add("--weights", type=Path, help="folder of the embedders' files, looked into first")
    add("--cache", type=Path, default=asset_folder().parent / "evaluate", help="keeps templates")
    add("--runtime", choices=("auto", "tflite", "litert"), default="auto", help="of inference")
    add("--seed", type=int, default=0, help="of all drawing")
