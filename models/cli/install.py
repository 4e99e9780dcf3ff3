"""Installs a model: its publisher's files, checked, translated, compared, put in place."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from models.cli.placing import place
from models.cli.sources import Say, fetch_sources
from models.errors import ConversionError, InstallError, ParityError
from models.runtime import installed_runtimes, open_session
from models.stages.embed import FaceEmbedder
from models.stages.parity import MIN_COSINE, lowest_cosine
from models.store import OnnxOrigin, Origin, VerifiedModel

if TYPE_CHECKING:
    from models.cli.download import Patience
    from models.runtime import RuntimeName
    from models.store import ModelCard, ModelStore


def translate(card: ModelCard, sources: list[bytes]) -> list[bytes]:
    """Make the card's files out of its publisher's files, which were checked.

    Raises:
        ConversionError: what comes out is not what the card names, or the extra is missing.
    """
    try:
        from models.build.translate import translate_sources
    except ImportError as error:
        raise ConversionError(
            "converting a model needs the extra convert: install rollcall[convert]"
        ) from error
    return translate_sources(card, sources)


def check_parity(store: ModelStore, model: VerifiedModel) -> dict[RuntimeName, float]:
    """Compare a model on this machine with its recorded embeddings.

    Returns:
        Per installed runtime that the file is for, the cosine of the picture that agrees least;
        empty where nothing was recorded for this model.

    Raises:
        ParityError: one is below the file's own lowest, or `MIN_COSINE` where it names none.
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
    least = model.file.min_cosine or MIN_COSINE
    for runtime in (one for one in runtimes if one in model.file.runtimes):
        embedder = FaceEmbedder(model.card, open_session(model, runtime=runtime))
        cosines[runtime] = lowest_cosine(embedder, model.card.input, recorded)
        if cosines[runtime] < least:
            raise ParityError(
                f"{model.card.id} computes other numbers here than at its publisher: cosine"
                f" {cosines[runtime]:.4f} with the runtime {runtime}, at least {least} is"
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
) -> list[VerifiedModel]:
    """Make the files of a card that names its origin, and prove them on this machine.

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
    if not isinstance(card.origin, (Origin, OnnxOrigin)):
        raise InstallError(f"{card.id} is not translated from a publisher's files")
    sources = fetch_sources(card.origin, folder, patience, source=source, say=say)
    say("translating it to TFLite")
    contents = translate(card, sources)
    models = [
        VerifiedModel(card, file, content)
        for file, content in zip(card.files, contents, strict=True)
    ]
    for model in models:
        for runtime, cosine in check_parity(store, model).items():
            say(
                f"parity with its publisher's runtime: {model.file.variant} has the cosine"
                f" {cosine:.6f} on {runtime}"
            )
    return models


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
