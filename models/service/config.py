"""Settings of the ML service: environment over TOML file over default, listed once, here."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from models.runtime import RuntimeName
from models.service.keys import CallerKey, caller_keys
from models.service.plan_names import ENV_PREFIX, PLAN_NAMES, values_under_plan_names
from models.service.schemas import DetectorName

CONFIG_VARIABLE = f"{ENV_PREFIX}CONFIG"
_file: ContextVar[str | None] = ContextVar("settings file of a running load", default=None)
MIN_KEY_LENGTH = 8
MAX_AUTOMATIC_WORKERS = 8
_MIB = 1024 * 1024


class ServiceSettingsError(Exception):
    """The settings cannot be read."""


class Settings(BaseSettings):
    """Everything that can be set, with its unit and default. Loaded once and passed in."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="forbid")

    # -- how it is reached --------------------------------------------------------------------
    api_key: SecretStr = Field(
        min_length=MIN_KEY_LENGTH,
        description="Key that every request to /api sends as X-API-Key, at least"
        f" {MIN_KEY_LENGTH} characters without commas. Several, separated by commas, are valid side"
        " by side: one for each caller, or the old and the new one. No default: without it the"
        " service does not start.",
    )
    match_keys: SecretStr | None = Field(
        default=None,
        description="Keys that may also compare vectors (match-faces, batch-match, gallery/check,"
        " gallery/operating-point), separated by commas. A key may stand here and in"
        " ROLLCALL_ML_API_KEY. Default: no key may, and these endpoints answer 403.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Token that opens /metrics, and nothing else, to Prometheus (Authorization:"
        " Bearer). Default: only the keys open it.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8001, ge=0, le=65535, description="Port to listen on.")

    tls_certificate: Path | None = Field(
        default=None,
        description="PEM file with the service's certificate. With it the service speaks HTTPS"
        " alone, and takes a renewed file without a restart.",
    )
    tls_key: Path | None = Field(
        default=None, description="PEM file with its key. Default: in the same file."
    )
    tls_client_ca: Path | None = Field(
        default=None,
        description="PEM file with the authorities that sign callers. With it only callers with"
        " such a certificate get an answer; the key is needed all the same.",
    )
    allow_plain: bool = Field(
        default=False,
        description="Listen without TLS on other addresses than loopback. Photos and keys can then"
        " be read on the network.",
    )

    # -- models -------------------------------------------------------------------------------
    detector: str = Field(
        default="blazeface-full-range", description="Card of the detector for any distance."
    )
    near_detector: str = Field(
        default="blazeface-short-range", description="Card of the detector for faces close up."
    )
    landmarks: str = Field(default="face-mesh", description="Card of the landmark model.")
    embedder: str = Field(
        default="auto",
        description="Card, or card and variant, of the embedder: its dimension is that of every"
        " embedding here. auto: the one that `rollcall-models use` selected, else sface-2021dec"
        " where it is installed, else dlib-resnet-v1.",
    )
    further_embedders: tuple[str, ...] | Literal["auto"] = Field(
        default="auto",
        description="Embedders that serve beside it. auto: every installed one, opened when a"
        " request names it. Or a list of cards (JSON in the environment), opened at start, of which"
        " /api/v1/faces makes templates where the request names none.",
    )
    runtime: RuntimeName = Field(
        default="auto", description="Inference runtime: auto, tflite or litert."
    )
    threads: int = Field(default=1, ge=1, le=64, description="CPU threads of one inference.")

    # -- load ---------------------------------------------------------------------------------
    workers: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Requests computed at the same time; each worker holds its own models"
        f" (about 70 MB). 0: one for each CPU, at most {MAX_AUTOMATIC_WORKERS}.",
    )
    queue_limit: int = Field(
        default=32,
        ge=0,
        le=10_000,
        description="Requests that may wait for a worker; more get 503.",
    )
    queue_timeout_s: float = Field(
        default=10.0, gt=0, le=300, description="Longest wait for a worker before 503, seconds."
    )
    rate_per_minute: int = Field(
        default=12_000,
        ge=0,
        le=1_000_000,
        description="Requests to /api that each key may send in a minute; more get 429."
        " 0: any number.",
    )
    rate_burst: int = Field(
        default=1_000,
        ge=1,
        le=1_000_000,
        description="Requests that a key may send at once after a quiet time.",
    )
    match_per_minute: int = Field(
        default=6_000,
        ge=0,
        le=10_000_000,
        description="Vectors that each key may compare in a minute, and at once after a quiet time;"
        " more get 429. 0: any number.",
    )
    shutdown_grace_s: int = Field(
        default=20, ge=0, le=600, description="Time for running requests at shutdown, seconds."
    )

    # -- limits -------------------------------------------------------------------------------
    max_body_bytes: int = Field(
        default=32 * _MIB, ge=1024, le=1024 * _MIB, description="Largest request body, bytes."
    )
    bodies_max_bytes: int = Field(
        default=256 * _MIB,
        ge=1024,
        le=64 * 1024 * _MIB,
        description="Memory for all request bodies at a time, bytes; more get 503. The largest body"
        " fits in any case. 1 MiB of it is for bodies of up to 4 KiB.",
    )
    body_grace_s: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="How far a request body may fall behind body_min_rate, seconds. One that stalls"
        " gets 408 after this time.",
    )
    body_min_rate: float = Field(
        default=65_536.0,
        gt=0,
        description="Rate that a body must keep, bytes a second. Slower ones get 408, earlier where"
        " others need their memory.",
    )
    max_pixels: int = Field(
        default=50_000_000,
        ge=10_000,
        le=500_000_000,
        description="Largest picture, pixels. It covers 48 megapixels of an iPhone.",
    )
    max_jpeg_pixels: int = Field(
        default=250_000_000,
        ge=10_000,
        le=2_000_000_000,
        description="Largest JPEG that can be decoded row by row, at reduced size, pixels. Phones"
        " write such files. Below max_pixels it has no effect.",
    )
    min_presence: float = Field(
        default=0.8,
        ge=0.0,
        le=1.0,
        description="How sure the landmark model must be that a detection is a face.",
    )
    max_faces: int = Field(
        default=100, ge=1, le=1000, description="Most faces reported for a picture, largest first."
    )
    detect_model: DetectorName = Field(
        default="hog", description="How detect-faces looks where the request does not say."
    )
    num_jitters: int = Field(
        default=2, ge=0, le=100, description="num_jitters where the request does not say."
    )
    confident_threshold: float | None = Field(
        default=None,
        ge=0,
        le=10,
        description="Distances below are confident where the request does not say. Default: 0.50 in"
        " batch-match, the limit of the embedder's card in match-faces.",
    )
    uncertain_threshold: float = Field(
        default=0.60,
        ge=0,
        le=10,
        description="Distances from here on are no match where the request does not say.",
    )
    max_jitters: int = Field(
        default=10, ge=1, le=100, description="Larger num_jitters count as this many."
    )

    # -- the process --------------------------------------------------------------------------
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level that is logged."
    )

    @field_validator("api_key", "match_keys")
    @classmethod
    def _check_keys(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None and any(len(key) < MIN_KEY_LENGTH for key in _keys(keys)):
            raise ValueError(f"each key needs at least {MIN_KEY_LENGTH} characters")
        return keys

    @model_validator(mode="after")
    def _check_thresholds(self) -> Self:
        if (self.confident_threshold or 0.0) > self.uncertain_threshold:
            raise ValueError("confident_threshold must not exceed uncertain_threshold")
        return self

    @model_validator(mode="after")
    def _check_links(self) -> Self:
        if self.tls_certificate is None:
            if self.tls_key is not None or self.tls_client_ca is not None:
                raise ValueError("tls_key and tls_client_ca need a tls_certificate")
            if not (self.allow_plain or _is_loopback(self.host)):
                raise ValueError(
                    f"plain HTTP on {self.host} can be read on the network; set tls_certificate,"
                    " or allow_plain=true"
                )
        return self

    @property
    def callers(self) -> tuple[CallerKey, ...]:
        """The keys, at least one."""
        matching = _keys(self.match_keys) if self.match_keys is not None else ()
        return caller_keys(_keys(self.api_key), matching)

    @property
    def worker_count(self) -> int:
        """Workers on this machine, > 0."""
        return self.workers or min(os.cpu_count() or 1, MAX_AUTOMATIC_WORKERS)

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
        plans = InitSettingsSource(settings_cls, init_kwargs=values_under_plan_names())
        return init_settings, env_settings, plans, toml


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _keys(keys: SecretStr) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.get_secret_value().split(","))


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings of this process.

    Args:
        config: TOML file; overrides the variable ROLLCALL_ML_CONFIG.
        **overrides: values that win over everything else.

    Raises:
        ServiceSettingsError: the TOML file is missing or malformed.
        pydantic.ValidationError: a value is missing, malformed or unknown.
    """
    named = _named() if config is None else str(config)
    if named is not None and not Path(named).is_file():
        raise ServiceSettingsError(f"the settings file {named} does not exist")
    reading = _file.set(named)
    try:
        return Settings(**overrides)
    except tomllib.TOMLDecodeError as error:
        raise ServiceSettingsError(f"the settings file {named} is not TOML: {error}") from error
    finally:
        _file.reset(reading)


def _named() -> str | None:
    return os.environ.get(CONFIG_VARIABLE)  # noqa: TID251 -- this is where settings are read


def describe_settings() -> list[tuple[str, str, str]]:
    """List every setting as (variable, default, description): the source of --help and the docs."""
    return [
        (
            f"{ENV_PREFIX}{name.upper()}",
            "required" if field.is_required() else _default_words(field.default),
            _description(name, field.description or ""),
        )
        for name, field in Settings.model_fields.items()
    ]


def _default_words(default: object) -> str:
    return "(none)" if default is None else str(default)


def _description(name: str, words: str) -> str:
    plan_name = PLAN_NAMES.get(name)
    return f"{words} {plan_name} sets it too." if plan_name else words
