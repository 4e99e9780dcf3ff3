"""Ports dlib's face recognition network to TFLite: `python -m models.build.port_dlib`.

The .dat comes out of the package face_recognition_models 0.3.0 (CC0-1.0), which the build group
installs from the package index; `docs/models.md` has the commands.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import sys
from pathlib import Path

from models.build.dlib_dat import DatFormatError, DlibNetwork, read_dlib_network

CARD_ID = "dlib-resnet-v1"
DAT_NAME = "dlib_face_recognition_resnet_model_v1.dat"
# Source: the file inside face_recognition_models-0.3.0.tar.gz, whose own sha256 uv.lock pins.
DAT_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
# Least and largest value of each map over faces; scripts/calibrate_dlib.py measured them.
RANGES = Path(__file__).with_name("dlib-ranges.json")
_WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


def load_network(path: Path) -> DlibNetwork:
    """Read the published .dat.

    Raises:
        DatFormatError: it is not the published file, byte for byte.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != DAT_SHA256:
        raise DatFormatError(
            f"{path.name} is not the published file: its sha256 is {digest[:12]}…, "
            f"expected {DAT_SHA256[:12]}…"
        )
    return read_dlib_network(data)


def installed_dat() -> Path:
    """Find the .dat of the installed package face_recognition_models, without importing it.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "face_recognition_models is not installed; run: uv sync --group build"
        )
    return Path(spec.origin).parent / "models" / DAT_NAME


def port(network: DlibNetwork, folder: Path) -> list[Path]:
    """Write one TFLite file for each precision.

    Args:
        network: as read from the .dat.
        folder: receives `dlib-resnet-v1-<precision>.tflite`.
    """
    # TensorFlow takes seconds to import and is in the build group only.
    from models.build.convert import Precision, to_tflite, within
    from models.build.dlib_resnet import build_graph

    plain = build_graph(network)
    graphs = dict.fromkeys(Precision, plain)
    graphs[Precision.FULL_INT8] = build_graph(network, within(json.loads(RANGES.read_text())))
    paths: list[Path] = []
    for precision, graph in graphs.items():
        path = folder / f"{CARD_ID}-{precision}.tflite"
        path.write_bytes(to_tflite(graph, network.input_side_px, precision))
        paths.append(path)
    return paths


def main() -> int:
    """Port the network and write the sha256 of every file to standard output."""
    parser = argparse.ArgumentParser(description="Port dlib's face recognition ResNet to TFLite.")
    parser.add_argument("--dat", type=Path, help="the .dat (default: of the installed package)")
    parser.add_argument("--out", type=Path, default=_WEIGHTS, help="folder of the TFLite files")
    options = parser.parse_args()
    try:
        network = load_network(options.dat or installed_dat())
    except (DatFormatError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in port(network, options.out):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        sys.stdout.write(f"{digest}  {path.stat().st_size:>9}  {path.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
