"""Every state has a screen, and every screen a name that the scene knows."""

from pathlib import Path
from typing import get_args

import kiosk.ui
from kiosk.domain.screens import Screen, SettingUp
from kiosk.ui import screen_names

MAIN = Path(kiosk.ui.__file__).parent / "qml" / "Main.qml"


def test_every_state_has_a_screen_of_another_name() -> None:
    states = [state for state in get_args(Screen) if state is not SettingUp]
    names = [screen_names._NAMES[state] for state in states]
    assert len(set(names)) == len(states)


def test_the_scene_knows_every_name() -> None:
    scene = MAIN.read_text()
    assert [name for name in screen_names._NAMES.values() if f'"{name}"' not in scene] == []
