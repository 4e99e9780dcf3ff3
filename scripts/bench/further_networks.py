"""What further networks cost the ML service: `python -m scripts.bench.further_networks PHOTO`.

Each line is one fresh process with one worker, dlib's network as its own. It prints the memory
and the CPU time of a photo without a further network, with every installed one served but not asked
for, and with templates of two.
"""

import argparse
import asyncio
import base64
import statistics
import subprocess
import sys
import time
from pathlib import Path

from models.service.app import open_parts
from models.service.config import load_settings
from models.service.native_faces import answer_faces
from models.service.native_schemas import FacesRequest

_OWN, _NEXT = "dlib-resnet-v1", "sface-2021dec"
_ROUNDS = 9
_CASES = ("none", "served", "asked")


def main() -> int:
    """Run every case in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path, help="a photo with one face")
    parser.add_argument("--case", choices=_CASES, help="of this process")
    options = parser.parse_args()
    if options.case is not None:
        picture = base64.b64encode(options.photo.read_bytes()).decode()
        asyncio.run(_measure(options.case, picture))
        return 0
    for case in _CASES:
        command = [sys.executable, "-m", "scripts.bench.further_networks", str(options.photo)]
        subprocess.run([*command, "--case", case], check=True)
    return 0


async def _measure(case: str, picture: str) -> None:
    settings = load_settings(
        api_key="only for this bench",
        workers=1,
        embedder=_OWN,
        further_embedders=() if case == "none" else "auto",
    )
    parts = open_parts(settings)
    models = [_OWN, _NEXT] if case == "asked" else None
    request = FacesRequest(image_base64=picture, single=True, models=models)
    took_ms = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        await parts.pool.run(lambda engine: answer_faces(engine, request))
        took_ms.append((time.process_time() - started) * 1000)
    middle = statistics.median(took_ms[1:])
    print(
        f"{case:6} {_memory_mb():4.0f} MB, first photo {took_ms[0]:.0f} ms, then {middle:.0f} ms",
        flush=True,
    )


def _memory_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
