"""`rollcall-server init`: what it writes and runs, judged by systemd's own tools."""

import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from server.certificates.authority import Use
from server.certificates.folder import CertificateFolder
from server.config import load_settings
from server.db.types import now
from server.errors import ConfigurationError
from server.main import main
from server.setup.command import ending
from server.setup.files import SetupFile, unit_files
from server.setup.machine import ThisMachine
from server.setup.place import SchoolPlace
from server.setup.service import Wishes, describe, set_up

BIN = Path(sys.executable).parent


@dataclass
class Recorder:
    """A machine that notes the commands; `first-admin` answers as the real one does."""

    ran: list[tuple[str, str | None]] = field(default_factory=list)
    has_accounts: bool = False

    def run(self, *command: str | Path, user: str | None = None) -> str:
        """See `SetUpMachine`."""
        words = [Path(command[0]).name, *map(str, command[1:])]
        self.ran.append((" ".join(words), user))
        if "first-admin" in words and not self.has_accounts:
            self.has_accounts = True
            return "admin password: one-time-word\n"
        return ""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SchoolPlace:
    """A school on a machine whose `/` is a temporary folder; groups exist there alone."""
    monkeypatch.setattr("server.setup.files.shutil.chown", lambda *_args, **_more: None)
    return SchoolPlace("goethe", tmp_path, BIN)


def wishes(**more: object) -> Wishes:
    settings = {"port": 8000, "broker_port": 8883, **more}
    return Wishes("rollcall.example.org", settings, has_ml=True, has_proxy=False)


def test_it_writes_what_the_services_read(place: SchoolPlace) -> None:
    said: list[str] = []
    password = set_up(place, wishes(), Recorder(), said.append)

    assert password == "one-time-word"
    server = load_settings(place.settings)
    ml = tomllib.loads((place.root / "etc/rollcall/ml.toml").read_text())
    assert (server.data_dir, server.port, server.broker_port) == (place.data, 8000, 8883)
    assert server.ml_service_api_key is not None
    assert server.ml_service_api_key.get_secret_value() == ml["api_key"] == ml["match_keys"]
    assert len(ml["api_key"]) >= 32
    assert place.settings.stat().st_mode & 0o777 == 0o640
    assert (place.root / "etc/rollcall/ml.toml").stat().st_mode & 0o777 == 0o600
    assert ml["api_key"] not in "".join(said)


def test_again_it_changes_nothing_and_restarts_nothing(place: SchoolPlace) -> None:
    machine = Recorder()
    set_up(place, wishes(), machine, lambda _line: None)
    place.settings.write_text(place.settings.read_text() + 'log_level = "debug"\n')
    before = {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file()}
    machine.ran.clear()

    assert set_up(place, wishes(port=9000), machine, lambda _line: None) is None
    assert {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file()} == before
    assert not any("restart" in command for command, _user in machine.ran)


def test_a_second_school_shares_the_ml_service_and_nothing_else(place: SchoolPlace) -> None:
    other = SchoolPlace("curie", place.root, BIN)
    for school in (place, other):
        set_up(school, wishes(), Recorder(), lambda _line: None)
    first, second = load_settings(place.settings), load_settings(other.settings)

    assert first.ml_service_api_key == second.ml_service_api_key
    assert first.data_dir != second.data_dir
    assert place.user != other.user


def test_what_touches_data_runs_as_the_school_user(place: SchoolPlace) -> None:
    machine = Recorder()
    set_up(place, wishes(), machine, lambda _line: None)

    by_user = [command.split()[1] for command, user in machine.ran if user == "rollcall-goethe"]
    assert by_user == ["certificates", "migrate", "first-admin"]
    assert all(
        user == "rollcall-goethe" for command, user in machine.ran if "rollcall-server " in command
    )


def test_behind_a_proxy_the_server_listens_on_loopback(place: SchoolPlace) -> None:
    machine = Recorder()
    behind = Wishes("rollcall.example.org", {"port": 8000}, has_ml=False, has_proxy=True)
    set_up(place, behind, machine, lambda _line: None)

    settings = load_settings(place.settings)
    assert (settings.host, settings.secure_cookies) == ("127.0.0.1", True)
    assert str(settings.public_url) == "https://rollcall.example.org/"
    assert not (place.root / "etc/rollcall/ml.toml").exists()
    assert not (place.root / "etc/systemd/system/rollcall-ml.service").exists()
    assert any(
        "certificates" in command and "--for broker" in command for command, _ in machine.ran
    )


def test_behind_a_proxy_there_is_a_site_for_nginx_that_stays_as_people_change_it(
    place: SchoolPlace,
) -> None:
    behind = Wishes("rollcall.example.org", {"port": 8010}, has_ml=False, has_proxy=True)
    set_up(place, behind, Recorder(), lambda _line: None)
    site = place.root / "etc/nginx/sites-available/rollcall-goethe"

    text = site.read_text()
    assert "server 127.0.0.1:8010 max_fails=0;" in text
    assert text.count("server_name rollcall.example.org;") == 2
    assert "/etc/rollcall/goethe/proxy.pem" in text
    assert "@" not in text
    site.write_text("mine")
    set_up(place, behind, Recorder(), lambda _line: None)
    assert site.read_text() == "mine"


def test_behind_a_proxy_the_end_names_what_nginx_still_needs(place: SchoolPlace) -> None:
    data = place.root / "var/lib/rollcall/goethe"
    data.mkdir(parents=True)
    CertificateFolder(data).ensure([Use.BROKER], school="Goethe", at=now())
    behind = Wishes("rollcall.example.org", {"port": 8000}, has_ml=False, has_proxy=True)
    told = ending(place, behind, 8000, None)

    assert "https://rollcall.example.org\n" in told
    assert f"{place.settings.parent}/proxy.pem" in told
    assert "ln -s ../sites-available/rollcall-goethe /etc/nginx/sites-enabled/" in told


@pytest.mark.parametrize(
    "name", ["", "a", "Goethe", "../etc", "goethe school", "-goethe", "g--e", "x" * 25, "gö", "1st"]
)
def test_a_name_that_no_unit_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a school"):
        SchoolPlace(name, tmp_path, BIN)


def test_a_draft_is_never_readable_by_others_and_a_failure_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "server.toml"
    path.write_text("old")
    modes: list[int] = []

    def full(handle: int) -> None:
        modes.extend(one.stat().st_mode & 0o777 for one in tmp_path.iterdir() if one != path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("server.setup.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        SetupFile(path, "new", 0o640).write()

    assert modes == [0o600]
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("server.toml", "old")]


def test_a_dry_run_masks_secrets_and_writes_nothing(place: SchoolPlace) -> None:
    told = "\n".join(describe(place, wishes(database_url="postgresql+psycopg://u:hunter2@db/x")))

    assert "hunter2" not in told
    assert told.count("(a secret)") == 4
    assert "ExecStart=" in told
    assert list(place.root.iterdir()) == []


def test_the_address_of_the_database_is_read_from_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "database"
    file.write_text("postgresql+psycopg://u:hunter2@db/x\n")
    command = ["init", "--school", "goethe", "--address", "rollcall.example.org", "--dry-run"]
    assert main([*command, "--database-file", str(file)]) == 0

    told = capsys.readouterr().out
    assert "database_url = (a secret)" in told
    assert "hunter2" not in told


def test_a_failed_command_is_named_with_its_reason() -> None:
    with pytest.raises(ConfigurationError, match=r"`ls /no/such/place` failed: .*No such file"):
        ThisMachine().run("ls", "/no/such/place")
    with pytest.raises(ConfigurationError, match="no-such-program is not installed"):
        ThisMachine().run("no-such-program")


def test_the_end_names_what_a_person_needs(place: SchoolPlace) -> None:
    data = place.root / "var/lib/rollcall/goethe"
    data.mkdir(parents=True)
    CertificateFolder(data).ensure(
        [Use.SERVER], names=lambda: ("rollcall.example.org",), school="Goethe", at=now()
    )
    told = ending(place, wishes(), 8000, "one-time-word")

    assert "https://rollcall.example.org:8000" in told
    assert "admin / one-time-word" in told
    assert len(told.split("Six words")[1].split(":")[0].split()) == 6


def test_without_systemd_the_command_says_what_to_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.setup.machine.os.geteuid", lambda: 0)
    monkeypatch.setattr("server.setup.machine.shutil.which", lambda _name: None)
    assert main(["init", "--school", "goethe", "--address", "rollcall.example.org"]) == 1

    assert "systemd does not run on this machine" in capsys.readouterr().err


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The units as instances of one school, in a folder of their own."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    folder = tmp_path_factory.mktemp("units")
    for file in unit_files(SchoolPlace("goethe", folder, BIN)):
        (folder / file.path.name.replace("@", "@goethe")).write_text(file.text)
    return sorted(folder.glob("*.service"))


def test_systemd_understands_every_unit(units: list[Path]) -> None:
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, "")


def test_every_unit_is_sandboxed(units: list[Path]) -> None:
    for unit in units:
        told = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=29", unit],
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stdout
