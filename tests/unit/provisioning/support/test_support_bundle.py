"""The support bundle helps, and holds nothing of a person and nothing that opens a door."""

import io
import json
import socket
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from pwd import getpwall, struct_passwd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.doctor import HostMachine
from provisioning.cli import main
from provisioning.support.scrubbing import LogScrubber, _people_names, program_words, scrubbed
from tests.unit.kiosk.doctor.bench import Bench

NAMES = ("Maria", "Lopez", "Åström", "باسم", "tina", "Tina Schmidt", "doris-laptop")
SECRETS = (
    "7KQ2M9TX",
    "0D0D0D0D",
    "proxyword",
    "camword",
    "unknown-secret",
    "kQ9x3vB7nLw2Zt8YpR5sHd1fGj6mCaE4",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "maria@school.example",
    "018f3c5e-7b1a-7000-8000-0123456789ab",
    "20251234",
)
JOURNAL = """\
2026-11-28 08:00:01,123 INFO    kiosk.app.main: The door is open: Room of Maria Lopez
2026-11-28 08:00:02,123 WARNING kiosk.sync.uploader: broker connection lost, retrying in 4 s
2026-11-28 08:00:03,123 INFO    kiosk.app: seen person=018f3c5e-7b1a-7000-8000-0123456789ab
2026-11-28 08:00:04,123 INFO    kiosk.app: left person=018f3c5e-7b1a-7000-8000-0123456789ab
Åström باسم maria@school.example 20251234 7KQ2M9TX kQ9x3vB7nLw2Zt8YpR5sHd1fGj6mCaE4
{"level": "error", "logger": "kiosk.sync.http", "message": "claim 7KQ2M9TX refused for Lopez"}
  File "/home/tina/rollcall/kiosk/storage/outbox.py", line 88, in append
builtins.ValueError
"""


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with the account of a person, and with that person's name."""
    tina = struct_passwd(("tina", "x", 1000, 1000, "Tina", "/home/tina", "/bin/sh"))
    monkeypatch.setattr("provisioning.support.scrubbing.getpwall", lambda: [*getpwall(), tina])
    monkeypatch.setattr(socket, "gethostname", lambda: "doris-laptop")
    _people_names.cache_clear()
    yield
    _people_names.cache_clear()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    (tmp_path / "tina").mkdir()
    made = Bench(tmp_path / "tina")
    monkeypatch.setenv("PATH", str(made.folder / "bin"))
    monkeypatch.setattr(
        "provisioning.commands.support_bundle.HostMachine",
        lambda: HostMachine(made.folder / "root"),
    )
    made.status["lines"] = [
        {
            "name": "identity",
            "words": "kiosk k-1, Door of Maria Lopez, in room Åström",
            "to_do": "",
        },
        {
            "name": "server",
            "words": "refuses tina (kQ9x3vB7nLw2Zt8YpR5sHd1fGj6mCaE4)",
            "to_do": "Look at its page.",
        },
    ]
    made.file.write_text(
        f"""# hung by Tina Schmidt, code 0D0D0D0D
server_url = "http://127.0.0.1:9"
data_dir = "{made.data}"
claim_code = "7KQ2M9TX"
http_proxy = "http://tina:proxyword@127.0.0.1:9"
camera = "rtspsrc location=rtsp://doris:camword@192.0.2.1/a"
"""
    )
    (made.data / "secret").write_text("Maria Lopez kQ9x3vB7nLw2Zt8YpR5sHd1fGj6mCaE4")
    kernel = "usb 1-2: USB disconnect\nhwmon hwmon1: Undervoltage detected!\nwlan0: Maria\n"
    made.script(
        "journalctl",
        f'case "$*" in *--unit=rollcall-kiosk*) /bin/cat {made.folder}/journal;;'
        f' *) printf "%s" "{kernel}";; esac',
    )
    (made.folder / "journal").write_text(JOURNAL)
    made.tool("rollcall-kiosk", json.dumps(made.status))
    return made


def texts_of(bundle: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(bundle)) as archive:
        entries = archive.getmembers()
        assert {(one.uid, one.uname, one.mode) for one in entries} == {(0, "", 0o600)}
        files = ((one.name, archive.extractfile(one)) for one in entries)
        return {name: file.read().decode() for name, file in files if file is not None}


def test_no_planted_name_or_secret_is_in_the_bundle(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "support.tar.gz"
    assert main(["support-bundle", "--file", str(bench.file), "--out", str(out)]) == 0
    texts = texts_of(out.read_bytes())
    everything = "\n".join(texts.values())

    assert [one for one in (*NAMES, *SECRETS) if one.lower() in everything.lower()] == []
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_unusable_settings_do_not_carry_their_values_out(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "support.tar.gz"
    with bench.file.open("a") as file:
        file.write('device_tokn = "unknown-secret"\n')
    assert main(["support-bundle", "--file", str(bench.file), "--out", str(out)]) == 0
    everything = "\n".join(texts_of(out.read_bytes()).values())
    assert [one for one in (*NAMES, *SECRETS) if one.lower() in everything.lower()] == []
    assert "device_tokn" in everything


def test_the_bundle_says_what_maintainers_need(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["support-bundle", "--file", str(bench.file), "--dry-run", "--json"]
    assert main(command) == 0
    texts = json.loads(capsys.readouterr().out)["texts"]
    log = texts["kiosk.log"].splitlines()

    assert log[0] == "2026-11-28 08:00:01,123 INFO    kiosk.app.main: The door is open: … of … …"
    assert log[1].endswith("broker connection lost, retrying in 4 s")
    assert log[2].endswith("=id-1")
    assert log[3].endswith("=id-1")
    assert log[6].strip() == 'File "kiosk/storage/outbox.py", line 88, in …'
    assert log[7] == "builtins.ValueError"
    assert json.loads(texts["status.json"])["events"]["waiting"] == 3
    assert json.loads(texts["settings.json"])["claim_code"] == "(hidden)"
    assert json.loads(texts["kernel.json"])["undervoltage"] == 1
    assert any(
        one.startswith("rollcall ") for one in json.loads(texts["versions.json"])["packages"]
    )
    assert {one["check"] for one in json.loads(texts["doctor.json"])} >= {"camera", "outbox"}


def test_a_bundle_needs_no_journal_and_no_kiosk(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kiosk.doctor.report.sys.executable", str(bench.folder / "bin" / "python"))
    for tool in ("journalctl", "rollcall-kiosk"):
        bench.remove(tool)
    out = tmp_path / "support.tar.gz"
    assert (
        main(["support-bundle", "--file", str(bench.folder / "none.toml"), "--out", str(out)]) == 0
    )
    texts = texts_of(out.read_bytes())
    assert texts["rollcall-support/kiosk.log"] == "there is no journal of the kiosk\n"
    assert "not installed" in texts["rollcall-support/status.json"]


def test_a_bundle_is_not_written_over_a_device(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["support-bundle", "--file", str(bench.file), "--out", "/dev/null"]) == 1
    assert "not a regular file" in capsys.readouterr().err


@given(word=st.from_regex(r"\A[A-ZÀ-Þ][a-zß-ÿ]{2,12}\Z"))
def test_a_word_that_the_program_never_writes_is_not_in_a_log(word: str) -> None:
    line = LogScrubber().scrub(
        f"2026-11-28 08:00:01,123 INFO kiosk.app: seen {word}={word}, 'x{word}'"
    )
    kept = word in program_words()
    assert (word in line) is kept


@pytest.mark.parametrize(
    "text",
    [
        "https://rollcall.example.org:8000 does not answer",
        "There is no camera at /dev/video0.",
        "Rollcall 0.1.0, Python 3.11.7, Debian GNU/Linux 12 (bookworm) on Raspberry Pi 5 Model B.",
        "sudo chown -R rollcall: /var/lib/rollcall",
    ],
)
def test_sentences_of_the_doctor_stay_whole(text: str) -> None:
    assert scrubbed(text) == text
