"""Encryption at rest: what opens, what does not, and how keys come and go."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.config import Settings, load_settings
from server.db.vault import KeySource, Sealed, Vault, add_key, open_vault
from server.errors import ConfigurationError, SealBrokenError

KEY = bytes(range(32))


@pytest.fixture
def vault() -> Vault:
    return Vault({"k1": KEY}, "k1")


def settings(folder: Path, **values: str) -> Settings:
    return load_settings(None, data_dir=folder, **values)


@given(st.binary(max_size=500), st.text(max_size=20))
def test_what_is_sealed_opens_again(plaintext: bytes, context: str) -> None:
    vault = Vault({"k1": KEY}, "k1")
    sealed = vault.seal(plaintext, purpose="photo", context=context)
    assert vault.open(sealed, purpose="photo", context=context) == plaintext


def test_the_same_value_never_looks_the_same(vault: Vault) -> None:
    one, two = (vault.seal(b"x", purpose="photo", context="a").data for _ in range(2))
    assert one != two


@pytest.mark.parametrize(("purpose", "context"), [("template", "a"), ("photo", "b")])
def test_a_value_opens_only_where_it_belongs(vault: Vault, purpose: str, context: str) -> None:
    sealed = vault.seal(b"x", purpose="photo", context="a")
    with pytest.raises(SealBrokenError):
        vault.open(sealed, purpose=purpose, context=context)


@pytest.mark.parametrize("position", [0, 11, 12, -1])
def test_a_changed_byte_is_noticed(vault: Vault, position: int) -> None:
    data = bytearray(vault.seal(b"hello", purpose="photo", context="a").data)
    data[position] ^= 1
    with pytest.raises(SealBrokenError):
        vault.open(Sealed("k1", bytes(data)), purpose="photo", context="a")


@pytest.mark.parametrize("data", [b"", b"short", bytes(12)])
def test_a_truncated_value_is_noticed(vault: Vault, data: bytes) -> None:
    with pytest.raises(SealBrokenError):
        vault.open(Sealed("k1", data), purpose="photo", context="a")


def test_a_missing_key_is_named(vault: Vault) -> None:
    with pytest.raises(SealBrokenError) as caught:
        vault.open(Sealed("gone", bytes(40)), purpose="photo", context="a")
    assert "gone" in caught.value.message


def test_first_start_makes_one_private_key_and_keeps_it(tmp_path: Path) -> None:
    sealed = open_vault(settings(tmp_path)).seal(b"x", purpose="p", context="c")
    assert open_vault(settings(tmp_path)).open(sealed, purpose="p", context="c") == b"x"
    files = list((tmp_path / "keys").iterdir())
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600]


def test_a_new_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    old = open_vault(settings(tmp_path))
    sealed = old.seal(b"x", purpose="p", context="c")
    (tmp_path / "keys" / f"{old.active_key_id}.key").rename(tmp_path / "keys" / "2020-old.key")
    add_key(tmp_path / "keys")
    new = open_vault(settings(tmp_path))
    assert new.active_key_id != "2020-old"
    assert new.open(Sealed("2020-old", sealed.data), purpose="p", context="c") == b"x"


def test_newest_key_is_active_also_after_the_clock_was_set_back(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    future = tmp_path / "keys" / "29991231T235959-0000ffff.key"
    future.touch(mode=0o600)
    future.write_text(base64.b64encode(KEY).decode())
    for _ in range(3):
        key_id, _key = add_key(tmp_path / "keys")
        assert open_vault(settings(tmp_path)).active_key_id == key_id


def test_key_readable_by_others_stops_the_start(tmp_path: Path) -> None:
    key_id, _ = add_key(tmp_path / "keys")
    (tmp_path / "keys" / f"{key_id}.key").chmod(0o644)
    with pytest.raises(ConfigurationError, match="owner only"):
        open_vault(settings(tmp_path))


def test_master_key_from_the_environment_makes_no_file(tmp_path: Path) -> None:
    encoded = base64.b64encode(KEY).decode()
    open_vault(settings(tmp_path, master_key=encoded))
    assert not (tmp_path / "keys").exists()


def test_of_several_master_keys_the_first_seals_and_all_open(tmp_path: Path) -> None:
    old, new = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
    sealed = open_vault(settings(tmp_path, master_key=old)).seal(b"x", purpose="p", context="c")
    both = open_vault(settings(tmp_path, master_key=f"{new},{old}"))
    assert both.open(sealed, purpose="p", context="c") == b"x"
    assert both.seal(b"x", purpose="p", context="c").key_id != sealed.key_id


@pytest.mark.parametrize("bad", ["not base64!", "c2hvcnQ="])
def test_malformed_master_key_stops_the_start(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ConfigurationError, match="ROLLCALL_SERVER_MASTER_KEY"):
        open_vault(settings(tmp_path, master_key=bad))


class SwitchingVault(Vault):
    """Another thread takes a new key into use as soon as the cipher of the old one is derived."""

    def subkey(self, purpose: str, key_id: str | None = None) -> bytes:
        derived = super().subkey(purpose, key_id)
        self.active_key_id = "k2"
        return derived


def test_value_sealed_during_a_switch_of_keys_opens() -> None:
    vault = SwitchingVault({"k1": KEY, "k2": bytes(32)}, "k1")
    sealed = vault.seal(b"x", purpose="p", context="c")
    assert sealed.key_id == "k1"
    assert vault.open(sealed, purpose="p", context="c") == b"x"
    assert vault.seal(b"x", purpose="p", context="c").key_id == "k2"


class WatchedSource(KeySource):
    """Notes whether a second thread could ask at the same time."""

    vault: Vault
    was_alone = False

    def changed(self) -> tuple[dict[str, bytes], str] | None:
        self.was_alone = self.vault._following.locked()
        return super().changed()


def test_keys_are_followed_by_one_thread_at_a_time(tmp_path: Path) -> None:
    source = WatchedSource(settings(tmp_path))
    source.vault = Vault({"k1": KEY}, "k1", source)
    key_id, _ = add_key(tmp_path / "keys")
    assert source.vault.follow()
    assert source.was_alone
    assert source.vault.active_key_id == key_id


class LateSource(KeySource):
    """Another thread was told of the new key first, and has put it into the vault meanwhile."""

    vault: Vault

    def changed(self) -> None:
        self.vault._keys |= {"k2": bytes(32)}


def test_key_that_another_thread_just_took_is_found(tmp_path: Path) -> None:
    source = LateSource(settings(tmp_path))
    source.vault = Vault({"k1": KEY}, "k1", source)
    expected = Vault({"k2": bytes(32)}, "k2").subkey("p")
    assert source.vault.subkey("p", "k2") == expected
