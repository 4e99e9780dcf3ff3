"""`rollcall-models`: fetch every model file; list, use, verify and remove embedders."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from models.cli.download import Patience
from models.cli.install import check_parity
from models.cli.installing import Order, install_all, install_card
from models.cli.inventory import embedder, entries, is_there, remove, select
from models.cli.placing import sole_use_of
from models.errors import InstallError, ModelsError, SelectionError
from models.store import ASSET_SETTING, asset_folder, default_store
from models.store.selection import AUTO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from models.store import ModelCard, ModelStore

_PATIENCE = Patience()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(default_store(), options)
    except ModelsError as error:
        _complain(str(error))
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}")
    else:
        return status
    return 1


def _list(store: ModelStore, _options: argparse.Namespace) -> int:
    for entry in entries(store, asset_folder()):
        card = entry.card
        mark = "*" if entry.is_in_use else " "
        size = f"{card.files[0].size_bytes / 1e6:.1f} MB"
        _say(f"{mark} {card.id:24} {entry.state:14} {card.licence:12} {size:>8}  {card.title}")
    note = store.selected_embedder()[1]
    if note:
        _say(note)
    return 0


def _install(store: ModelStore, options: argparse.Namespace) -> int:
    folder = asset_folder()
    order = Order(
        store=store,
        folder=folder,
        patience=Patience(silence_s=options.timeout, attempts=options.attempts),
        source=options.source,
        evaluate=options.evaluate,
        say=_say,
    )
    if options.model is None:
        if options.use or options.evaluate:
            raise InstallError("--use and --evaluate need the name of a model")
        return _install_all(store, order)
    card, _ = store.find(options.model)
    if options.use:
        embedder(store, options.model)
    with sole_use_of(folder), _announced_change(store):
        install_card(order, card)
        if options.use:
            select(store, options.model, folder)
    if card.role == "embedder" and store.find(AUTO)[0].id != card.id:
        _say(f"to make it the embedder of this machine: rollcall-models use {card.id}")
    return 0


def _install_all(store: ModelStore, order: Order) -> int:
    with sole_use_of(order.folder), _announced_change(store):
        is_complete = install_all(order, complain=_complain)
    note = store.selected_embedder()[1]
    if note:
        _say(note)
    return 0 if is_complete else 1


def _use(store: ModelStore, options: argparse.Namespace) -> int:
    with _announced_change(store):
        select(store, options.model, asset_folder())
    _say(f"{options.model} is selected")
    return 0


def _present(store: ModelStore) -> ModelCard | None:
    """Find what `auto` stands for; None where the selection is damaged, which `use` repairs."""
    try:
        return store.find(AUTO)[0]
    except SelectionError:
        return None


@contextmanager
def _announced_change(store: ModelStore) -> Iterator[None]:
    """Say afterwards what it means if `auto` stands for another network than before."""
    before = _present(store)
    yield
    after = _present(store)
    if before is not None and after is not None and after.id != before.id:
        _say(
            f"{after.id} is the embedder of this machine from the next start of its services on,"
            f" instead of {before.id}"
        )
        _say(
            f"people enrolled with {before.id} stay enrolled; a school with people changes its"
            " network on the Models page of its server"
        )


def _verify(store: ModelStore, options: argparse.Namespace) -> int:
    wanted = [embedder(store, options.model)] if options.model else None
    for card in wanted or [known.card for known in entries(store, asset_folder())]:
        for file in card.files:
            reference = f"{card.id}-{file.variant}"
            if wanted or is_there(store, reference):
                cosines = check_parity(store, store.load(reference))
                agreement = ", ".join(f"cosine {cosines[name]:.6f} on {name}" for name in cosines)
                _say(f"{reference}: the file of its card; {agreement or 'no recorded numbers'}")
    return 0


def _remove(store: ModelStore, options: argparse.Namespace) -> int:
    with sole_use_of(asset_folder()):
        for path in remove(store, options.model, asset_folder()):
            _say(f"{path} is deleted")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _complain(line: str) -> None:
    sys.stderr.write(f"rollcall-models: {line}\n")


def _parser() -> argparse.ArgumentParser:
    example = "Example: rollcall-models"
    variable, default, meaning = ASSET_SETTING
    parser = argparse.ArgumentParser(
        prog="rollcall-models",
        description=f"{__doc__} Setting {variable} [{default}]: {meaning}",
        epilog=f"{example} install",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, run: Callable[[ModelStore, argparse.Namespace], int], words: str, more: str
    ) -> argparse.ArgumentParser:
        epilog = f"{example} {name} {more}".rstrip()
        command = commands.add_parser(name, help=words, epilog=epilog)
        command.set_defaults(run=run)
        return command

    add("list", _list, "every embedder; the one in use has a star", "")
    words = "fetch, translate, check and place a model; without a name, all that are missing"
    _add_install_options(add("install", _install, words, "omz-0095 --use"))
    using = add("use", _use, "make an installed model this machine's embedder", "omz-0095")
    using.add_argument("model", help="card, or card and variant, such as omz-0095")
    verifying = add("verify", _verify, "check files and numbers of installed models", "omz-0095")
    verifying.add_argument("model", nargs="?", help="this one alone, which must be installed")
    removing = add("remove", _remove, "delete an installed model", "omz-0095")
    removing.add_argument("model", help="card, such as omz-0095")
    return parser


def _add_install_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", nargs="?", help="card, such as omz-0095 (default: every card)")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="work offline: DIR holds the publishers' files or packages, or the models themselves",
    )
    parser.add_argument("--use", action="store_true", help="also make it the embedder in use")
    parser.add_argument(
        "--evaluate",
        type=Path,
        metavar="DIR",
        help="refuse it if it recognises the people of DIR, one folder each, worse than the"
        " embedder in use",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=_PATIENCE.silence_s,
        metavar="S",
        help="give up a connection that is silent for so long (default: %(default)g s)",
    )
    parser.add_argument(
        "--attempts",
        type=int,
        default=_PATIENCE.attempts,
        metavar="N",
        help="give up after so many attempts without a byte (default: %(default)d)",
    )


if __name__ == "__main__":
    raise SystemExit(main())
