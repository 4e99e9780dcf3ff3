"""Break one rule at a time and check that its tests notice: `make mutate`.

Each mutation of `scripts/mutations.toml` is applied to a copy of the sources; the tests named
beside it must then fail. A mutation that survives means that the rule is not tested.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from scripts.size_ratchet import ROOT

LIST = ROOT / "scripts" / "mutations.toml"
_COPIED = (
    "kiosk",
    "server",
    "models",
    "protocol",
    "intake",
    "provisioning",
    "scripts",
    "tests",
    "pyproject.toml",
)


@dataclass(frozen=True)
class Mutation:
    """One way to break a rule, and the tests that must notice.

    Attributes:
        rule: in words.
        file: to change, relative to the repository.
        old: text that stands there once.
        new: what takes its place.
        tests: arguments for pytest.
    """

    rule: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def mutations(path: Path = LIST) -> list[Mutation]:
    """Read the list."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]
    return [Mutation(**row | {"tests": tuple(row["tests"])}) for row in rows]


def mutated(text: str, mutation: Mutation) -> str:
    """Return the source with the rule broken.

    Raises:
        ValueError: the text to change does not stand there exactly once.
    """
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.file} holds {mutation.old!r} {text.count(mutation.old)} times")
    return text.replace(mutation.old, mutation.new)


def is_noticed(copy: Path, mutation: Mutation) -> bool:
    """Run the tests on a copy with the rule broken; True when one of them fails."""
    place = copy / mutation.file
    whole = place.read_text(encoding="utf-8")
    place.write_text(mutated(whole, mutation), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *mutation.tests],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy)},
            capture_output=True,
            check=False,
        )
    finally:
        place.write_text(whole, encoding="utf-8")
    return done.returncode == 1


def main() -> int:
    """Try every mutation, or those whose rule contains the words given; 1 when one survives."""
    wanted = " ".join(sys.argv[1:]).lower()
    survived = []
    with tempfile.TemporaryDirectory(prefix="rollcall-mutate-") as folder:
        copy = Path(folder)
        for name in _COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
        for mutation in mutations():
            if wanted in mutation.rule.lower():
                noticed = is_noticed(copy, mutation)
                print(f"{'noticed ' if noticed else 'SURVIVED'}  {mutation.rule}", flush=True)
                survived += [] if noticed else [mutation.rule]
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
