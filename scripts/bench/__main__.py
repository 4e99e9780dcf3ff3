"""Run every measurement that needs nothing beside this checkout; name some to run only those.

Each prints a Markdown table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

ALL = ("pipeline", "embedders", "ml_service", "class_photo", "ingest", "pages")


def main(arguments: list[str]) -> int:
    """Run the named benchmarks one after another; 1 when one of them failed."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench",
        description=__doc__,
        epilog="Example: python -m scripts.bench pipeline ingest",
    )
    parser.add_argument("name", nargs="*", help=f"a module of scripts/bench (all: {' '.join(ALL)})")
    failed = []
    for name in parser.parse_args(arguments).name or ALL:
        sys.stdout.write(f"\n## {name}\n\n")
        sys.stdout.flush()
        if subprocess.run([sys.executable, "-m", f"scripts.bench.{name}"], check=False).returncode:
            failed.append(name)
    for name in failed:
        sys.stderr.write(f"the benchmark {name} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
