"""Fail when a file (500 lines) or a function (60) outgrows the house."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXEMPT = ROOT / "scripts" / "size_ratchet.toml"
MAX_FILE, MAX_FUNCTION = 500, 60


def tracked_sources() -> list[Path]:
    """Sources under version control, and new ones that git does not ignore."""
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "-co",
            "--exclude-standard",
            "*.py",
            "*.qml",
            "*.js",
            "*.css",
            "*.html",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return [Path(name) for name in listed if (ROOT / name).exists()]


def oversized(path: Path, text: str) -> dict[str, int]:
    """Name and size of whatever in one file is over its limit."""
    lines = text.count("\n")
    found = {str(path): lines} if lines > MAX_FILE else {}
    if path.suffix != ".py":
        return found
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > MAX_FUNCTION:
                found[f"{path}::{node.name}"] = size
    return found


def main() -> int:
    """Compare every source with its limit or its listed exemption; 1 when one is over."""
    exempt = tomllib.loads(EXEMPT.read_text())["exempt"]
    found: dict[str, int] = {}
    for path in tracked_sources():
        found |= oversized(path, (ROOT / path).read_text(encoding="utf-8"))
    bad = {
        name: size for name, size in found.items() if size > exempt.get(name, {}).get("lines", 0)
    }
    stale = [name for name in exempt if name not in found]
    for name, size in sorted(bad.items()):
        print(f"{name}: {size} lines is over the limit; split it")
    for name in stale:
        print(f"{name}: no longer over the limit; take it out of {EXEMPT.name}")
    return 1 if bad or stale else 0


if __name__ == "__main__":
    sys.exit(main())
