"""Fail when a migration that has landed is edited: databases that ran it never see the edit.

`scripts/landed_migrations.toml` holds the SHA-256 of each landed migration. A new migration is
added to the list by `python -m scripts.landed_migrations --add` in the commit that lands it.
"""

import hashlib
import sys
import tomllib
from pathlib import Path

from scripts.size_ratchet import ROOT

VERSIONS = ROOT / "server" / "migrations" / "versions"
LISTED = ROOT / "scripts" / "landed_migrations.toml"
_HEAD = "# SHA-256 of each landed migration; see scripts/landed_migrations.py.\n[sha256]\n"


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every migration in a folder, by file name without its ending."""
    return {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("[0-9]*.py"))
    }


def problems(found: dict[str, str], listed: dict[str, str]) -> list[str]:
    """Return one sentence for each migration that differs from what landed."""
    wrong = [
        f"migration {name} was edited after it landed; write a new one instead"
        for name, digest in listed.items()
        if name in found and found[name] != digest
    ]
    wrong += [f"migration {name} landed and is gone" for name in listed.keys() - found.keys()]
    wrong += [
        f"migration {name} is not listed: python -m scripts.landed_migrations --add"
        for name in found.keys() - listed.keys()
    ]
    return sorted(wrong)


def main() -> int:
    """Compare, or add what is new; 1 when a landed migration differs."""
    found = digests(VERSIONS)
    listed: dict[str, str] = tomllib.loads(LISTED.read_text())["sha256"]
    if "--add" in sys.argv:
        merged = found | listed
        rows = [f'"{name}" = "{digest}"\n' for name, digest in sorted(merged.items())]
        LISTED.write_text(_HEAD + "".join(rows))
        listed = merged
    wrong = problems(found, listed)
    for sentence in wrong:
        print(sentence)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
