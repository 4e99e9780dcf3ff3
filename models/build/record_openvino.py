"""Records what OpenVINO answers, for the parity check: `python -m models.build.record_openvino`.

Run by hand where `openvino` is installed (docs/models.md names the version). It feeds the
publisher's file as its publisher says, raw pixels and all, so that the card's own idea of the
input is checked along.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from models.stages.parity import parity_pictures


def record(xml: Path, width_px: int, height_px: int) -> dict[str, list[float]]:
    """Embed the parity pictures with a network that takes (1, 3, H, W), BGR, 0 to 255.

    Args:
        xml: the network's XML file, its weights beside it.
        width_px: of the network's input.
        height_px: of the same.

    Returns:
        Embeddings by the picture's name, rounded to 5 decimals.
    """
    import openvino  # in the group bench alone

    # "f32" because processors with bfloat16 would otherwise round.
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    network = openvino.Core().compile_model(str(xml), "CPU", hints)
    recorded = {}
    for name, picture in parity_pictures(width_px, height_px).items():
        values = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32)
        answer = next(iter(network([values]).values()))
        recorded[name] = [round(float(value), 5) for value in answer.ravel()]
    return recorded


def main() -> None:
    """Write one JSON object."""
    parser = argparse.ArgumentParser(description="Record OpenVINO's embeddings of drawn pictures.")
    parser.add_argument("xml", type=Path)
    parser.add_argument("--side", type=int, default=128, help="of the square input, pixels")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    recorded = record(options.xml, options.side, options.side)
    rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(row)}" for name, row in recorded.items())
    options.out.write_text(f"{{\n{rows}\n}}\n", "utf-8")


if __name__ == "__main__":
    main()
