"""Appends events for ever and says each number once it is recorded; made to be killed."""

import sys
from pathlib import Path

from tests.unit.kiosk.storage.drafts import draft, outbox_in


def main() -> None:
    outbox = outbox_in(Path(sys.argv[1]), max_events=1_000_000)
    while True:
        sys.stdout.write(f"{outbox.append(draft()).seq}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
