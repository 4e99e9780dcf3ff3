"""Which embedder the demo runs with: the strong one if it can be had, else the one in the box."""

import subprocess
from collections.abc import Callable

from models.errors import ModelsError
from models.store import default_store
from scripts.demo.processes import console_script

EMBEDDED, STRONG = "dlib-resnet-v1", "omz-0095"
_TRY = ["install", STRONG, "--attempts", "1", "--timeout", "5"]


def is_installed(embedder: str) -> bool:
    """Whether its file is there and is the one its card names."""
    try:
        default_store().load(embedder)
    except ModelsError:
        return False
    return True


def choose(*, may_download: bool, say: Callable[[str], None]) -> str:
    """Take the strong embedder if it is installed or its publisher answers; say what was taken."""
    if is_installed(STRONG):
        say(f"recognition with {STRONG}")
        return STRONG
    if may_download:
        say(f"asking the publisher of {STRONG}, the stronger embedder")
        answer = subprocess.run(
            [console_script("rollcall-models"), *_TRY], capture_output=True, text=True, check=False
        )
        if answer.returncode == 0:
            return STRONG
        say((answer.stderr.strip().splitlines() or ["it could not be installed"])[-1])
    say(f"recognition with {EMBEDDED}, the embedder in the box")
    return EMBEDDED
