"""`rollcall-server certificates`: make and renew certificates, say what changed."""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from protocol.v1.trust import ca_fingerprint, six_words
from server.certificates.authority import Use
from server.certificates.folder import CertificateFolder, Change
from server.certificates.names import machine_names, parse_name
from server.config import Settings

_WORDS = {
    "authority": "Made the school's authority",
    "next-authority": "Made the next authority; it signs in 90 days, when kiosks know it",
    "hand-over": "The next authority signs from now on",
    Use.SERVER: "Made the server's certificate",
    Use.BROKER: "Made the broker's certificate",
    Use.ML_SERVICE: "Made the ML service's certificate",
    Use.ML_CLIENT: "Made the server's certificate for the ML service",
}

_AUTHORITY_IS_OVER = (
    "The authority has ended by this machine's clock. If the clock is right, run this again with"
    " --renew-authority.\n"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST-OR-IP",
        help="a name or address that kiosks and browsers use; repeat it for more."
        " Default: those of this machine",
    )
    parser.add_argument(
        "--for",
        action="append",
        default=[],
        dest="uses",
        choices=[str(use) for use in Use],
        help="what to make a certificate for; repeat it for more. Default: server and broker",
    )
    parser.add_argument(
        "--renew-authority",
        action="store_true",
        help="make the next authority now; kiosks get it, and after 90 days it signs. It signs at"
        " once where the present one has ended",
    )


def make_certificates(
    settings: Settings, options: argparse.Namespace, at: datetime
) -> list[Change]:
    """Do what the command line asks, and write what was done.

    Raises:
        ConfigurationError: a name is none, or a file is damaged.
    """
    folder = CertificateFolder(settings.data_dir)
    new = [use for use in (Use.SERVER, Use.BROKER) if not folder.leaf(use).exists()]
    changes = folder.ensure(
        [Use(one) for one in options.uses] or [Use.SERVER, Use.BROKER],
        names=lambda: default_names(settings),
        must_have=_named(settings, options.name) if options.name else (),
        school=settings.school.name,
        at=at,
        renew_authority=options.renew_authority,
    )
    sys.stdout.writelines(_line(change) for change in changes)
    if folder.authority_end() <= at:
        sys.stdout.write(_AUTHORITY_IS_OVER)
    elif not changes:
        sys.stdout.write("Nothing to do: no certificate must be renewed yet.\n")
    if any(change.what in new for change in changes):
        sys.stdout.write("Restart server and broker: until then nothing is encrypted with it.\n")
    words = " ".join(six_words(ca_fingerprint(folder.authorities.read_text())))
    sys.stdout.write(f"The authority for kiosks and browsers: {folder.authorities}\n")
    sys.stdout.write(f"Its six words: {words}\n")
    return changes


def default_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of this machine, and those that settings give to kiosks."""
    return tuple(dict.fromkeys([*_named(settings, []), *machine_names()]))


def _named(settings: Settings, names: Sequence[str]) -> tuple[str, ...]:
    """Return these names, and those that settings give to kiosks: a certificate needs them too."""
    public = urlsplit(str(settings.public_url or "")).hostname
    given = [name for name in (public, settings.broker_public_host) if name]
    return tuple(dict.fromkeys(map(parse_name, [*names, *given])))


def _line(change: Change) -> str:
    names = f" ({', '.join(change.names)})" if change.names else ""
    return f"{_WORDS[change.what]}{names}, valid until {change.ends_at:%d %B %Y}: {change.path}\n"
