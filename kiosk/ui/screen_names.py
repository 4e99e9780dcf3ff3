"""The name by which the QML scene knows each state of the kiosk."""

from kiosk.domain.screens import (
    AskPin,
    CodeRefused,
    ConfirmName,
    Elsewhere,
    Looking,
    Notice,
    NotRecognised,
    ProveAlive,
    Ready,
    RollCall,
    Screen,
    SettingUp,
    SetupStage,
    Welcome,
)

_WITHOUT_KEYPAD = (SetupStage.LOADING, SetupStage.STORAGE_FAULT)
_NAMES = {
    Ready: "ready",
    Looking: "looking",
    ProveAlive: "proving",
    Welcome: "welcome",
    Elsewhere: "elsewhere",
    NotRecognised: "not_recognised",
    Notice: "notice",
    AskPin: "ask_pin",
    ConfirmName: "confirm_name",
    CodeRefused: "code_refused",
    RollCall: "roll_call",
}


def screen_name(screen: Screen) -> str:
    """The QML name of the screen that shows a state."""
    if isinstance(screen, SettingUp):
        return "loading" if screen.stage in _WITHOUT_KEYPAD else "claim"
    return _NAMES[type(screen)]
