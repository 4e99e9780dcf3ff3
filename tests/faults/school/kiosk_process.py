"""A kiosk without camera and window in a process that tests can kill: real storage and sync.

    python -P tests/faults/school/kiosk_process.py FOLDER SERVER_URL CLAIM_CODE JOURNAL

Reads commands from standard input, one a line, and answers each with one line:

    see PERSON      record that the person was seen; answers when it is safe on disk
    many COUNT      record so many, of everybody due in turn
    waiting         how many events wait for the server
    ready           whether the configuration is here

Everything recorded is appended to the journal after the outbox said that it is safe, which is when
the screen would greet the person.
"""

import json
import logging
import sys
from pathlib import Path
from typing import TextIO

from kiosk.domain.events import EventDraft, MatchEvidence
from protocol.v1.messages import EventKind
from tests.integration.kiosk.bare_door import Door
from tests.integration.kiosk.real_school import RealSchool
from tests.support.processes import Process

_EVIDENCE = MatchEvidence(0.3, 0.2, 0.5, 0.9, "dlib-resnet-v1")


class Commands:
    """Does what the test says."""

    def __init__(self, door: Door, journal: TextIO) -> None:
        self._door = door
        self._journal = journal

    def run(self, line: str) -> object:
        """Run one command; returns the answer."""
        name, _, rest = line.strip().partition(" ")
        device = self._door.device
        match name:
            case "see":
                return self._record(rest)
            case "many":
                people = sorted(device.roster.timetable.lessons[0].roster)
                for number in range(int(rest)):
                    self._record(people[number % len(people)])
                return int(rest)
            case "waiting":
                return device.outbox.waiting
            case "gallery":
                return sorted(device.gallery.people())
            case "ready":
                return bool(device.has_configuration and device.roster.timetable.lessons)
        raise ValueError(line)

    def _record(self, person_id: str) -> int:
        device = self._door.device
        lesson = device.roster.timetable.lessons[0]
        reading = self._door.clock.reading()
        draft = EventDraft(EventKind.SEEN, reading, lesson.id, person_id, 0, _EVIDENCE)
        event = device.watched.append(draft)
        mark = {"id": event.event_id, "seq": event.seq, "person": person_id, "lesson": lesson.id}
        self._journal.write(json.dumps(mark) + "\n")
        self._journal.flush()
        return event.seq


def main(folder: str, server_url: str, code: str, journal: str) -> None:
    """Start the kiosk and obey until standard input ends."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(name)s %(message)s")
    nothing = Process([], Path(folder) / "unused")
    school = RealSchool(nothing, nothing, server_url, 0, claim_code=code)
    door = Door(school, Path(folder))
    with Path(journal).open("a", encoding="utf-8") as file:
        commands = Commands(door, file)
        for line in sys.stdin:
            sys.stdout.write(json.dumps(commands.run(line)) + "\n")
            sys.stdout.flush()
    door.device.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
