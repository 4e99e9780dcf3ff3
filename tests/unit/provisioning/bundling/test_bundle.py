"""A bundle holds what the lock names, and nothing damaged passes its check."""

import hashlib
import io
import json
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from requests.adapters import BaseAdapter

from provisioning.bundling.lock import TARGETS, locked_wheels
from provisioning.cli import main
from provisioning.errors import ProvisioningError
from tests.contract.test_wheels import BOOKWORM, ROOT, TRIXIE, System, locked, needed, wheels_for

LOCK = ROOT / "uv.lock"


def wheel(folder: Path, name: str, licence: str = "MIT") -> Path:
    """A small wheel with a licence text."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        info = f"{name}-1.0.dist-info"
        described = (
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n"
        )
        archive.writestr(f"{info}/METADATA", described)
        archive.writestr(f"{info}/licenses/LICENSE", f"text of {name}")
        archive.writestr(f"{name}/../../LICENSE", "outside")
        archive.writestr(f"{name}/data/LICENSE.so", b"\0")
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a lock of two packages, their wheels, cards and model files."""
    wheels, models, cards = (tmp_path / name for name in ("have", "assets", "models/cards"))
    for folder in (wheels, models, cards):
        folder.mkdir(parents=True)
    wheel(wheels, "rollcall", "Apache-2.0")
    entries = "".join(_locked(wheel(wheels, name)) for name in ("alpha", "beta"))
    project = (
        'name = "rollcall"\nversion = "1.0"\ndependencies = [{ name = "alpha" }]\n'
        "[package.optional-dependencies]\n"
        'kiosk = [{ name = "beta" }, { name = "gone", marker = "python_version >= \'3.12\'" }]\n'
        "provisioning = []\n"
    )
    (tmp_path / "uv.lock").write_text(f"version = 1\n{entries}[[package]]\n{project}")
    for name, role in (("finder", "detector"), ("net", "embedder"), ("far", "embedder")):
        (models / f"{name}.tflite").write_bytes(name.encode())
        (cards / f"{name}.toml").write_text(
            f'id = "{name}"\nrole = "{role}"\ntitle = "T"\nlicence = "MIT"\nsource = "S"\n'
            f'[[files]]\nname = "{name}.tflite"\nsha256 = "{sha256(models / f"{name}.tflite")}"\n'
        )
    (models / "far.tflite").unlink()
    monkeypatch.setattr("provisioning.commands.bundle.card_folder", lambda: cards)
    return tmp_path


def _locked(path: Path) -> str:
    name = path.name.partition("-")[0]
    return (
        f'[[package]]\nname = "{name}"\nversion = "1.0"\nwheels = [{{ url = "https://127.0.0.1:9/'
        f'{path.name}", hash = "sha256:{sha256(path)}" }}]\n'
    )


def bundle(place: Path, *more: str) -> int:
    out, have = place / "bundle", place / "have"
    sources = ["--lock", str(place / "uv.lock"), "--wheels-from", str(have)]
    models = ["--models-from", str(place / "assets")]
    own = ["--wheel", str(have / "rollcall-1.0-py3-none-any.whl")]
    return main(["bundle", str(out), *sources, *models, *own, *more])


def check(place: Path) -> int:
    return main(["bundle", str(place / "bundle"), "--check"])


def test_a_bundle_holds_wheels_models_licences_and_their_digests(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle(place) == 0
    said = capsys.readouterr().out
    out = place / "bundle"
    listed = {
        one["path"]: one["sha256"]
        for one in json.loads((out / "manifest.json").read_text())["files"]
    }

    assert set(listed) == {
        *(f"wheels/{name}-1.0-py3-none-any.whl" for name in ("alpha", "beta", "rollcall")),
        *(f"licences/{name}-1.0/licenses-LICENSE" for name in ("alpha", "beta", "rollcall")),
        "licences/NOTICES.txt",
        "models/finder.tflite",
        "models/net.tflite",
        "requirements.txt",
    }
    assert all(sha256(out / path) == digest for path, digest in listed.items())
    pinned = (out / "requirements.txt").read_text()
    assert f"beta==1.0 --hash=sha256:{listed['wheels/beta-1.0-py3-none-any.whl']}\n" in pinned
    notices = (out / "licences/NOTICES.txt").read_text()
    assert "rollcall 1.0: Apache-2.0" in notices
    assert "net: MIT; T; S" in notices
    assert "left out, as they are not installed here: far" in said
    assert sha256(out / "manifest.json") in said


def test_a_bundle_says_which_python_it_is_for(place: Path) -> None:
    lock = place / "uv.lock"
    lock.write_text(lock.read_text().replace("beta-1.0-py3-none-any", "beta-1.0-cp313-cp313-any"))
    assert bundle(place, "--python", "3.11") == 1
    lock.write_text(lock.read_text().replace("beta-1.0-cp313-cp313-any", "beta-1.0-py3-none-any"))
    lock.write_text(lock.read_text().replace("python_version >= '3.12'", "python_version > '3.13'"))
    assert bundle(place, "--python", "3.13") == 0
    told = json.loads((place / "bundle" / "manifest.json").read_text())
    assert (told["python"], told["platform"]) == ("cp313", "linux aarch64, glibc 2.41")


def test_a_second_run_changes_nothing_and_needs_no_source(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle(place)
    first = (place / "bundle" / "manifest.json").read_bytes()
    for name in ("alpha", "beta"):
        (place / "have" / f"{name}-1.0-py3-none-any.whl").unlink()
    (place / "bundle" / "wheels" / "old-0.9-py3-none-any.whl").write_text("of an older lock")
    assert bundle(place) == 0
    assert (place / "bundle" / "manifest.json").read_bytes() == first
    assert check(place) == 0
    assert "is whole" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda out: (out / "models/net.tflite").write_bytes(b"other"),
            "models/net.tflite is damaged",
        ),
        (lambda out: (out / "requirements.txt").unlink(), "requirements.txt is missing"),
        (
            lambda out: (out / "wheels/evil.whl").write_text(""),
            "wheels/evil.whl is not in the manifest",
        ),
        (lambda out: (out / "link").symlink_to("/etc"), "link is not in the manifest"),
    ],
    ids=["damaged", "missing", "added", "symlink"],
)
def test_a_bundle_that_is_not_whole_is_named(
    spoil: Callable[[Path], object], words: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle(place)
    spoil(place / "bundle")
    assert check(place) == 1
    assert words in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "{}",
        "[]",
        '{"format": 2, "files": []}',
        '{"format": 1, "files": [{"path": "../x", "sha256": ""}]}',
        '{"format": 1, "files": [{"path": "/etc/passwd", "sha256": ""}]}',
    ],
)
def test_a_hostile_manifest_is_one_plain_sentence(
    manifest: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "bundle").mkdir()
    (place / "bundle" / "manifest.json").write_text(manifest)
    assert check(place) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_with_other_files_is_left_alone(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "bundle").mkdir()
    (place / "bundle" / "thesis.odt").write_text("mine")
    assert bundle(place) == 1
    assert "holds other files" in capsys.readouterr().err
    assert [one.name for one in (place / "bundle").iterdir()] == ["thesis.odt"]


class OtherFile(BaseAdapter):
    """An index that answers with another file than the lock names."""

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        answer = requests.Response()
        answer.status_code, answer.request = 200, request
        answer.raw = io.BytesIO(b"something else")
        return answer

    def close(self) -> None:
        """Nothing to close."""


def test_another_file_than_the_lock_names_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "have" / "beta-1.0-py3-none-any.whl").write_bytes(b"damaged")
    monkeypatch.setattr(requests.Session, "get_adapter", lambda *_, **__: OtherFile())
    assert bundle(place) == 1
    assert "is another file than the lock names" in capsys.readouterr().err
    assert not (place / "bundle" / "wheels" / "beta-1.0-py3-none-any.whl").exists()
    assert check(place) == 1


def test_no_connection_and_missing_models_are_plain_sentences(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "assets" / "finder.tflite").write_bytes(b"damaged")
    assert bundle(place) == 1
    assert "run rollcall-models install first" in capsys.readouterr().err
    (place / "have" / "beta-1.0-py3-none-any.whl").unlink()
    (place / "bundle" / "wheels" / "beta-1.0-py3-none-any.whl").unlink()
    assert bundle(place) == 1
    assert "cannot download beta-1.0-py3-none-any.whl" in capsys.readouterr().err


@pytest.mark.parametrize("system", [BOOKWORM, TRIXIE], ids=["bookworm", "trixie"])
@pytest.mark.parametrize("extras", [("kiosk",), ("provisioning",), ("kiosk", "provisioning")])
def test_the_wheels_are_those_that_the_contract_of_the_lock_finds(
    extras: tuple[str, ...], system: System
) -> None:
    """Compared with the walk through the lock in tests/contract, which is written apart."""
    chosen = locked_wheels(LOCK, extras, TARGETS[system[0]])
    assert {one.name for one in chosen} == frozenset().union(
        *(needed(extra, system) for extra in extras)
    )
    assert all(one.file in wheels_for(locked(system)[one.name], system) for one in chosen)
    hashes = {
        w["hash"]
        for package in tomllib.loads(LOCK.read_text())["package"]
        for w in package.get("wheels", [])
    }
    assert all(f"sha256:{one.sha256}" in hashes for one in chosen)


@pytest.mark.parametrize("text", ["", "nonsense", "package = 1\n", '[[package]]\nname = "x"\n'])
def test_another_lock_is_one_plain_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(text)
    with pytest.raises(ProvisioningError, match="is not the lock"):
        locked_wheels(tmp_path / "uv.lock", ["kiosk"])
