"""From a blank Debian 12 to the first recorded mark, booted, from the files of a card alone.

Usage, as root, with the packages mmdebstrap and systemd-container:
python -m scripts.boot_drill --folder DIR [--from-server [--faults]]

DIR keeps the blank root file system, the Debian packages and the bundle between runs. The container
needs no internet, and nothing is typed in it. It has no screen, so cage draws into memory, and the
camera is a clip. Everything else is what a kiosk does.

With --from-server the card carries no programs. The container is on a network with a real server,
which speaks TLS, and downloads the bundle from it. With --faults the server is killed in the middle
of the download and started again later, and the last file of its bundle is damaged at first.
"""

import argparse
import os
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from scripts.assets.samples import people
from scripts.boot_drill.machine import Drill
from scripts.boot_drill.served import ServedDemo, ServedDrill, school_network
from scripts.demo import report
from scripts.demo.__main__ import make_clip, students
from scripts.demo.processes import DemoError, Supervisor
from scripts.demo.run import Demo
from scripts.demo.story import Story

_PORTS = {"server": 18000, "ml": 18001, "broker": 11883}
_EMBEDDER = "sface-2021dec"


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.boot_drill",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", type=Path, required=True, help="kept between runs")
    parser.add_argument(
        "--from-server", action="store_true", help="the kiosk downloads its programs"
    )
    parser.add_argument(
        "--faults", action="store_true", help="the server stops, and has a damaged file"
    )
    options = parser.parse_args(argv)
    if options.faults and not options.from_server:
        parser.error("--faults needs --from-server")
    return options


def _run(options: argparse.Namespace, drill: Drill, supervisor: Supervisor, scratch: Path) -> None:
    demo = _demo(options, drill, supervisor, scratch)
    clip = scratch / "clip.avi"
    make_clip(clip, people())
    demo.start_services(drill.story.started)
    demo.open_school()
    demo.switch_liveness_off()
    demo.enrol(students(people()))
    drill.write_card(demo, clip)
    drill.first_boot()
    register = drill.mark(demo)
    drill.story.write(f"\n{report.register_table(register)}\n")


def _demo(options: argparse.Namespace, drill: Drill, supervisor: Supervisor, scratch: Path) -> Demo:
    if not options.from_server:
        return Demo(supervisor, scratch, options.folder, _PORTS, embedder=_EMBEDDER)
    served = ServedDemo(supervisor, scratch, options.folder, _PORTS, embedder=_EMBEDDER)
    served.offer(drill.folder / "bundle")
    return served


def _drill(options: argparse.Namespace, story: Story) -> Drill:
    folder = options.folder.resolve()
    if options.from_server:
        return ServedDrill(folder, story, has_faults=options.faults)
    return Drill(folder, story)


def main(argv: list[str]) -> int:
    """Run the drill; 0 when a mark was recorded."""
    options = parse(argv)
    options.folder.mkdir(parents=True, exist_ok=True)
    story = Story()
    drill = _drill(options, story)
    supervisor = Supervisor(options.folder / "drill.log", echo=False)
    network: AbstractContextManager[None]
    network = school_network() if options.from_server else nullcontext()
    try:
        drill.prepare()
        with network, tempfile.TemporaryDirectory(prefix="rollcall-drill-") as scratch:
            try:
                _run(options, drill, supervisor, Path(scratch))
            finally:
                supervisor.stop_all()
    except DemoError as exc:
        sys.stderr.write(f"boot drill: {exc}\n")
        return 1
    story.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f}")
    for name, seconds in drill.times.items():
        story.write(f"| {name} | {seconds:.0f} s |")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
