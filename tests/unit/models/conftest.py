"""The sample photos, for every test of the models."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def photo(assets: Path) -> Callable[[str], NDArray[np.uint8]]:
    def read(name: str) -> NDArray[np.uint8]:
        path = next(assets.rglob(name), None)
        if path is None:
            pytest.skip("needs the sample photos: run scripts/fetch_assets once")
        return np.asarray(cv2.imread(str(path)), dtype=np.uint8)

    return read
