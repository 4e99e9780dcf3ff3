"""An asset folder with a second network in it: MobileFaceNet, dropped in as a card and a file."""

from pathlib import Path

from tests.unit.models.test_drop_in import CARD

DROPPED_ID = "mobilefacenet-y1"
FILE_NAME = "mobilefacenet_insightface_y1.tflite"


def assets_with_network(folder: Path, assets: Path, shared_models: Path) -> Path:
    """Fill a folder with the detectors and landmarks of the asset cache and the network.

    The file of the network itself is a copy, so that a test may damage or remove it.
    """
    models = folder / "models"
    models.mkdir(parents=True)
    for path in (assets / "models").glob("face_*.tflite"):
        (models / path.name).symlink_to(path)
    (models / f"{DROPPED_ID}.toml").write_text(CARD, "utf-8")
    (models / FILE_NAME).write_bytes((shared_models / FILE_NAME).read_bytes())
    return folder
