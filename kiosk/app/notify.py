"""Telling systemd that the kiosk is ready and alive (sd_notify, without a library)."""

import logging
import socket

logger = logging.getLogger(__name__)

READY = "READY=1"
ALIVE = "WATCHDOG=1"
STOPPING = "STOPPING=1"


def notify(notify_socket: str | None, message: str) -> None:
    """Send one message to systemd; does nothing outside a Type=notify service.

    Args:
        notify_socket: value of NOTIFY_SOCKET; a leading ``@`` means an abstract socket.
        message: for example ``READY=1``.

    Source: sd_notify(3).
    """
    if not notify_socket:
        return
    address = "\0" + notify_socket[1:] if notify_socket.startswith("@") else notify_socket
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(message.encode(), address)
    except OSError as exc:
        logger.debug("systemd was not told %s: %s", message, exc.strerror)
