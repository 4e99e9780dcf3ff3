"""Settings of the kiosk process: environment over TOML file over default, listed once, here."""

import os
from contextvars import ContextVar
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, HttpUrl, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

ENV_PREFIX = "ROLLCALL_KIOSK_"
CONFIG_VARIABLE = f"{ENV_PREFIX}CONFIG"
_file: ContextVar[str | None] = ContextVar("settings file of a running load", default=None)


class CameraRotation(IntEnum):
    """Degrees clockwise by which pictures are turned; an enum, so that "90" is understood too."""

    NONE = 0
    QUARTER = 90
    HALF = 180
    THREE_QUARTERS = 270


class UnusableSettingsError(ValueError):
    """The settings cannot be used; the message names each wrong one and why, never its value."""


#: Settings of earlier versions: a kiosk whose file still names them starts all the same.
_RETIRED = ("http_backlog",)


class Settings(BaseSettings):
    """Everything that can be set, with its unit and default. Loaded once and passed in."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", populate_by_name=True
    )

    # -- where things are ---------------------------------------------------------------------
    data_dir: Path = Field(
        default=Path("rollcall-kiosk-data"),
        description="Folder for the kiosk's keys, outbox, encrypted gallery and configuration.",
    )
    key_keeper: Literal["auto", "tpm2", "host", "file"] = Field(
        default="auto",
        description="What keeps the key to the kiosk's private files: tpm2 and host through"
        " systemd-creds, file for none. auto: the TPM, else the host's secret where the kiosk runs"
        " as root, else a file beside them.",
    )
    server_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8000"), description="Address of the server."
    )
    server_ca: Path | None = Field(
        default=None,
        description="File of the certificate authority of the server, where it is not public.",
    )
    server_ca_fingerprint: str | None = Field(
        default=None,
        pattern=r"^[0-9a-fA-F]{64}$",
        description="SHA-256 of the server's certificate authority, 64 hex digits, from the kiosk's"
        " page on the server. Checked before the claim code is sent. Default: the screen asks.",
    )
    allow_plain: bool = Field(
        default=False,
        description="Talk to a server or broker on another machine without encryption. The screen"
        " and the kiosk's page show it.",
    )
    http_proxy: SecretStr | None = Field(
        default=None,
        description="Proxy that everything to the server goes through, for example"
        " http://user:password@proxy.school.example:3128. HTTP_PROXY and .netrc are never used."
        " The broker is reached directly.",
    )
    claim_code: SecretStr | None = Field(
        default=None,
        description="Claim code, 8 characters, used at the first start. Default: asked for.",
    )

    # -- the broker ---------------------------------------------------------------------------
    mqtt: bool = Field(
        default=True, description="Use the broker; otherwise everything goes over HTTP."
    )
    mqtt_host: str | None = Field(
        default=None, description="Address of the broker. Default: as the server said at the claim."
    )
    mqtt_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of the broker. Default: likewise."
    )

    # -- the camera ---------------------------------------------------------------------------
    camera: str = Field(
        default="0",
        description="Camera index, /dev/video path, GStreamer pipeline (with an OpenCV built for"
        " it, which PyPI's is not), or replay:FILE-OR-FOLDER.",
    )
    camera_width_px: int = Field(default=640, ge=160, le=3840, description="Asked of the camera.")
    camera_height_px: int = Field(default=480, ge=120, le=2160, description="Asked of the camera.")
    camera_fps: float = Field(
        default=30.0, gt=0, le=120, description="Asked of the camera; pace of a replayed folder."
    )
    camera_rotation: CameraRotation = Field(
        default=CameraRotation.NONE,
        description="Degrees clockwise by which each picture is turned so that people stand"
        " upright in it: 0, 90, 180 or 270. Preview and recognition both get the turned picture. A"
        " technician can choose another value on the screen; the last change counts.",
    )
    camera_mirror: bool = Field(
        default=False,
        description="The camera delivers mirrored pictures: swap left and right before anything"
        " else. Recognition always gets the true picture, and the preview always is a mirror."
        " Likewise on the screen.",
    )
    replay_fps: float | None = Field(
        default=None, gt=0, le=1000, description="Pace of a replayed clip. Default: its own."
    )
    replay_loop: bool = Field(default=False, description="Begin a replayed clip again at its end.")

    # -- recognition --------------------------------------------------------------------------
    detector: str = Field(default="blazeface-full-range", description="Card of the face detector.")
    near_detector: str | None = Field(
        default="blazeface-short-range", description="Card of the detector for near faces."
    )
    landmarks: str = Field(default="face-mesh", description="Card of the landmark network.")
    embedder: str = Field(
        default="auto",
        description="Card of the embedding network. auto: the school's; before the first sync the"
        " one that `rollcall-models use` selected, else sface-2021dec, else dlib-resnet-v1.",
    )
    runtime: Literal["auto", "tflite", "litert"] = Field(
        default="auto", description="What runs the models; auto: ai-edge-litert where installed."
    )
    accelerator: Literal["auto", "off"] = Field(
        default="auto",
        description="auto: the embedding network runs on a Coral USB accelerator where a file"
        " compiled for it is installed (docs/accelerators.md), on the CPU otherwise.",
    )
    accelerator_library: str = Field(
        default="libedgetpu.so.1",
        description="Delegate of the accelerator: a library's name or path.",
    )
    accelerator_device: str = Field(
        default="", description="Which accelerator, such as usb:0. Default: any."
    )
    accelerator_runtime: Literal["auto", "tflite", "litert"] = Field(
        default="auto",
        description="Runtime the delegate was built for; auto: tflite-runtime where installed.",
    )
    accelerator_deadline_s: float = Field(
        default=0.25,
        gt=0,
        le=0.9,
        description="Longest time of one run on the accelerator before the CPU takes over.",
    )
    model_threads: int = Field(default=1, ge=1, le=16, description="CPU threads of each model.")
    max_fps: float = Field(
        default=15.0,
        gt=0,
        le=60,
        description="Frames looked at per second while somebody is there.",
    )
    roster_distance: float | None = Field(
        default=None, gt=0, le=10, description="Limit for people due now. Default: calibrated."
    )
    wide_distance: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="Limit for everybody else. Default: 0.9 times the limit above, if set.",
    )
    min_margin: float | None = Field(
        default=None,
        ge=0,
        le=10,
        description="Least distance to the second-best person. Default: the policy's.",
    )
    min_frames: int | None = Field(
        default=None, ge=1, le=10, description="Frames that must agree. Default: the policy's."
    )

    # -- at the door --------------------------------------------------------------------------
    duplicate_window_s: float | None = Field(
        default=None,
        ge=0,
        le=86400,
        description="A repeat within this makes no second event. Default: the policy's.",
    )
    result_hold_s: float = Field(
        default=1.5,
        ge=0,
        le=10,
        description="A result stays this long before the next person's picture covers it.",
    )

    # -- the screen ---------------------------------------------------------------------------
    fullscreen: bool = Field(default=True, description="Cover the whole display.")
    width_px: int = Field(default=800, ge=320, le=7680, description="Of the window, if not.")
    height_px: int = Field(default=480, ge=240, le=4320, description="Of the window, if not.")
    theme: Literal["light", "dark"] = Field(default="light", description="Colours.")
    language: str | None = Field(
        default=None, description="Language of the screens. Default: the policy's, else English."
    )
    headless: bool = Field(default=False, description="Draw where nobody sees it: no display.")
    screenshots_dir: Path | None = Field(
        default=None, description="Folder for a PNG of each screen the first time it shows."
    )

    # -- timings ------------------------------------------------------------------------------
    max_events: int = Field(
        default=200_000, ge=100, description="Events that may wait here; then recording stops."
    )
    max_kept_events: int = Field(
        default=60_000,
        ge=0,
        description="Events kept after their delivery, at most; the policy says for how many days."
        " A server that was restored gets them again.",
    )
    sync_interval_s: float = Field(
        default=60.0, ge=1, description="Between two downloads of configuration and gallery."
    )
    status_interval_s: float = Field(
        default=30.0,
        ge=1,
        le=60,
        description="Between two reports of the kiosk's health. A kiosk that says nothing for two"
        " minutes counts as silent on the server.",
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, description="To reach the server.")
    read_timeout_s: float = Field(default=30.0, gt=0, description="To wait for its answer.")
    ack_deadline_s: float = Field(
        default=10.0,
        gt=0,
        description="Events sent through the broker go over HTTP when not acknowledged by then.",
    )
    retry_max_s: float = Field(
        default=60.0, ge=1, description="Longest wait before server or broker are tried again."
    )
    gallery_page: int = Field(
        default=500, ge=1, le=1000, description="Templates asked for in one download page."
    )
    watermark_slack_s: float = Field(
        default=10.0,
        ge=0,
        description="Time a sighting may take to be recorded; the watermark stays behind by this.",
    )

    # -- the process --------------------------------------------------------------------------
    exit_after_replay: bool = Field(
        default=False, description="End when the clip is over and every event is delivered."
    )
    exit_timeout_s: float = Field(
        default=60.0, gt=0, description="End without that so long after the clip (or the start)."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level that is logged."
    )
    log_format: Literal["text", "json"] = Field(default="text", description="Form of a log line.")
    notify_socket: str | None = Field(
        default=None, validation_alias="NOTIFY_SOCKET", description="Set by systemd, not by hand."
    )
    watchdog_usec: int | None = Field(
        default=None, validation_alias="WATCHDOG_USEC", description="Set by systemd, not by hand."
    )

    @model_validator(mode="before")
    @classmethod
    def _without_retired(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name not in _RETIRED}

    @field_validator("http_proxy")
    @classmethod
    def _names_a_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _check_proxy(value.get_secret_value())
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Rank the sources: arguments, environment, TOML file."""
        del dotenv_settings, file_secret_settings
        toml = TomlConfigSettingsSource(settings_cls, toml_file=_file.get() or _named())
        return init_settings, env_settings, toml


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings of this process.

    Args:
        config: TOML file; overrides the variable ROLLCALL_KIOSK_CONFIG.
        **overrides: values that win over everything else (command line, tests).

    Raises:
        UnusableSettingsError: the file is not there, or a value is missing, malformed or unknown.
    """
    named = _named() if config is None else str(config)
    if named is not None and not Path(named).is_file():
        raise UnusableSettingsError(f"the settings file {named} does not exist")
    reading = _file.set(named)
    try:
        return Settings(**overrides)
    except ValidationError as exc:
        raise UnusableSettingsError(_in_words(exc)) from exc
    except ValueError as exc:
        raise UnusableSettingsError(f"the settings file {named} cannot be read: {exc}") from exc
    finally:
        _file.reset(reading)


def _check_proxy(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and name a host")


def _named() -> str | None:
    return os.environ.get(CONFIG_VARIABLE)  # noqa: TID251 - this is where settings are read


def describe_settings() -> list[tuple[str, str, str]]:
    """List every setting as (variable, default, description): the source of --help and the docs."""
    return [
        (
            str(field.validation_alias or f"{ENV_PREFIX}{name.upper()}"),
            "(none)" if field.default is None else str(field.default),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _in_words(error: ValidationError) -> str:
    """Name each wrong setting and why, never its value: it may be a secret."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        f"setting {'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in problems
    )
