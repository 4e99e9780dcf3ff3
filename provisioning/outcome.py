"""What a command did, as sentences for a person and as JSON for a program."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class CommandOutcome:
    """The result of one command.

    Attributes:
        text: for a person; one or more lines.
        facts: the same for a program.
        status: exit status; 0 where everything that was asked for is done or was done already.
    """

    text: str
    facts: dict[str, Any] = field(default_factory=dict)
    status: int = 0

    def shown(self, *, is_json: bool) -> str:
        """Return what is printed."""
        if not is_json:
            return self.text
        return json.dumps({"ok": self.status == 0, **self.facts}, ensure_ascii=False, indent=2)


def failure(message: str) -> str:
    """Return an error as JSON."""
    return json.dumps({"ok": False, "error": message}, ensure_ascii=False, indent=2)
