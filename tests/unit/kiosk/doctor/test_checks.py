"""The doctor itself: it never crashes, hangs, or disturbs a kiosk that runs."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from kiosk.doctor import CheckResult, HostMachine, checks
from kiosk.doctor.examination import Examination, is_kiosk_running
from kiosk.doctor.findings import ok
from kiosk.doctor.subject import KioskSetup
from kiosk.storage.lock import FolderLock
from protocol.v1.findings import coded
from provisioning.cli import main
from tests.support.authorities import Authority
from tests.support.tls_recorder import recording
from tests.unit.kiosk.doctor.bench import FORMAT, STATUS, Bench
from tests.unit.protocol.v1.test_tls import offer

FAIL = CheckResult.FAIL
NONE = coded("report.late")


@pytest.mark.parametrize(
    ("authority", "told", "words"),
    [
        ("other.pem", "", "unknown authority"),
        ("", "ab" * 32, "another certificate authority"),
        ("none.pem", "", "cannot be read"),
    ],
)
def test_a_certificate_that_is_not_the_schools_is_named(
    authority: str, told: str, words: str, bench: Bench, tmp_path: Path
) -> None:
    school = Authority("School")
    (tmp_path / "other.pem").write_text(Authority("Other").pem)
    with recording(school.leaf(), tmp_path, offer(school.pem)) as heard:
        named = {"server_ca": str(tmp_path / authority)} if authority else {}
        told_too = {"server_ca_fingerprint": told} if told else {}
        bench.settings |= {"server_url": heard.url, **named, **told_too}
        found = bench.examine()
    assert (found["tls"].result, found["http"].result) == (FAIL, CheckResult.SKIPPED)
    assert words in found["tls"].words
    assert found["tls"].fix


def test_a_plain_way_to_another_machine_is_named(bench: Bench) -> None:
    bench.settings |= {"server_url": "http://192.0.2.1:9", "http_proxy": "http://127.0.0.1:9"}
    assert bench.examine()["tls"].result is FAIL


@pytest.mark.parametrize(
    "tools", [["v4l2-ctl", "vcgencmd", "nmcli", "timedatectl", "ldconfig", "journalctl"]]
)
def test_without_its_tools_a_machine_is_not_blamed(tools: list[str], bench: Bench) -> None:
    for tool in tools:
        bench.remove(tool)
    bench.put("proc/device-tree/model", "")
    bench.put("sys/class/net/eth0/operstate", "up\n")
    found = bench.examine()
    assert {one.result for one in found.values()} == {CheckResult.OK, CheckResult.SKIPPED}
    assert found["undervoltage"].words.endswith("not a Raspberry Pi.")


def test_a_machine_without_anything_never_crashes_the_doctor(bench: Bench, tmp_path: Path) -> None:
    for folder in ("root", "bin"):
        shutil.rmtree(tmp_path / folder)
        (tmp_path / folder).mkdir()
    found = bench.examine()
    assert found["network"].result is CheckResult.OK  # the server is on this machine
    assert not [one for one in found.values() if "with an error" in one.words]


def test_tools_that_print_nonsense_never_crash_the_doctor(bench: Bench) -> None:
    for tool in ("v4l2-ctl", "vcgencmd", "nmcli", "timedatectl", "ldconfig", "journalctl"):
        bench.script(tool, "printf '\\377\\000=:*:x 0x 0xzz temp=. throttled=0xg\\n'")
    bench.put("sys/block/mmcblk0/device/life_time", "worn 0x")
    bench.put("proc/mounts", "\n/ /\n")
    found = bench.examine()
    assert not [one for one in found.values() if "with an error" in one.words]


def test_the_camera_of_a_running_kiosk_is_left_alone(bench: Bench) -> None:
    bench.hold()
    found = bench.examine()
    calls = (bench.folder / "v4l2-calls").read_text()
    assert "stream" not in calls
    assert found["camera"].words == "/dev/video0 is there, and the kiosk uses it."
    assert {found[name].result for name in ("light", "focus")} == {CheckResult.SKIPPED}
    assert "sudo systemctl stop rollcall-kiosk" in found["light"].words


def test_one_picture_serves_all_checks(bench: Bench) -> None:
    bench.examine()
    assert (bench.folder / "v4l2-calls").read_text().count("--stream-to") == 1


def test_another_format_is_no_fault_of_the_camera(bench: Bench) -> None:
    bench.camera("sharp", told=FORMAT.replace("YUYV", "MJPG"))
    found = bench.examine()
    assert found["camera"].result is CheckResult.OK
    assert found["light"].result is found["focus"].result is CheckResult.SKIPPED


def test_a_ribbon_camera_is_tested_with_its_own_tool(bench: Bench) -> None:
    bench.settings["camera"] = "libcamerasrc ! appsink"
    luma = bytes(80 + 90 * (x // 4 % 2) for x in range(640)) * 480
    (bench.folder / "frames").write_bytes(bytes(640 * 480 * 3 // 2) + luma + bytes(640 * 240))
    bench.script(
        "rpicam-vid",
        'for a in "$@"; do case "$a" in --list-cameras) echo "0 : imx708 [4608x2592]";;'
        f' --output=*) /bin/cp {bench.folder}/frames "${{a#--output=}}";; esac; done',
    )
    found = bench.examine()
    bench.script("rpicam-vid", 'echo "No cameras available!" >&2')
    without = bench.examine()
    assert [found[name].result for name in ("camera", "light", "focus")] == [CheckResult.OK] * 3
    assert without["camera"].result is FAIL
    assert "ribbon cable" in without["camera"].fix


def test_unusable_settings_are_named_and_the_machine_is_checked(bench: Bench) -> None:
    bench.file.write_text('server_url = "https://a.example"\nclaim_coed = "7KQ2M9TX"\n')
    found = bench.examine()
    assert found["settings"].result is FAIL
    assert "claim_coed" in found["settings"].words
    assert "7KQ2M9TX" not in str(found)
    assert "undervoltage" in found
    assert "http" not in found


def test_a_check_that_hangs_or_crashes_costs_only_itself(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    end = threading.Event()

    def hang(_: Examination) -> object:
        end.wait()
        return ok("hangs", "clock.good")

    def crash(_: Examination) -> object:
        raise ZeroDivisionError

    every = {"hangs": hang, "crashes": crash, "works": lambda _: ok("works", "clock.good")}
    monkeypatch.setattr(checks, "_CHECKS", every)
    exam = Examination(HostMachine(), subject(bench), report=lambda: NONE, is_running=False)
    found = checks.examine(exam, names=tuple(every), limit_s=0.3)
    end.set()
    caplog.clear()
    assert [(one.check, one.result) for one in found] == [
        ("hangs", FAIL),
        ("crashes", FAIL),
        ("works", CheckResult.OK),
    ]
    assert "did not end in time" in found[0].words


def test_a_tool_that_hangs_is_stopped_with_its_children(bench: Bench) -> None:
    bench.script("slow", "/bin/sleep 60\n/bin/sleep 60")
    output = HostMachine().run("slow", limit_s=0.2)
    assert output is not None
    assert output.status is None


def test_a_running_kiosk_is_found_by_its_lock(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    assert is_kiosk_running(HostMachine(), tmp_path)
    lock.release()
    assert not is_kiosk_running(HostMachine(), tmp_path)


def test_the_command_ends_with_the_worst_result(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "provisioning.commands.doctor.HostMachine", lambda: HostMachine(bench.folder / "root")
    )
    bench.examine()  # writes the settings
    bench.settings.clear()
    assert main(["doctor", "--file", str(bench.file), "--json"]) == 4  # the server has ended
    told = json.loads(capsys.readouterr().out)
    coded_ones = {one["check"]: (one["code"], one["values"]) for one in told["checks"]}
    assert coded_ones["camera"] == ("camera.good", {"device": "/dev/video0"})
    assert all(code for code, _ in coded_ones.values())
    assert told["ok"] is False
    assert next(one for one in told["checks"] if one["check"] == "http")["result"] == "fail"
    assert main(["doctor", "--file", str(bench.file)]) == 4
    lines = capsys.readouterr().out.splitlines()
    assert any(line.strip().startswith("fix: Check that the server runs") for line in lines)
    assert STATUS["claimed"]


def subject(bench: Bench) -> KioskSetup:
    return KioskSetup(
        settings_file=None,
        data_dir=bench.data,
        server_url="http://127.0.0.1:9",
        server_ca=None,
        fingerprint=None,
        allows_plain=False,
        proxy="",
        camera="0",
        uses_broker=True,
        uses_accelerator=True,
        accelerator_library="libedgetpu.so.1",
        max_events=1000,
    )
