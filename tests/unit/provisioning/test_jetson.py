"""`image --jetson`: the folder from which a Jetson is installed. No Jetson runs here."""

import os
import subprocess
from pathlib import Path

import pytest

from provisioning.cli import main
from provisioning.image.parts import copied_parts, jetson_script

FIRST_BOOT = """#!/bin/bash
. "$(dirname "$0")/card.conf"
printf 'first boot with %s\\n' "$PYTHON" >>"$CALLS"
[ ! -e "$CALLS.fails" ]
"""


def image(folder: Path, *more: str) -> int:
    bundle = folder.parent / "bundle"
    for part in ("wheels", "models"):
        (bundle / part).mkdir(parents=True, exist_ok=True)
    (bundle / "requirements.txt").write_text("rollcall==0.1.0\n")
    (bundle / "manifest.json").write_text('{"python": "cp311"}')
    command = ["image", "--jetson", str(folder), "--hostname", "kiosk-r12", "--bundle", str(bundle)]
    server = ["--server", "https://rollcall.example.org", "--claim-code", "7KQ2M9TX"]
    return main([*command, *server, *more])


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """A prepared stick, whose script knows the folders below `tmp_path` only."""
    folder = tmp_path / "stick"
    assert image(folder) == 0
    script = jetson_script()
    for path in ("/var/lib/rollcall-install", "/etc/nv_tegra_release"):
        script = script.replace(path, f"{tmp_path}{path}")
    (folder / "jetson.sh").write_text(script)
    (folder / "rollcall/first-boot.sh").write_text(FIRST_BOOT)
    for tool, words in (("id", "echo 0"), ("systemctl", 'echo "systemctl $*" >>"$CALLS"')):
        program = tmp_path / "bin" / tool
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/bash\n{words}\n")
        program.chmod(0o755)
    (tmp_path / "var/lib").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nv_tegra_release").write_text("# R36 (release), REVISION: 4.3\n")
    return folder


def run(stick: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": f"{stick.parent / 'bin'}:{os.defpath}", "CALLS": str(stick.parent / "calls")}
    script = ["bash", str(stick / "jetson.sh")]
    return subprocess.run(script, env=env, check=False, capture_output=True, text=True)


def test_it_installs_with_the_python_of_the_bundle_and_leaves_no_secret(stick: Path) -> None:
    told = run(stick)

    assert told.returncode == 0, told.stderr
    assert (stick.parent / "calls").read_text().splitlines() == [
        "systemctl set-default --quiet multi-user.target",
        "first boot with python3.11",
        "systemctl --no-block reboot",
    ]
    assert not (stick / "rollcall/kiosk.toml").exists()
    place = stick.parent / "var/lib/rollcall-install"
    assert place.stat().st_mode & 0o077 == 0


def test_a_failure_keeps_what_the_next_try_needs(stick: Path) -> None:
    (stick.parent / "calls.fails").touch()
    assert run(stick).returncode == 1

    assert (stick / "rollcall/kiosk.toml").exists()
    assert "reboot" not in (stick.parent / "calls").read_text()


@pytest.mark.parametrize(
    ("release", "words"),
    [("# R35 (release)\n", "not a Jetson with JetPack 6"), ("# R36 (release)\n", "is missing")],
    ids=["jetpack-5", "no-folder"],
)
def test_what_cannot_work_is_named_before_anything_changes(
    stick: Path, release: str, words: str
) -> None:
    (stick.parent / "etc/nv_tegra_release").write_text(release)
    (stick / "rollcall/card.conf").unlink()
    told = run(stick)

    assert told.returncode == 1
    assert words in told.stderr
    assert not (stick.parent / "calls").exists()


def test_the_pythons_of_card_and_script_meet() -> None:
    assert '"${PYTHON:-python3}" -m venv' in copied_parts()["first-boot.sh"]


@pytest.mark.parametrize("option", ["--read-only", "--from-server"])
def test_what_works_on_a_pi_alone_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert image(tmp_path / "stick", option) == 1

    assert f"{option} works on a Raspberry Pi only" in capsys.readouterr().err
    assert not (tmp_path / "stick").exists()
