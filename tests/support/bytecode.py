"""Compiled Python that all processes of a test run share.

Tests start hundreds of processes. Where the environment forbids Python to keep what it compiled,
as container images often do, each of them compiles the whole product and its libraries again.
"""

import os
import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[2] / ".pytest_cache" / "bytecode"


def share_bytecode() -> None:
    """Keep compiled Python in one folder of the checkout, for this process and its children."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(_FOLDER)
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(_FOLDER)
