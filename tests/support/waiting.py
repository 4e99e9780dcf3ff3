"""Wait for something to become true, and say what did not when it does not."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, what: str, timeout_s: float = 30.0) -> T:
    """Call `condition` until it is truthy and return its value.

    Raises:
        TimeoutError: it stayed false for `timeout_s` seconds; the message names `what`.
    """
    pause = threading.Event()
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
        pause.wait(0.02)
    return value
