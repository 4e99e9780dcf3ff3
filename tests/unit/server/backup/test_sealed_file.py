"""A backup file is whole and in order, or it is refused."""

import fcntl
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.backup.errors import BackupError, BackupUnreadableError, WrongRecoveryKeyError
from server.backup.recovery_key import RecoveryKey, key_of, make_key, read_key, refuse_beside
from server.backup.sealed_file import SealedReader, SealedWriter, remove_leftovers, sealed_file
from server.backup.service import only
from server.errors import ConfigurationError

KEY, OTHER = key_of(bytes(32)), key_of(b"\1" * 32)
CHUNK = 64 * 1024
SEALED = CHUNK + 16


def sealed(plain: bytes, key: RecoveryKey = KEY) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, key, "database")
    for at in range(0, len(plain), 50_000):
        writer.write(plain[at : at + 50_000])
    writer.finish()
    return file.getvalue()


def plain_of(content: bytes) -> bytes:
    return b"".join(SealedReader(io.BytesIO(content), only(KEY)).chunks())


HEAD = len(sealed(b"")) - 16


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_is_written_is_read(size: int) -> None:
    plain = bytes(at % 251 for at in range(size))
    content = sealed(plain)
    assert plain_of(content) == plain


def test_nothing_of_what_is_written_can_be_read_without_the_key() -> None:
    # Long enough that sealed bytes, as random as they are, don't hold it by chance.
    assert bytes(range(251)) not in sealed(bytes(at % 251 for at in range(3 * CHUNK)))


def pieces(content: bytes) -> list[bytes]:
    body = content[HEAD:]
    return [body[at : at + SEALED] for at in range(0, len(body), SEALED)]


LONG = sealed(bytes(5 * CHUNK + 7))
#: The same content again: another salt, so another key.
TWIN = sealed(bytes(5 * CHUNK + 7))
TAMPERED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "cut after a chunk": lambda parts: parts[:-1],
    "cut within a chunk": lambda parts: [*parts[:-1], parts[-1][:-1]],
    "two chunks swapped": lambda parts: [parts[1], parts[0], *parts[2:]],
    "a chunk left out": lambda parts: [parts[0], *parts[2:]],
    "a chunk twice": lambda parts: [parts[0], *parts],
    "a chunk of another file": lambda parts: [pieces(TWIN)[0], *parts[1:]],
    "something after the end": lambda parts: [*parts, b"more"],
    "nothing at all": lambda _parts: [],
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_changed_order_of_chunks_is_refused(change: Callable[[list[bytes]], list[bytes]]) -> None:
    with pytest.raises(BackupUnreadableError):
        plain_of(LONG[:HEAD] + b"".join(change(pieces(LONG))))


@given(at=st.integers(0, len(LONG) - 1), mask=st.integers(1, 255))
def test_no_changed_bit_is_read(at: int, mask: int) -> None:
    changed = bytearray(LONG)
    changed[at] ^= mask
    with pytest.raises(BackupError):
        plain_of(bytes(changed))


@given(st.binary(max_size=200))
def test_garbage_is_refused_in_a_sentence(content: bytes) -> None:
    for start in (b"", b"rollcall-backup 1\n"):
        with pytest.raises(BackupError):
            plain_of(start + content)


def test_another_key_is_named() -> None:
    with pytest.raises(WrongRecoveryKeyError, match=OTHER.id):
        plain_of(sealed(b"x", OTHER))


def test_a_failure_leaves_neither_file_nor_draft(tmp_path: Path) -> None:
    def interrupted() -> None:
        with sealed_file(tmp_path / "one", KEY, "database") as file:
            file.write(bytes(200_000))
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"earlier")
    with pytest.raises(BackupError), sealed_file(path, KEY, "database"):
        pass
    assert path.read_bytes() == b"earlier"


def test_leftovers_of_killed_processes_go_and_running_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "killed.part").write_bytes(b"half")
    with (tmp_path / "running.part").open("wb") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        remove_leftovers(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["running.part"]


def test_recovery_key_survives_print_and_typing(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    letters = (tmp_path / "key").read_text().splitlines()[-1]
    typed = tmp_path / "typed"
    typed.write_text(letters.lower().replace("-", " ").replace("o", "0") + "\n")
    typed.chmod(0o600)
    assert read_key(typed) == read_key(tmp_path / "key") == key


def test_a_wrong_letter_of_the_key_is_noticed(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    letters = (tmp_path / "key").read_text().splitlines()[-1]
    wrong = ("B" if letters[0] == "A" else "A") + letters[1:]
    (tmp_path / "key").write_text(wrong)
    with pytest.raises(ConfigurationError, match="a letter of it is wrong"):
        read_key(tmp_path / "key")


def test_recovery_key_is_neither_overwritten_nor_public_nor_beside(tmp_path: Path) -> None:
    path = tmp_path / "key"
    make_key(path)
    with pytest.raises(ConfigurationError, match="exists and was left"):
        make_key(path)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_key(path)
    with pytest.raises(ConfigurationError, match="lies in the backup folder"):
        refuse_beside(path, tmp_path, "backup folder")
