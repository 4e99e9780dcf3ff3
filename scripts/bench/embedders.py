"""Time every embedder at one thread, in turns, in one run: `python -m scripts.bench.embedders`.

SFace joins where it is installed, networks that are not the project's where a folder has them,
OpenVINO where it is installed (`uv pip install openvino` into a copy of the environment). Prints a
Markdown table.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.build.ir import read_ir
from models.build.ir_to_tflite import to_tflite
from models.cli.inventory import is_there
from models.runtime import installed_runtimes
from models.runtime.litert import interpreter_factory as litert_factory
from models.runtime.tflite import interpreter_factory as tflite_factory
from models.store import default_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_FACTORIES = {"tflite": tflite_factory, "litert": litert_factory}
_NAMES = {"tflite": "tflite-runtime", "litert": "ai-edge-litert"}
_SFACE = "sface-2021dec"
_REID = "face-reidentification-retail-0095"
_MOBILEFACENET = "mobilefacenet_insightface_y1.tflite"
_WARM_UP = 5


@dataclass
class Contestant:
    """One network in one runtime.

    Attributes:
        run: infers once.
        cpu_ms: of the whole process, per inference.
        wall_ms: the same on the clock.
    """

    name: str
    runtime: str
    size_bytes: int
    run: Callable[[], object]
    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)

    def row(self) -> str:
        """Say it as a row of the table."""
        cells = (
            self.name,
            self.runtime,
            f"{self.size_bytes / 1e6:.1f} MB",
            f"{statistics.median(self.cpu_ms):.1f}",
            f"{min(self.wall_ms):.1f}",
        )
        return f"| {' | '.join(cells)} |"


def measure(contestants: Sequence[Contestant], rounds: int) -> None:
    """Let each infer once a round, so that a busy moment hits all of them alike."""
    for number in range(rounds + _WARM_UP):
        for contestant in contestants:
            wall, cpu = time.perf_counter(), time.process_time()
            contestant.run()
            if number >= _WARM_UP:
                contestant.cpu_ms.append((time.process_time() - cpu) * 1e3)
                contestant.wall_ms.append((time.perf_counter() - wall) * 1e3)


def contestants(folder: Path) -> Iterator[Contestant]:
    """Gather what is here.

    Args:
        folder: of third-party files.
    """
    store = default_store()
    for reference in ("dlib-resnet-v1-float16", "dlib-resnet-v1-int8"):
        yield from _tflite(reference, store.load(reference).content)
    card = store.cards[_SFACE]
    for file in card.files if is_there(store, _SFACE) else ():
        reference = f"{_SFACE}-{file.variant}"
        yield from _tflite(reference, store.load(reference).content)
    xml = folder / f"{_REID}.xml"
    if xml.is_file():
        weights = xml.with_suffix(".bin").read_bytes()
        content, _ = to_tflite(read_ir(xml.read_bytes(), weights), "omz-0095")
        yield from _tflite("omz-0095-float16", content)
        yield from _openvino(xml, len(weights))
    if (folder / _MOBILEFACENET).is_file():
        content = (folder / _MOBILEFACENET).read_bytes()
        yield from _tflite("MobileFaceNet y1 (float32)", content)


def _tflite(name: str, content: bytes) -> Iterator[Contestant]:
    for runtime in installed_runtimes():
        factory = _FACTORIES[runtime]()
        interpreter = factory(model_content=content, num_threads=1, experimental_delegates=None)
        interpreter.allocate_tensors()
        taken = interpreter.get_input_details()[0]
        interpreter.set_tensor(taken["index"], _noise(taken["shape"]))
        yield Contestant(name, _NAMES[runtime], len(content), interpreter.invoke)


def _openvino(xml: Path, size_bytes: int) -> Iterator[Contestant]:
    try:
        import openvino
    except ImportError:
        return
    hints = {
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request: Any = openvino.Core().compile_model(str(xml), "CPU", hints).create_infer_request()
    values = [_noise((1, 3, 128, 128))]
    version = openvino.__version__.split("-")[0]
    name = "reid-0095, the publisher's file"
    yield Contestant(name, f"OpenVINO {version}", size_bytes, lambda: request.infer(values))


def _noise(shape: Sequence[int]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).uniform(-1, 1, tuple(shape)).astype(np.float32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time the embedders at one thread.")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument(
        "--models",
        type=Path,
        default=Path(__file__).resolve().parents[3] / "shared" / "models",
        help="folder with third-party networks",
    )
    options = parser.parse_args()
    here = list(contestants(options.models))
    measure(here, options.rounds)
    print(f"{platform.machine()}, one thread, {options.rounds} rounds in turns\n")
    print("| embedder | runtime | file | median CPU, ms | fastest, ms |")
    print("|---|---|---|---|---|")
    for contestant in here:
        print(contestant.row())


if __name__ == "__main__":
    main()
