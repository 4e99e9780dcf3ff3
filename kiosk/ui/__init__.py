"""The kiosk's screen: the only home of Qt. QML draws, presenters choose the words."""
