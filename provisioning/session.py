"""A signed-in connection to the server, made from the options of a command."""

import argparse
import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from protocol.v1.tls import Introduction, is_plain_abroad
from provisioning.errors import ProvisioningError
from provisioning.office import Office
from provisioning.trust import met, plain_words


@contextmanager
def signed_in(options: argparse.Namespace) -> Iterator[tuple[Office, Introduction]]:
    """Check the server, ask for the password, and sign in for the block.

    Raises:
        ProvisioningError: the server must not be trusted, or there is no password.
        ServerRefusedError: name, password or code is wrong.
        ServerUnreachableError: no answer.
    """
    found = met(
        options.server,
        fingerprint=options.server_ca_fingerprint,
        ca_file=options.server_ca,
        ask=input,
        allows_plain=bool(options.allow_plain),
        proxy=options.proxy or "",
    )
    office = Office(options.server, ca_pem=found.ca_pem, proxy=options.proxy)
    with office.signed_in(options.username, _password(options), _ask_code):
        yield office, found


def refuse_plain(options: argparse.Namespace) -> None:
    """Refuse an address without encryption, unless it is allowed.

    Raises:
        ProvisioningError: it is plain, and leads to another machine.
    """
    if is_plain_abroad(options.server) and not options.allow_plain:
        raise ProvisioningError(plain_words(options.server))


def _password(options: argparse.Namespace) -> str:
    path = options.password_file
    try:
        if path is None:
            return getpass.getpass(f"Password of {options.username} on {options.server}: ")
        password = str(path.read_text(encoding="utf-8").strip())
    except EOFError as exc:
        raise ProvisioningError("no password was typed; use --password-file") from exc
    except UnicodeDecodeError as exc:
        raise ProvisioningError(f"cannot read {path}: not UTF-8 text") from exc
    except OSError as exc:
        raise ProvisioningError(f"cannot read {path}: {exc.strerror}") from exc
    if not password:
        raise ProvisioningError(f"the password file {path} is empty")
    return password


def _ask_code() -> str:
    """Ask for the second step; it is typed even where the password comes from a file."""
    try:
        return input("Code of your authenticator app, or a recovery code: ").strip()
    except EOFError as exc:
        raise ProvisioningError("no code was typed; this account has two-step sign-in") from exc
