"""Serves the real application over TLS: `python -m tests.support.tls_server CERTIFICATE KEY`."""

import sys

import uvicorn

from server.app import create_app
from server.config import load_settings


def main(certificate: str, key: str) -> None:
    """Serve until the process is ended; settings come from the environment."""
    settings = load_settings(None)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_config=None,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
