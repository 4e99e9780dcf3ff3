"""Scratch databases of killed verifications do not stay."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

from server.backup.scratch import _scratch, remove_killed


def killed_while_verifying(folder: Path) -> None:
    child = os.fork()
    if child == 0:
        with _scratch(folder) as connection:
            connection.exec_driver_sql("CREATE TABLE t (x)")
            os.kill(os.getpid(), signal.SIGKILL)
    _child, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)


def test_folder_of_a_killed_verification_is_deleted_and_one_in_use_stays(tmp_path: Path) -> None:
    killed_while_verifying(tmp_path)
    (left,) = tmp_path.iterdir()
    with ExitStack() as stack:
        stack.enter_context(_scratch(tmp_path))
        (used,) = tmp_path.iterdir()
        assert used != left
        remove_killed(tmp_path)
        assert list(tmp_path.iterdir()) == [used]
    assert list(tmp_path.iterdir()) == []
    killed_while_verifying(tmp_path)
    remove_killed(tmp_path)
    assert list(tmp_path.iterdir()) == []
