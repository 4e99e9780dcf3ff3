"""Build the configuration of every kiosk with the code on the path, and say what one costs.

Started by `scripts.bench.configuration`, by its path, so that another checkout can be measured:

    PYTHONPATH=CHECKOUT .venv/bin/python -P scripts/bench/one_configuration.py DATABASE_URL MOMENT
"""

import hashlib
import json
import sys
import time
import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from server.db.engine import Database
from server.kiosks.configuration import SchoolInfo, build
from server.kiosks.tables import Kiosk

SCHOOL = SchoolInfo("Invented", ZoneInfo("UTC"))


def main() -> None:
    """Print milliseconds of computing by kiosk, and a digest of all documents, as JSON."""
    database, at = Database(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
    with database.reading() as db:
        kiosks = list(db.exec(select(Kiosk.id).order_by(col(Kiosk.name))))
    _build(database, kiosks[0], at)  # statements are compiled once
    costs_ms, sizes, digest = [], [], hashlib.sha256()
    for kiosk_id in kiosks:
        before_s = time.process_time()
        body = _build(database, kiosk_id, at)
        costs_ms.append((time.process_time() - before_s) * 1000)
        sizes.append(len(body))
        # The version is a hash of the rest, and may be another one in another checkout.
        digest.update(json.dumps(json.loads(body) | {"version": ""}).encode())
    found = {"costs_ms": costs_ms, "sizes": sizes, "digest": digest.hexdigest()}
    sys.stdout.write(json.dumps(found))


def _build(database: Database, kiosk_id: uuid.UUID, at: datetime) -> bytes:
    with database.reading() as db:
        return build(db, db.get_one(Kiosk, kiosk_id), SCHOOL, at).to_json()


if __name__ == "__main__":
    main()
