"""A real PostgreSQL: one private cluster per test run, one fresh database per test."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.ports import free_port
from tests.support.waiting import wait_until

# A test run that is killed leaves no cluster behind (setpriv is of util-linux, always there).
_ENDS_WITH_US = ("setpriv", "--pdeathsig", "INT")
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


def postgres_account() -> str | None:
    """PostgreSQL refuses to run as root; Debian's package brings its own account."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("postgres").pw_name


def _ready(port: int) -> bool:
    try:
        psycopg.connect(_admin(port)).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    """Port of a private cluster on 127.0.0.1 that ends with the test run."""
    if not _BINARIES:
        pytest.skip("needs Debian's postgresql package")
    binaries, account, port = _BINARIES[-1].parent, postgres_account(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="rollcall-postgres-"))
    if account:
        shutil.chown(folder, account)
    data = str(folder / "data")
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "rollcall", "-A", "trust", "-E", "UTF8", "-N"],
        check=True,
        capture_output=True,
        user=account,
        cwd="/",
    )
    # No power is cut in tests: what a killed process leaves is safe without waiting for the disk.
    options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    options += ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*_ENDS_WITH_US, binaries / "postgres", "-D", data, *options],
            stdout=log,
            stderr=subprocess.STDOUT,
            user=account,
            cwd="/",
            start_new_session=True,
        )
    try:
        wait_until(lambda: _ready(port), what="PostgreSQL")
        yield port
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_port: int) -> Iterator[str]:
    """SQLAlchemy URL of an empty database of this test's own."""
    with new_database(postgres_port) as url:
        yield url


@contextmanager
def new_database(port: int, *, template: str = "template1") -> Iterator[str]:
    """Create a database as a copy of another one, yield its SQLAlchemy URL, and drop it.

    Args:
        port: of the private cluster.
        template: name of the database to copy; nobody may be connected to it.
    """
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(_admin(port), autocommit=True) as connection:
        copy = f'CREATE DATABASE "{name}" TEMPLATE "{template}" {_copying(connection)}'
        connection.execute(copy.encode())
        yield f"postgresql+psycopg://rollcall@127.0.0.1:{port}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _copying(connection: psycopg.Connection) -> str:
    """How to copy a template: its files, not a log of its pages, which takes twice the time."""
    has_a_choice = connection.info.server_version >= 150000  # before, it was always the files
    return "STRATEGY FILE_COPY" if has_a_choice else ""


def _admin(port: int) -> str:
    return f"host=127.0.0.1 port={port} user=rollcall dbname=postgres"
