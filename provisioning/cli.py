"""`rollcall-provision`: prepare kiosks, name what is wrong with one, and fix it."""

import argparse
import sys
from collections.abc import Sequence

from provisioning.commands import (
    bundle,
    claim,
    commission,
    configure,
    doctor,
    fleet,
    image,
    move,
    support_bundle,
)
from provisioning.errors import ProvisioningError
from provisioning.options import EXIT_WORDS
from provisioning.outcome import CommandOutcome, failure

_COMMANDS = (
    image,
    bundle,
    claim,
    configure,
    move,
    fleet,
    doctor,
    commission,
    support_bundle,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        outcome: CommandOutcome = options.run(options)
    except ProvisioningError as exc:
        if options.json:
            sys.stdout.write(f"{failure(str(exc))}\n")
        sys.stderr.write(f"rollcall-provision: {exc}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("rollcall-provision: stopped\n")
        return 1
    sys.stdout.write(f"{outcome.shown(is_json=options.json)}\n")
    return outcome.status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rollcall-provision",
        description=__doc__,
        epilog=f"{EXIT_WORDS}\nExample: rollcall-provision claim --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add_to(commands)
    return parser
