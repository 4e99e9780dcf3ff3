"""Opens models: the first ones where they are used, later ones on a separate thread."""

import threading
from collections.abc import Callable

from kiosk.vision.recogniser import FaceModels


class ModelSupply:
    """Hands out models; opens others while the present ones are in use. Safe from any thread.

    Args:
        open_models: opens what is wanted now; may raise anything.
    """

    def __init__(self, open_models: Callable[[], FaceModels]) -> None:
        self._open_models = open_models
        self._lock = threading.Lock()
        self._asked = 0
        self._renewed: FaceModels | Exception | None = None

    def open(self) -> FaceModels:
        """Open the models on this thread."""
        return self._open_models()

    def renew(self) -> None:
        """Open the models again on another thread; of several calls the last one counts."""
        with self._lock:
            self._asked += 1
            number = self._asked
        thread = threading.Thread(target=self._renew, args=(number,), name="models", daemon=True)
        thread.start()

    def renewed(self) -> FaceModels | None:
        """Return what was opened since the last call, once; None while there is nothing new.

        Raises:
            Exception: what `open_models` raised, once.
        """
        with self._lock:
            renewed, self._renewed = self._renewed, None
        if isinstance(renewed, Exception):
            raise renewed
        return renewed

    def _renew(self, number: int) -> None:
        renewed: FaceModels | Exception
        try:
            renewed = self._open_models()
        except Exception as exc:  # noqa: BLE001 - handed to the thread that asks for the models
            renewed = exc
        self._keep(number, renewed)

    def _keep(self, number: int, renewed: FaceModels | Exception) -> None:
        """Keep what was opened for the newest call; close what nobody will use."""
        with self._lock:
            is_newest = number == self._asked
            unused = self._renewed if is_newest else renewed
            if is_newest:
                self._renewed = renewed
        if unused is not None and not isinstance(unused, Exception):
            unused.close()
