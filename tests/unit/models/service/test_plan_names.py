"""The plan's names of settings: accepted where they have an effect, named where they have none."""

import json
import logging
from collections.abc import Callable

import pytest

from models.service.config import load_settings
from models.service.main import _warn, main
from models.service.plan_names import ineffective_names

Logged = Callable[[], list[dict[str, object]]]


def test_the_plans_names_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "ML_API_KEY": "a-key-of-the-plan",
        "PORT": "8123",
        "ML_MODEL": "cnn",
        "ML_NUM_JITTERS": "7",
        "ML_CONFIDENT_THRESHOLD": "0.4",
        "ML_UNCERTAIN_THRESHOLD": "0.55",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert settings.api_key.get_secret_value() == "a-key-of-the-plan"
    assert (settings.port, settings.detect_model, settings.num_jitters) == (8123, "cnn", 7)
    assert (settings.confident_threshold, settings.uncertain_threshold) == (0.4, 0.55)
    assert ineffective_names() == []


def test_our_own_name_wins_and_the_other_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_ML_API_KEY", "our-own-key")
    monkeypatch.setenv("ROLLCALL_ML_PORT", "9001")
    monkeypatch.setenv("PORT", "9002")

    assert load_settings().port == 9001
    assert ineffective_names() == [("PORT", "ROLLCALL_ML_PORT is set and wins")]


def test_names_without_an_effect_are_named_at_start_without_their_values(
    monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setenv("ML_API_KEY", "a-key-of-the-plan")
    monkeypatch.setenv("ML_WORKER_CLASS", "s3cr3t")
    monkeypatch.setenv("ML_SERVICE_URL", "http://of-the-server")

    _warn(load_settings())

    lines = [row for row in logged() if row["level"] == "warning"]
    words = json.dumps(lines)
    assert "ML_WORKER_CLASS" in words
    assert "ROLLCALL_ML_MATCH_KEYS is not set" in words
    assert "ML_SERVICE_URL" not in words
    assert "s3cr3t" not in words
    assert logging.getLogger("models.service.main").name in words


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "many"), ("ML_MODEL", "dlib"), ("ML_CONFIDENT_THRESHOLD", "-1"), ("ML_API_KEY", "x")],
)
def test_a_wrong_value_is_named_as_it_was_given(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(
        "ROLLCALL_ML_API_KEY" if name != "ML_API_KEY" else "ML_WORKERS", "our-own-key"
    )
    monkeypatch.setenv(name, value)

    assert main([]) == 2
    assert f"the setting {name} is wrong" in capsys.readouterr().err


def test_thresholds_out_of_order_are_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_API_KEY", "a-key-of-the-plan")
    monkeypatch.setenv("ML_CONFIDENT_THRESHOLD", "0.7")

    assert main([]) == 2
    assert "confident_threshold must not exceed uncertain_threshold" in capsys.readouterr().err
