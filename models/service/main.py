"""`rollcall-ml`: reads the settings, opens the models and serves until it is told to stop."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import cv2
import uvicorn
from pydantic import ValidationError

from intake.serving import SettledServer
from intake.tls import CertificateFileError, ServedCertificate
from models.errors import ModelsError
from models.service.app import create_app, open_parts
from models.service.config import (
    CONFIG_VARIABLE,
    ServiceSettingsError,
    Settings,
    describe_settings,
    load_settings,
)
from models.service.logs import configure_logging
from models.service.plan_names import environment_name, ineffective_names
from models.store import ASSET_SETTING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from fastapi import FastAPI


logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings(options.config)
    except ValidationError as error:
        return _fail(_setting_words(error), 2)
    except ServiceSettingsError as error:
        return _fail(str(error), 2)
    configure_logging(settings.log_level)
    _warn(settings)
    cv2.setNumThreads(settings.threads)  # the workers are the parallelism
    try:
        served = _served(settings)
    except CertificateFileError as error:
        return _fail(str(error), 2)
    try:
        listener = _listen(settings)
    except OSError as error:
        reason = os.strerror(error.errno or 0)  # create_server's own words repeat the address
        return _fail(f"cannot listen on {settings.host}:{settings.port}: {reason}", 1)
    try:
        parts = open_parts(settings)
    except ModelsError as error:
        listener.close()
        return _fail(str(error), 1)
    _serve(settings, create_app(settings, parts), listener, served)
    return 0


def _served(settings: Settings) -> ServedCertificate | None:
    if settings.tls_certificate is None:
        return None
    return ServedCertificate(
        settings.tls_certificate, settings.tls_key, client_ca=settings.tls_client_ca
    )


def _warn(settings: Settings) -> None:
    """Name the settings that do not do what a person may expect of them."""
    for name, reason in ineffective_names():
        logger.warning("setting ignored name=%s reason=%s", name, reason)
    if settings.match_keys is None:
        logger.warning(
            "no key may compare faces, ROLLCALL_ML_MATCH_KEYS is not set: matching and gallery"
            " endpoints answer 403"
        )


def _listen(settings: Settings) -> socket.socket:
    """Take the port before the models are opened, so that a taken one is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=2048)


def _serve(
    settings: Settings, app: FastAPI, listener: socket.socket, served: ServedCertificate | None
) -> None:
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_grace_s,
        ssl_context_factory=(lambda _config, _default: served.context) if served else None,
    )
    # Having answered what was running, uvicorn raises the signal that stopped it once more: SIGTERM
    # would then end the process with that signal, before it could say 0.
    signal.signal(signal.SIGTERM, _end)
    with contextlib.suppress(KeyboardInterrupt):
        SettledServer(config, served).run(sockets=[listener])


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _fail(words: str, status: int) -> int:
    sys.stderr.write(f"rollcall-ml: {words}\n")
    return status


def _setting_words(error: ValidationError) -> str:
    """Say in one sentence what is wrong with the first wrong setting, without its value."""
    problem = error.errors(include_input=False, include_url=False)[0]
    if not problem["loc"]:
        return f"the settings are wrong: {problem['msg']}"
    name = environment_name(".".join(str(part) for part in problem["loc"]))
    if problem["type"] == "missing":
        return f"{name} is not set; it has no default (rollcall-ml --help lists all settings)"
    return f"the setting {name} is wrong: {problem['msg']}"


def _parser() -> argparse.ArgumentParser:
    lines = [f"settings (environment over the TOML file that --config or {CONFIG_VARIABLE} names):"]
    lines += [
        f"  {name}\n      {words} [{default}]"
        for name, default, words in (*describe_settings(), ASSET_SETTING)
    ]
    parser = argparse.ArgumentParser(
        prog="rollcall-ml",
        description="The Rollcall ML service: photos to face embeddings, embeddings to matches.\n\n"
        "Example: ROLLCALL_ML_API_KEY=$(openssl rand -base64 32) rollcall-ml --config ml.toml",
        epilog="\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file with settings")
    return parser


if __name__ == "__main__":
    sys.exit(main())
