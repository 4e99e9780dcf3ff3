"""Every command says with --help what it takes, with an example."""

from collections.abc import Callable, Sequence

import pytest

import kiosk.__main__
import models.cli.main
import models.service.main
import provisioning.cli
import scripts.assets.fetch
import scripts.bench.__main__
import server.main
from models.store import ASSET_SETTING

Main = Callable[[list[str]], int | None]
COMMANDS: dict[str, tuple[Main, Sequence[str]]] = {
    "rollcall-server": (
        server.main.main,
        ("serve", "broker", "migrate", "reset-password", "verify-audit"),
    ),
    "rollcall-ml": (models.service.main.main, ()),
    "rollcall-kiosk": (kiosk.__main__.main, ("run", "claim", "status", "import-events")),
    "rollcall-provision": (provisioning.cli.main, ("claim", "move", "configure")),
    "rollcall-models": (
        models.cli.main.main,
        ("list", "install", "use", "verify", "remove"),
    ),
    "scripts/fetch_assets": (scripts.assets.fetch.main, ()),
    "python -m scripts.bench": (scripts.bench.__main__.main, ()),
}
CALLS = [
    pytest.param(main, words, f"Example: {name}", id=" ".join([name, *words]))
    for name, (main, commands) in COMMANDS.items()
    for words in ([], *([command] for command in commands))
]


def help_of(main: Main, words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("main", "words", "example"), CALLS)
def test_help_of_every_command_has_an_example(
    main: Main, words: list[str], example: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = help_of(main, words, capsys)

    assert "Example: " in shown
    assert example.split()[-1] in shown.partition("Example: ")[2]


@pytest.mark.parametrize("name", ["rollcall-ml", "rollcall-kiosk", "rollcall-models"])
def test_whoever_opens_models_says_where_they_lie(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ASSET_SETTING[0] in help_of(COMMANDS[name][0], [], capsys)
