"""What the commands read: data sets, and their faces under a network."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from models.evaluate.dataset import DataSet, DataSetError
from models.evaluate.faces import FaceReader
from models.evaluate.progress import Progress
from models.store import ModelStore, default_store

if TYPE_CHECKING:
    from argparse import Namespace

    from models.evaluate.faces import EmbeddedSet
    from models.store import Calibration, ModelCard

DEFAULT_MODEL = "dlib-resnet-v1"


def data_of(options: Namespace) -> DataSet:
    """Read the data set, or the half of it that is asked for."""
    return DataSet.read(options.data).half(options.half)


def embedded_of(options: Namespace, data: DataSet, model: str) -> EmbeddedSet:
    """Read the faces of a data set under one network."""
    return read_set(reader_of(options, model), data)


def reader_of(options: Namespace, model: str) -> FaceReader:
    """Open an embedder, of other cards and weights where these are given."""
    shipped = default_store()
    folders = [options.weights] if options.weights else []
    own = ModelStore(options.cards or shipped.cards_folder, (*folders, *shipped.folders))
    return FaceReader(shipped, model, options.cache, embedder_store=own, runtime=options.runtime)


def read_set(reader: FaceReader, data: DataSet) -> EmbeddedSet:
    """Read the faces of a data set, and say how many pictures have none."""
    total = sum(len(pictures) for pictures in data.pictures.values())
    embedded = reader.read(data, Progress(reader.card.id, total).advance)
    if embedded.failures:
        sys.stderr.write(f"no face found in {embedded.failures} of {total} pictures\n")
    return embedded


def in_words(options: Namespace, data: DataSet) -> str:
    """Say how large a data set is."""
    pictures = sum(len(own) for own in data.pictures.values())
    return f"{options.data.resolve().name}: {len(data.pictures)} people, {pictures} pictures"


def name_of(embedded: EmbeddedSet) -> str:
    """Return the name of a network and its file."""
    return f"{embedded.model_id} {embedded.variant}"


def calibration_of(card: ModelCard) -> Calibration:
    """Return a card's calibration.

    Raises:
        DataSetError: it has none.
    """
    if card.calibration is None:
        raise DataSetError(f"the card {card.id} has no calibration: run calibrate first")
    return card.calibration
