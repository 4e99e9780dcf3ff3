"""The process of the service."""

import gc
import socket

import uvicorn

from models.service.main import SettledServer


def test_a_started_service_does_not_look_for_garbage_in_what_it_started_with() -> None:
    ends_at_once = uvicorn.Config(
        lambda: None, lifespan="off", log_config=None, limit_max_requests=0
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        SettledServer(ends_at_once).run([listener])
    looked_through, aside = len(gc.get_objects()), gc.get_freeze_count()
    gc.unfreeze()

    assert aside > 100 * looked_through
