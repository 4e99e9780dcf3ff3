"""What ends a step of the simulation early. Not `Exception`: product code must not catch it."""


class Crash(BaseException):
    """A machine loses power or its process is killed; nothing after this line runs."""

    def __init__(self, host: str, point: str) -> None:
        super().__init__(f"{host} crashes at {point}")
        self.host = host
        self.point = point


class Suspended(BaseException):
    """Code would wait here, on a thread; the scheduler goes on with other work."""
