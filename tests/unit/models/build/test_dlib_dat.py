import struct
from pathlib import Path

import numpy as np
import pytest

from models.build.dlib_dat import (
    CHANNELS,
    CONV_COUNT,
    DatFormatError,
    read_dlib_network,
)
from models.build.port_dlib import load_network


def _integer(value: int) -> bytes:
    magnitude = abs(value)
    size = max(1, (magnitude.bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + magnitude.to_bytes(size, "little")


def _tag(name: bytes) -> bytes:
    return _integer(len(name)) + name


def _tensor(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    shape = b"".join(_integer(side) for side in (len(values), 1, 1, 1))
    return _integer(2) + shape + values.astype("<f4").tobytes()


def _conv(inputs: int, outputs: int, side: int, stride: int) -> bytes:
    values = np.full(outputs * (inputs * side * side + 1), 0.5, dtype=np.float32)
    numbers = (outputs, side, side, stride, stride, side // 2, side // 2)
    affine = np.concatenate([np.full(outputs, 2.0), np.full(outputs, 0.25)]).astype(np.float32)
    return (
        _tag(b"con_4")
        + _tensor(values)
        + b"".join(map(_integer, numbers))
        + b"\x01\x00" * 20
        + _tag(b"affine_")
        + _tensor(affine)
        + b"\x01\x00" * 20
    )


def _dat() -> bytes:
    """A file with the published layout, every weight the same."""
    mean = b"".join(_integer(number) for number in (16093282, -17, 117, 0, 209, -1))
    parts = [_tag(b"loss_metric_2"), b"\x01\x02" * 90, _tag(b"input_rgb_image_sized"), mean]
    parts += [_integer(150), _integer(150), _conv(3, 32, 7, 2)]
    inputs = 32
    for channels in CHANNELS:
        parts += [_conv(inputs, channels, 3, 1), _conv(channels, channels, 3, 1)]
        inputs = channels
    projection = np.arange(256 * 128, dtype=np.float32)
    parts += [_tag(b"fc_2"), _integer(128), _integer(256), _tensor(projection)]
    return b"".join(parts)


DAT = _dat()


def test_reader_folds_affine_layers_into_convolutions() -> None:
    network = read_dlib_network(DAT)

    assert len(network.convs) == CONV_COUNT
    assert network.convs[0].kernel.shape == (32, 3, 7, 7)
    assert network.convs[0].stride == 2
    np.testing.assert_allclose(network.convs[3].kernel, 1.0)
    np.testing.assert_allclose(network.convs[3].bias, 1.25)


def test_reader_takes_mean_side_and_projection() -> None:
    network = read_dlib_network(DAT)

    assert network.input_mean_rgb == pytest.approx((122.782, 117.0, 104.5), abs=1e-4)
    assert network.input_side_px == 150
    assert network.projection.shape == (256, 128)
    assert network.projection[1, 0] == 128.0


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.3, 0.5, 0.99, 0.999999])
def test_truncated_file_is_refused(share: float) -> None:
    with pytest.raises(DatFormatError, match=r"ends at byte|no layer"):
        read_dlib_network(DAT[: int(len(DAT) * share)])


def test_values_that_are_not_finite_are_refused() -> None:
    marker = DAT.index(b"con_4")
    weight = DAT.index(struct.pack("<f", 0.5), marker)
    damaged = DAT[:weight] + struct.pack("<f", float("nan")) + DAT[weight + 4 :]

    with pytest.raises(DatFormatError, match="not finite"):
        read_dlib_network(damaged)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (_integer(150) * 2, _integer(150) + _integer(151), "150x151"),
        (_tag(b"con_4") + b"\x01\x02", _tag(b"con_4") + b"\x01\x03", "version 3"),
        (_tag(b"con_4") + b"\x01\x02", _tag(b"con_4") + b"\x21\x02", "no integer header"),
        (_tag(b"con_4") + b"\x01\x02", _tag(b"con_4") + b"\x01\x02\x81\x05", "negative"),
        (_tag(b"affine_"), _tag(b"affime_"), "no layer 'affine_'"),
        (_tag(b"fc_2") + _integer(128), _tag(b"fc_2") + _integer(127), "holds 32768 values"),
    ],
)
def test_damage_is_named(old: bytes, new: bytes, message: str) -> None:
    assert old in DAT

    with pytest.raises(DatFormatError, match=message):
        read_dlib_network(DAT.replace(old, new, 1))


def test_file_that_is_not_the_published_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.dat"
    path.write_bytes(DAT)

    with pytest.raises(DatFormatError, match="not the published file"):
        load_network(path)
