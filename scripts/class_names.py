"""Fail when one class name is defined in two places with different meanings.

A name that two processes need for the same thing is listed in `scripts/class_names.toml` with the
reason. The list may hold at most six names.
"""

import ast
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

from scripts.size_ratchet import ROOT, tracked_sources

LISTED = ROOT / "scripts" / "class_names.toml"
MOST_LISTED = 6
_PRODUCT = ("kiosk", "server", "models", "provisioning", "protocol", "intake")


def class_names(text: str) -> set[str]:
    """Return the names of all classes a source defines."""
    return {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)}


def shared_names(sources: dict[Path, str]) -> dict[str, list[Path]]:
    """Return every class name that more than one of these sources defines, with the sources."""
    places: dict[str, list[Path]] = defaultdict(list)
    for path, text in sources.items():
        for name in class_names(text):
            places[name].append(path)
    return {name: sorted(found) for name, found in places.items() if len(found) > 1}


def problems(shared: dict[str, list[Path]], listed: dict[str, str]) -> list[str]:
    """Return one sentence for each name that is shared and not listed, or listed and not shared."""
    found = [
        f"class {name} is defined in {', '.join(map(str, places))}"
        for name, places in sorted(shared.items())
        if name not in listed
    ]
    found += [f"class {name} is listed, but no longer shared" for name in listed.keys() - shared]
    if len(listed) > MOST_LISTED:
        found.append(f"{len(listed)} names are listed where {MOST_LISTED} is the most")
    return found


def main() -> int:
    """Check the product's sources; 1 when a name has two meanings."""
    paths = [path for path in tracked_sources() if path.suffix == ".py"]
    sources = {p: (ROOT / p).read_text(encoding="utf-8") for p in paths if p.parts[0] in _PRODUCT}
    found = problems(shared_names(sources), tomllib.loads(LISTED.read_text())["shared"])
    for sentence in found:
        print(sentence)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
