"""`image --layer`: a layer of rpi-image-gen. Its hooks run here; rpi-image-gen does not."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from provisioning.cli import main
from provisioning.image.layer import PACKAGES

DOCS = Path(__file__).parents[3] / "docs"
FIELD = re.compile(r"# X-Env-[A-Za-z_-]+: \S.*")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Programs and models for Trixie."""
    folder = tmp_path / "bundle"
    for part in ("wheels", "models"):
        (folder / part).mkdir(parents=True)
    (folder / "requirements.txt").write_text("rollcall==0.1.0\n")
    (folder / "manifest.json").write_text('{"python": "cp313"}')
    (folder / "wheels" / "rollcall.whl").write_bytes(b"wheel")
    return folder


def layer(source: Path, bundle: Path, *more: str) -> int:
    command = ["image", "--layer", str(source), "--hostname", "kiosk-r12", "--bundle", str(bundle)]
    server = ["--server", "https://rollcall.example.org", "--claim-code", "7KQ2M9TX"]
    return main([*command, *server, *more])


def hooks(text: str) -> list[str]:
    """Return the commands of the layer."""
    return re.findall(r"^    - (.*)$", text.split("customize-hooks:\n")[1], re.MULTILINE)


def test_its_hooks_put_the_card_and_its_unit_into_the_image(tmp_path: Path, bundle: Path) -> None:
    source, root = tmp_path / "kiosk source", tmp_path / "root fs"
    assert layer(source, bundle) == 0
    root.mkdir()
    for command in hooks((source / "layer/rollcall-kiosk.yaml").read_text()):
        env = {"PATH": "/usr/bin:/bin", "IGconf_rollcall_assetdir": str(source / "layer")}
        subprocess.run(["sh", "-ec", command, "sh", str(root)], env=env, check=True, cwd="/")

    card = root / "boot/firmware/rollcall"
    assert (card / "bundle/wheels/rollcall.whl").read_bytes() == b"wheel"
    assert tomllib.loads((card / "kiosk.toml").read_text())["claim_code"] == "7KQ2M9TX"
    wanted = root / "etc/systemd/system/multi-user.target.wants/rollcall-first-boot.service"
    words = wanted.read_text()
    assert wanted.is_symlink()
    assert "ExecStart=/bin/bash /boot/firmware/rollcall/first-boot.sh\n" in words
    assert (card / "first-boot.sh").is_file()


def test_its_metadata_are_fields_and_its_config_names_it(tmp_path: Path, bundle: Path) -> None:
    source = tmp_path / "source"
    assert layer(source, bundle, "--board", "rpi4") == 0
    text = (source / "layer/rollcall-kiosk.yaml").read_text()
    head, body = text.split("# METAEND\n")
    config = (source / "config/rollcall-kiosk.yaml").read_text()

    assert all(FIELD.fullmatch(line) for line in head.splitlines()[1:])
    assert head.startswith("# METABEGIN\n# X-Env-Layer-Name: rollcall-kiosk\n")
    assert body.startswith("---\nmmdebstrap:\n  packages:\n    - cage\n")
    assert "file: trixie-minbase.yaml\ndevice:\n  layer: rpi4\n" in config
    assert "layer:\n  app: rollcall-kiosk\n" in config


def test_a_wireless_network_and_a_read_only_system_bring_their_packages(
    tmp_path: Path, bundle: Path
) -> None:
    secret = tmp_path / "wifi"
    secret.write_text("correct horse\n")
    wifi = ["--wifi", "school", "--wifi-password-file", str(secret), "--wifi-country", "DE"]
    layer(tmp_path / "plain", bundle)
    layer(tmp_path / "more", bundle, *wifi, "--read-only")
    plain, more = (
        (tmp_path / name / "layer/rollcall-kiosk.yaml").read_text() for name in ("plain", "more")
    )

    for package in ("firmware-brcm80211", "overlayroot"):
        assert f"    - {package}\n" in more
        assert f"    - {package}\n" not in plain


def test_its_folder_is_private_and_a_second_run_writes_nothing(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    layer(source, bundle)
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*") if path.is_file()}
    capsys.readouterr()

    assert layer(source, bundle) == 0
    assert "prepared already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in source.rglob("*") if path.is_file()} == before
    assert source.stat().st_mode & 0o077 == 0


def test_a_dry_run_makes_no_folder_and_hides_secrets(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "wifi"
    secret.write_text("correct horse\n")
    wifi = ["--wifi", "school", "--wifi-password-file", str(secret), "--wifi-country", "DE"]
    assert layer(tmp_path / "source", bundle, *wifi, "--dry-run") == 0

    told = capsys.readouterr().out
    assert "would write layer/rollcall-kiosk.yaml" in told
    assert "7KQ2M9TX" not in told
    assert "correct horse" not in told
    assert not (tmp_path / "source").exists()


def test_a_bundle_for_another_system_is_refused(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert layer(tmp_path / "source", bundle, "--system", "bookworm") == 1

    assert "(bookworm) has cp311" in capsys.readouterr().err
    assert not (tmp_path / "source").exists()


def test_the_documentation_names_the_same_packages() -> None:
    assert " ".join(PACKAGES) in (DOCS / "provisioning.md").read_text(encoding="utf-8")


def test_programs_of_the_server_bring_the_network_and_no_files(
    tmp_path: Path, bundle: Path
) -> None:
    server = ["--server", "http://127.0.0.1:8000", "--from-server"]
    assert layer(tmp_path / "source", bundle, *server) == 0
    parts = tmp_path / "source/layer/rollcall-kiosk"

    assert not (parts / "rollcall/bundle").exists()
    unit = (parts / "rollcall-first-boot.service").read_text()
    assert "\nWants=network-online.target\nAfter=network-online.target\n[Service]\n" in unit
    assert "\nRestart=on-failure\nRestartSec=2min\nEnvironment=BOOT_UNIT=yes\n" in unit
    text = (tmp_path / "source/layer/rollcall-kiosk.yaml").read_text()
    assert "    - ca-certificates\n" in text
