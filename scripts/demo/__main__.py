"""`make demo`: a school, a room, a lesson running now, and people walking up to the kiosk."""

import argparse
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2

from models.errors import ModelsError
from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store
from scripts.assets.samples import SamplePerson, people
from scripts.demo import clip, report
from scripts.demo.embedder import choose
from scripts.demo.processes import DemoError, Supervisor, libraries_write_to, require_free_port
from scripts.demo.run import Demo
from scripts.demo.school import Student
from scripts.demo.story import Story

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CLIP_NOTICE = (
    "not checked in this demo: its clip is made of photos, and a photo does not pass the check"
)
_NAMES = (("Alma", "Berg"), ("Omar", "Castell"), ("Noor", "Dahl"), ("Ines", "Ekwall"))


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    headless: bool
    has_display: bool
    verbose: bool
    output: Path
    server_port: int
    ml_port: int
    broker_port: int


def parse(argv: list[str]) -> Options:
    """Read the command line; without a display the demo is headless in any case."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--headless", action="store_true", help="offscreen, ends by itself")
    parser.add_argument("--verbose", action="store_true", help="show what the processes log")
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="pictures, log")
    parser.add_argument("--server-port", type=int, default=8000)
    parser.add_argument("--ml-port", type=int, default=8001)
    parser.add_argument("--broker-port", type=int, default=1883)
    args = vars(parser.parse_args(argv))
    args["has_display"] = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    args["headless"] = args["headless"] or not args["has_display"]
    return Options(**args)


def students(samples: tuple[SamplePerson, ...]) -> dict[Student, Path]:
    """Those of the sample people who are enrolled, by invented names, each with a photo."""
    enrolled = [sample for sample in samples if not sample.is_stranger]
    return {
        Student(f"S{index:03}", *name): sample.enrol[0]
        for index, (sample, name) in enumerate(zip(enrolled, _NAMES, strict=False), start=1)
    }


def webcam() -> str | None:
    """Index of the first device that really gives a picture; codecs have such nodes too."""
    for device in sorted(Path("/dev").glob("video*")):
        index = device.name.removeprefix("video")
        if not (index.isdigit() and os.access(device, os.R_OK | os.W_OK)):
            continue
        camera = cv2.VideoCapture(int(index))
        has_picture = camera.isOpened() and camera.read()[0]
        camera.release()
        if has_picture:
            return index
    return None


def make_clip(path: Path, samples: tuple[SamplePerson, ...]) -> None:
    """Write the clip: everybody's appearance photos, the stranger in the middle."""
    enrolled = [person for person in samples if not person.is_stranger]
    strangers = [person for person in samples if person.is_stranger]
    half = (len(enrolled) + 1) // 2
    order = [*enrolled[:half], *strangers, *enrolled[half:]]
    pipeline = FacePipeline.open(default_store(), PipelineSettings())
    appearances = [
        clip.Appearance(person.appear[0], is_mirrored=person.appear[0] in person.enrol)
        for person in order
    ]
    clip.write(path, appearances, pipeline)


def clear(output: Path) -> None:
    """Make the folder; of what is in it, delete only what an earlier demo left."""
    output.mkdir(parents=True, exist_ok=True)
    for left in (*output.glob("*.png"), output / "demo.log"):
        left.unlink(missing_ok=True)


def main(argv: list[str]) -> int:
    """Run the demo; 0 when the register is exactly right."""
    options = parse(argv)
    clear(options.output)
    for number in _INTERRUPTS:
        signal.signal(number, signal.default_int_handler)
    supervisor = Supervisor(options.output / "demo.log", echo=options.verbose)
    try:
        ports = {
            "server": options.server_port,
            "ml": options.ml_port,
            "broker": options.broker_port,
        }
        for owner, port in ports.items():
            require_free_port(port, owner)
        with tempfile.TemporaryDirectory(prefix="rollcall-demo-") as scratch:
            try:
                return _run(options, supervisor, Path(scratch), ports)
            finally:
                for number in _INTERRUPTS:  # a second Ctrl-C would leave what still runs
                    signal.signal(number, signal.SIG_IGN)
                supervisor.say("demo", "stopping")
                supervisor.stop_all()  # before the folder they write to goes
    except (DemoError, ModelsError) as exc:
        sys.stderr.write(f"demo: {exc}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: Options, supervisor: Supervisor, scratch: Path, ports: dict[str, int]) -> int:
    story = Story()
    log = str(options.output / "demo.log")
    story.begin(headless=options.headless, has_display=options.has_display, log=log)
    samples = people()
    choice = choose(lambda line: supervisor.say("demo", line))
    demo = Demo(supervisor, scratch, options.output, ports, embedder=choice.embedder)
    camera = _camera(options, story, scratch / "clip.avi", samples)
    demo.start_services(story.started)
    demo.open_school()
    if camera.startswith("replay:"):
        demo.switch_liveness_off()
        story.tell("Live faces", CLIP_NOTICE)
    enrolled = students(samples)
    demo.enrol(enrolled)
    story.tell("Enrolled", f"{len(enrolled)} people, each from one photo")
    story.sign_in(demo.server_url, "admin", demo.password)
    demo.start_kiosk(camera, headless=options.headless)
    if options.headless:
        demo.watch_kiosk(story.marks)
        return _close(demo, story, choice.meaning, {student.number for student in enrolled})
    ended, status = demo.watch(story.marks)
    supervisor.say("demo", f"the {ended} has ended with status {status}")
    story.tell("Network", choice.meaning)
    return 0 if (ended, status) == ("kiosk", 0) else 1


def _camera(options: Options, story: Story, path: Path, samples: tuple[SamplePerson, ...]) -> str:
    with libraries_write_to(options.output / "demo.log"):
        if not options.headless and (found := webcam()) is not None:
            story.tell("Camera", f"/dev/video{found}")
            return found
        story.tell("Camera", "a clip, which is made now from public sample photos")
        make_clip(path, samples)
    return f"replay:{path}"


def _close(demo: Demo, story: Story, network: str, expected: set[str]) -> int:
    register = demo.register()
    story.marks(register)
    demo.photograph()
    if was_refused := demo.stranger_was_refused():
        story.tell("Stranger", "not recognised, as it should be")
    story.write(f"\n{report.register_table(register)}\n")
    story.tell("Network", network)
    story.tell("Pictures", f"{demo.pictures()} of the kiosk and the pages, in {demo.output}/")
    present = report.present_numbers(register)
    if present != expected:
        story.write(f"\nNOT as expected: present {sorted(present)}, due {sorted(expected)}")
        return 1
    if not was_refused:
        story.write("\nNOT as expected: the kiosk never said that the stranger is unknown")
        return 1
    story.write("\nExactly the right people are present, and the stranger is not.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
