"""A real nginx with the site that `rollcall-server init` writes."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.setup.files import proxy_files
from server.setup.place import SchoolPlace
from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, running

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
_FRAME = """
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
{user}
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/unused-1;
    uwsgi_temp_path {folder}/unused-2;
    scgi_temp_path {folder}/unused-3;
    include {folder}/site.conf;
}}
"""


def site(folder: Path) -> str:
    """Return the site as `init` writes it for a school on this machine."""
    (file,) = proxy_files(SchoolPlace("goethe", folder, BIN), "127.0.0.1", 8000)
    return file.text


def write_site(
    folder: Path, chain: Path, ports: Sequence[int], *, plain_port: int, tls_port: int
) -> Path:
    """Write the site with other ports and places, and nothing else changed; return nginx's file.

    Args:
        folder: of this nginx.
        chain: certificate and key, PEM, in one file.
        ports: of the servers behind it.
        plain_port: in place of 80.
        tls_port: in place of 443.
    """
    folder.mkdir()
    text = site(folder)
    servers = "\n".join(f"    server 127.0.0.1:{port} max_fails=0;" for port in ports)
    text = text.replace("    server 127.0.0.1:8000 max_fails=0;", servers)
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)  # no IPv6 in containers
    text = text.replace("listen 80;", f"listen 127.0.0.1:{plain_port};")
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{tls_port} ")
    text = re.sub(r"/etc/rollcall/goethe/proxy(-key)?\.pem", str(chain), text)
    text = text.replace("/var/log/nginx/error.log crit", f"{folder}/error.log notice")
    (folder / "site.conf").write_text(text)
    file = folder / "nginx.conf"
    user = "user root;" if Path(folder).owner() == "root" else ""
    file.write_text(_FRAME.format(folder=folder, user=user))
    return file


@contextmanager
def nginx(folder: Path, chain: Path, ports: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Run nginx inside the block; yields its address with TLS, and the one without."""
    if NGINX is None:
        pytest.skip("needs Debian's nginx-light package")
    plain_port, tls_port = free_port(), free_port()
    file = write_site(folder, chain, ports, plain_port=plain_port, tls_port=tls_port)
    command = [NGINX, "-e", str(folder / "error.log"), "-c", str(file)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr, checked.stderr
    log = folder / "nginx.log"
    with running(command, log_path=log, ready=lambda: is_listening(tls_port)):
        yield f"https://127.0.0.1:{tls_port}", f"http://127.0.0.1:{plain_port}"
