"""Write golden files for messages that have none yet; what is frozen stays."""

import json
from pathlib import Path

from protocol.v1 import sealing
from tests.contract.protocol import samples

GOLDEN = Path(__file__).parent / "golden"


def _write(name: str, content: bytes) -> None:
    path = GOLDEN / f"{name}.json"
    if not path.exists():
        path.write_bytes(content + b"\n")


def main() -> None:
    """Freeze what is new."""
    for name, message in samples.all_samples().items():
        _write(name, message.to_json())
    public = samples.SEALING_PUBLIC
    wrapped = sealing.wrap_key(samples.DATA_KEY, public, kiosk_id=samples.KIOSK, key_id="key-1")
    packed = sealing.pack_values([0.5, -0.25, 1.0])
    template = sealing.seal_template(packed, samples.DATA_KEY, template_id="template-1")
    _write("sealed", json.dumps({"wrapped": wrapped, "template": template}).encode())


if __name__ == "__main__":
    main()
