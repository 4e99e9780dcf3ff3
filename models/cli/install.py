"""Installs a model: its publisher's files, checked, translated, compared, put in place."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from models.cli.download import download
from models.cli.placing import place
from models.errors import ConversionError, DownloadError, InstallError, ParityError
from models.runtime import installed_runtimes, open_session
from models.stages.embed import FaceEmbedder
from models.stages.parity import MIN_COSINE, lowest_cosine
from models.store import Origin, VerifiedModel

if TYPE_CHECKING:
    from models.build.ir_input import Normalisation
    from models.cli.download import Patience
    from models.runtime import RuntimeName
    from models.store import ModelCard, ModelStore, SourceFile

Say: TypeAlias = Callable[[str], None]


def fetch_sources(
    origin: Origin, folder: Path, patience: Patience, *, source: Path | None, say: Say
) -> list[bytes]:
    """Get the publisher's files, in the card's order, each with the card's sha256.

    Args:
        origin: of the card.
        folder: for files that are still incomplete.
        patience: with the publisher.
        source: take them from this folder instead of from the publisher.
        say: told what is going on, a line at a time.

    Raises:
        DownloadError: one cannot be had, or is another file.
    """
    contents = []
    for file in origin.files:
        if source is not None:
            contents.append(_read(file, source))
            continue
        say(f"fetching {file.url}")
        contents.append(download(file, folder, patience))
    return contents


def translate(card: ModelCard, sources: list[bytes]) -> bytes:
    """Make the card's first file out of its publisher's files, which were checked.

    Raises:
        ConversionError: what comes out is not what the card names, or the extra is missing.
    """
    try:
        from models.build.ir import read_ir
        from models.build.ir_to_tflite import to_tflite
    except ImportError as error:
        raise ConversionError(
            "converting a model needs the extra convert: install rollcall[convert]"
        ) from error
    xml, weights = sources
    content, normalisation = to_tflite(read_ir(xml, weights), card.id)
    if not _agrees(normalisation, card):
        raise ConversionError(f"the card {card.id} scales the input otherwise than its publisher")
    digest = hashlib.sha256(content).hexdigest()
    if digest != card.files[0].sha256:
        raise ConversionError(
            f"the translation of {card.id} came out otherwise than recorded: its sha256 is"
            f" {digest[:12]}…, expected {card.files[0].sha256[:12]}…; is flatbuffers the version"
            " of the extra convert?"
        )
    return content


def check_parity(store: ModelStore, model: VerifiedModel) -> dict[RuntimeName, float]:
    """Compare a model on this machine with its recorded embeddings.

    Returns:
        Per installed runtime the cosine of the picture that agrees least; empty where nothing was
        recorded for this model.

    Raises:
        ParityError: one is below `MIN_COSINE`.
        RuntimeFaultError: a runtime refuses the model or fails.
        InstallError: no runtime is installed.
    """
    runtimes = installed_runtimes()
    if not runtimes:
        raise InstallError("no inference runtime is installed: install rollcall[ml]")
    recorded = store.recorded_embeddings(model.card)
    if not recorded:
        return {}
    cosines: dict[RuntimeName, float] = {}
    for runtime in runtimes:
        embedder = FaceEmbedder(model.card, open_session(model, runtime=runtime))
        cosines[runtime] = lowest_cosine(embedder, model.card.input, recorded)
        if cosines[runtime] < MIN_COSINE:
            raise ParityError(
                f"{model.card.id} computes other numbers here than at its publisher: cosine"
                f" {cosines[runtime]:.4f} with the runtime {runtime}, at least {MIN_COSINE} is"
                " asked for"
            )
    return cosines


def prepare(
    store: ModelStore,
    card: ModelCard,
    folder: Path,
    patience: Patience,
    *,
    source: Path | None,
    say: Say,
) -> VerifiedModel:
    """Make the first file of a card that names its origin, and prove it on this machine.

    Args:
        store: of the card, for its recorded embeddings.
        card: what to make.
        folder: the asset folder.
        patience: with the publisher.
        source: take the publisher's files from this folder.
        say: told what is going on, a line at a time.

    Raises:
        InstallError: it cannot be had, translated, or trusted; the message is one sentence.
        RuntimeFaultError: the inference runtime refuses it or fails.
        OSError: the asset folder cannot be written.
    """
    if not isinstance(card.origin, Origin):
        raise InstallError(f"{card.id} is not translated from a publisher's files")
    sources = fetch_sources(card.origin, folder / "downloads", patience, source=source, say=say)
    say("translating it to TFLite")
    model = VerifiedModel(card, card.files[0], translate(card, sources))
    for runtime, cosine in check_parity(store, model).items():
        say(f"parity with its publisher's runtime: cosine {cosine:.6f} on {runtime}")
    return model


def check_accuracy(model: VerifiedModel, present: str, data: Path, folder: Path) -> None:
    """Compare a model with the one in use, with the accuracy gate of `models.evaluate`.

    Args:
        model: not yet placed.
        present: reference of the one in use.
        data: a folder of pictures for each person.
        folder: the asset folder.

    Raises:
        InstallError: the gate refused it or failed; the gate printed the reason.
    """
    from models.evaluate.cli import main as evaluate

    reference = f"{model.card.id}-{model.file.variant}"
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as staged:
        place(model.content, Path(staged) / model.file.name)
        arguments = ["gate", str(data), "--candidate", reference, "--present", present]
        status = evaluate([*arguments, "--weights", staged])
    if status == 1:
        raise InstallError(f"{model.card.id} is not installed: the accuracy gate refuses it")
    if status:
        raise InstallError(f"{model.card.id} is not installed: the accuracy gate cannot be run")


def _read(file: SourceFile, source: Path) -> bytes:
    path = source / file.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DownloadError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise DownloadError(f"{path} is not the file that the card names: its sha256 is another")
    return content


def _agrees(normalisation: Normalisation, card: ModelCard) -> bool:
    return np.allclose(normalisation.mean, card.input.mean, rtol=1e-9) and np.allclose(
        normalisation.scale, card.input.scale, rtol=1e-9
    )
