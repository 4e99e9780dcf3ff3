"""Find how many pages a second a server delivers in time to 1,000 signed-in sessions.

    .venv/bin/python -m scripts.bench.page_rates [--before CHECKOUT] [--rates 5 10 20]

Requests are sent at a fixed rate, whether earlier ones are answered or not, each with the cookie of
another session. The pages are asked in turn: Today, a register, its live part, people, a person,
lessons, courses, kiosks. Times count from the moment a request was due. The servers of both
checkouts are asked at each rate, one after the other. Prints a Markdown table.
"""

import argparse
import asyncio
import itertools
import logging
import secrets
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from sqlmodel import select
from starlette.responses import Response

from scripts.bench.noon import noon_zone
from scripts.bench.pages import copied_for, fill_server
from scripts.bench.server_cpu import Running, serving
from scripts.invented_school import Size
from server.accounts.tables import Account, SignIn
from server.certificates.links import Links
from server.config import Settings, load_settings
from server.db.engine import Database
from server.db.types import now
from server.db.vault import open_vault
from server.web.cookies import SignInCookies

_ASKED = (
    "today",
    "register, running",
    "register, live part",
    "people",
    "person",
    "lessons",
    "courses",
    "kiosks",
)
LIMIT_MS = 100.0


def sign_in(settings: Settings, count: int) -> list[str]:
    """Open sign-ins of the admin; returns their cookies."""
    cookies = SignInCookies(Links.of(settings), open_vault(settings))
    tokens = [secrets.token_urlsafe(32) for _ in range(count)]
    database = Database(settings.sqlalchemy_url)
    with database.transaction() as db:
        account = db.exec(select(Account)).first()
        assert account is not None
        until = now() + timedelta(hours=8)
        for token in tokens:
            digest = sha256(token.encode()).digest()
            db.add(SignIn(token_hash=digest, account_id=account.id, expires_at=until))
    database.close()
    return [_cookie(cookies, token) for token in tokens]


def _cookie(cookies: SignInCookies, token: str) -> str:
    answer = Response()
    cookies.issue(answer, token)
    return answer.headers["set-cookie"].partition(";")[0]


async def ask_at(
    rate: float, seconds: float, port: int, asks: list[tuple[str, str]]
) -> list[float]:
    """Ask at a fixed rate; returns the times in milliseconds, those without an answer as infinite.

    Args:
        rate: requests a second.
        seconds: how long.
        port: of the server.
        asks: path and cookie of each request, again and again.
    """
    start = time.perf_counter()
    turns = itertools.islice(itertools.cycle(asks), int(rate * seconds))
    tasks = [
        asyncio.create_task(_ask(start + number / rate, port, path, cookie))
        for number, (path, cookie) in enumerate(turns)
    ]
    return sorted(await asyncio.gather(*tasks))


async def _ask(due: float, port: int, path: str, cookie: str) -> float:
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    try:
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"GET {path} HTTP/1.1\r\nHost: school\r\nCookie: {cookie}\r\nConnection: close"
            writer.write(f"{head}\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
    except (OSError, TimeoutError):
        return float("inf")
    is_right = answer.startswith(b"HTTP/1.1 200")
    return (time.perf_counter() - due) * 1000 if is_right else float("inf")


def main() -> int:
    """Fill a server and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="a checkout to compare with")
    parser.add_argument("--rates", type=float, nargs="+", default=[5, 10, 20, 40, 60, 80])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--sessions", type=int, default=1000)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="rollcall-rates-") as folder, ExitStack() as stack:
        settings = load_settings(
            data_dir=Path(folder) / "data",
            ml_service_url="http://127.0.0.1:9",
            timezone=noon_zone(datetime.now(UTC)),
        )
        filled = fill_server(settings, Size(people=1000, lessons=50, kiosks=10), 0)
        cookies = sign_in(settings, options.sessions)
        found = {page.name: page.path for page in filled.pages()}
        paths = itertools.cycle(found[name] for name in _ASKED)
        asks = list(zip(paths, cookies, strict=False))
        sides: dict[str, Running] = {}
        if options.before:
            older = copied_for(filled, options.before, Path(folder) / "before")
            sides["before"] = stack.enter_context(serving(older, options.before))
        sides["after"] = stack.enter_context(serving(settings))
        print("| requests a second | server | p50 ms | p95 ms | not answered |")
        print("|---|---|---|---|---|")
        for rate, (name, one) in itertools.product(options.rates, sides.items()):
            times = asyncio.run(ask_at(rate, options.seconds, one.port, asks))
            lost = times.count(float("inf"))
            p50, p95 = (times[int(len(times) * share)] for share in (0.5, 0.95))
            print(f"| {rate:g} | {name} | {p50:.0f} | {p95:.0f} | {lost} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
