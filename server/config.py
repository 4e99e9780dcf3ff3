"""Settings of the server process: environment over TOML file over default, listed once, here."""

import ipaddress
import os
import tomllib
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import icu
from pydantic import (
    AliasChoices,
    Field,
    HttpUrl,
    PrivateAttr,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from server.backup_settings import BackupSettings
from server.errors import ConfigurationError
from server.kiosk_settings import KioskSettings

ENV_PREFIX = "ROLLCALL_SERVER_"
CONFIG_VARIABLE = f"{ENV_PREFIX}CONFIG"
_file: ContextVar[str | None] = ContextVar("settings file of a running load", default=None)


def _also(plain_name: str) -> AliasChoices:
    """Accept the prefixed name, the separation plan's own name, and the plain TOML key."""
    return AliasChoices(f"{ENV_PREFIX}{plain_name}", plain_name, plain_name.lower())


@dataclass(frozen=True)
class SchoolIdentity:
    """What a school is called, its IANA time zone, and the language of its pages."""

    name: str = "Rollcall"
    timezone: str = "UTC"
    language: str = "en"


#: Asks for the school's time zone; it may change while the server runs.
SchoolZone = Callable[[], ZoneInfo]


def known_zone(name: str) -> str:
    """Return the name of a time zone.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as exc:
        raise ValueError("is not an IANA time zone") from exc
    return name


class Settings(BackupSettings, KioskSettings):
    """Everything that can be set, with its unit and default. Loaded once and passed in."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", populate_by_name=True
    )
    _school: SchoolIdentity = PrivateAttr(default=SchoolIdentity())

    # -- where things are ---------------------------------------------------------------------
    data_dir: Path = Field(
        default=Path("rollcall-data"),
        description="Folder for the SQLite file, the encryption keys and the encrypted photos.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="postgresql+psycopg://user:password@host/name. Default: SQLite in data_dir.",
    )
    master_key: SecretStr | None = Field(
        default=None,
        description="Base64 of 32 bytes, or several separated by commas: the first encrypts, all"
        " decrypt. Default: a key file made in data_dir/keys at first start.",
    )

    disk_low_bytes: int = Field(
        default=1024 * 1024 * 1024,
        ge=0,
        description="Free space in data_dir below which `/health` and Today warn, bytes.",
    )

    # -- how it is reached --------------------------------------------------------------------
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks of your reverse proxies, separated by commas. Only their"
        " X-Forwarded-* headers are believed. Default: none.",
    )
    secure_cookies: bool = Field(
        default=False,
        description="Send cookies over HTTPS only. Switch on behind a proxy with HTTPS; where the"
        " server itself has a certificate this is so in any case.",
    )
    public_url: HttpUrl | None = Field(
        default=None,
        description="Address of the server as kiosks reach it, without a path. Default: the one"
        " by which the page with the claim code was opened.",
    )

    # -- secure links -------------------------------------------------------------------------
    tls_certificate: Path | None = Field(
        default=None,
        description="PEM file with a certificate of yours for HTTPS, the server's first. Default:"
        " the one that `rollcall-server certificates` made.",
    )
    tls_key: Path | None = Field(
        default=None, description="PEM file with its key. Default: in the same file."
    )
    tls_ca: Path | None = Field(
        default=None,
        description="PEM file with the authority that signed the certificate which kiosks see, the"
        " one of a proxy too. Default: the school's for certificates of"
        " `rollcall-server certificates`, else kiosks trust the public ones.",
    )
    allow_plain: bool = Field(
        default=False,
        description="Let the server and the broker listen without TLS on other addresses than"
        " loopback. Names and passwords can then be read on the network.",
    )

    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Token that opens /metrics to Prometheus (Authorization: Bearer). Default: only"
        " technicians and administrators who are signed in see it.",
    )

    # -- the school ---------------------------------------------------------------------------
    school_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=80,
        description="Shown in the header. Default: what an admin enters on the page School.",
    )
    timezone: str | None = Field(
        default=None,
        description="IANA time zone of the school. Default: what an admin enters on the page"
        " School; until then UTC.",
    )
    language: Literal["en", "ar"] | None = Field(
        default=None,
        description="Language of the web pages where the browser names none we have. Default: what"
        " an admin enters on the page School; until then en.",
    )
    locale: str = Field(
        default="",
        max_length=80,
        description="Language whose alphabet sorts the names, as a BCP 47 tag: sv, tr, de-AT."
        " Default: the language of the pages.",
    )

    # -- sign-in ------------------------------------------------------------------------------
    sign_in_idle_minutes: int = Field(
        default=60, ge=5, le=1440, description="A sign-in ends after this long without a request."
    )
    sign_in_max_hours: int = Field(
        default=12, ge=1, le=168, description="A sign-in ends after this long in any case."
    )
    lockout_failures: int = Field(
        default=5,
        ge=3,
        le=50,
        description="Wrong passwords in a row from one browser or address before a wait.",
    )
    lockout_minutes: int = Field(
        default=15, ge=1, le=1440, description="How long that browser or address waits then."
    )

    # -- the ML service -----------------------------------------------------------------------
    ml_service_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8001"),
        validation_alias=_also("ML_SERVICE_URL"),
        description="Address of the ML service.",
    )
    ml_service_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=_also("ML_SERVICE_API_KEY"),
        description="Key sent as X-API-Key. No default: without it enrolments wait.",
    )
    ml_service_ca: Path | None = Field(
        default=None,
        description="PEM file with the authorities that sign the ML service's certificate."
        " Default: the public ones.",
    )
    ml_service_client_certificate: Path | None = Field(
        default=None,
        description="PEM file with the certificate that the server shows to the ML service.",
    )
    ml_service_client_key: Path | None = Field(
        default=None, description="PEM file with its key. Default: in the same file."
    )
    ml_service_allow_plain: bool = Field(
        default=False,
        description="Send photos to an ML service on another machine without TLS. They can then be"
        " seen on the network.",
    )
    ml_service_proxy: SecretStr | None = Field(
        default=None,
        validation_alias=_also("ML_SERVICE_PROXY"),
        description="Proxy that requests to the ML service go through, for example"
        " http://proxy.school.example:3128. HTTP_PROXY and .netrc are never used.",
    )
    ml_service_timeout: float = Field(
        default=30.0,
        gt=0,
        le=300,
        validation_alias=_also("ML_SERVICE_TIMEOUT"),
        description="Seconds to wait for an answer of the ML service.",
    )
    ml_service_max_retries: int = Field(
        default=3,
        ge=0,
        le=10,
        validation_alias=_also("ML_SERVICE_MAX_RETRIES"),
        description="Further attempts after a failure, after 1, 2, 4 ... seconds.",
    )

    # -- what is sent -------------------------------------------------------------------------
    bodies_max_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=1024 * 1024,
        description="Memory for the bodies of all requests at a time, bytes; more get 503. At least"
        " one photo fits in any case. 1 MiB of it is for bodies of up to 4 KiB.",
    )
    body_grace_s: float = Field(
        default=15.0,
        gt=0,
        le=600,
        description="How far a body may fall behind body_min_rate, seconds. One that stalls gets"
        " 408 after this time.",
    )
    body_min_rate: float = Field(
        default=16_384.0,
        gt=0,
        description="Rate that a body must keep, bytes a second. Slower ones get 408, earlier where"
        " others need their memory.",
    )

    # -- enrolment ----------------------------------------------------------------------------
    photo_max_bytes: int = Field(
        default=20 * 1024 * 1024,
        ge=10_000,
        description="Largest photo accepted, bytes. Phones of 48 megapixels write up to 20 MB.",
    )
    min_face_area_ratio: float = Field(
        default=0.02, ge=0, le=1, description="Smallest face accepted, as a share of the photo."
    )
    enrolment_workers: int = Field(
        default=1, ge=0, le=16, description="Threads that turn photos into templates."
    )
    job_lease_s: float = Field(
        default=30.0,
        ge=1,
        description="A job whose worker did not renew its claim for this long is started again,"
        " seconds.",
    )

    # -- the broker ---------------------------------------------------------------------------
    broker: Literal["auto", "mosquitto", "embedded"] = Field(
        default="auto",
        description="What `rollcall-server broker` runs; auto: Mosquitto where it is installed.",
    )
    broker_host: str = Field(default="127.0.0.1", description="Address of the MQTT broker.")
    broker_port: int = Field(default=1883, ge=1, le=65535, description="Port of the MQTT broker.")
    broker_tls: bool | None = Field(
        default=None,
        description="Whether the broker speaks TLS. Default: where it has a certificate, made by"
        " `rollcall-server certificates` or named by broker_certificate.",
    )
    broker_ca: Path | None = Field(
        default=None,
        description="PEM file with the authorities that sign the broker's certificate, for the"
        " server and for kiosks. Default: the school's, else the public ones.",
    )
    broker_certificate: Path | None = Field(
        default=None,
        description="PEM file with a certificate of yours for `rollcall-server broker`.",
    )
    broker_key: Path | None = Field(
        default=None, description="PEM file with its key. Default: in the same file."
    )
    broker_public_host: str | None = Field(
        default=None,
        description="Address of the broker as kiosks reach it. Default: the one they reach the"
        " server by.",
    )
    broker_username: str = Field(default="rollcall-server", description="MQTT user of the server.")
    broker_password: SecretStr | None = Field(
        default=None, description="MQTT password of the server. Default: made in data_dir."
    )

    # -- the process --------------------------------------------------------------------------
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level that is logged."
    )

    @field_validator("data_dir")
    @classmethod
    def _fits_an_address(cls, value: Path) -> Path:
        if "?" in str(value.resolve()):
            raise ValueError("must not contain a question mark: the database would lie elsewhere")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for part in filter(None, (one.strip() for one in value.split(","))):
            try:
                network = ipaddress.ip_network(part)
            except ValueError as exc:
                raise ValueError(f"{part} is not an IP address or network") from exc
            if network.prefixlen == 0:
                raise ValueError(f"{part} would believe everybody")
        return value

    @field_validator("ml_service_proxy")
    @classmethod
    def _names_a_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        parts = urlsplit(value.get_secret_value()) if value is not None else None
        if parts is not None and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must begin with http:// or https:// and name a host")
        return value

    @field_validator("public_url")
    @classmethod
    def _without_path(cls, value: HttpUrl | None) -> HttpUrl | None:
        if value is not None and (value.path not in (None, "/") or value.query or value.username):
            raise ValueError("must be scheme, host and port alone, like https://rollcall.example")
        return value

    @model_validator(mode="after")
    def _begin(self) -> Self:
        self.follow(SchoolIdentity())
        return self

    @model_validator(mode="after")
    def _keys_have_certificates(self) -> Self:
        for name in ("tls", "broker", "ml_service_client"):
            has_key = getattr(self, f"{name}_key") is not None
            if has_key and getattr(self, f"{name}_certificate") is None:
                raise ValueError(f"{name}_key needs a {name}_certificate")
        return self

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        return value and known_zone(value)

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        if value:
            try:
                language = icu.Locale.forLanguageTag(value).getLanguage()
            except icu.ICUError as exc:
                raise ValueError("is not a BCP 47 language tag") from exc
            if language not in icu.Locale.getISOLanguages():
                raise ValueError("names no known language")
        return value

    @property
    def names_locale(self) -> str:
        """The language whose alphabet sorts the names, as a BCP 47 tag."""
        return self.locale or self.school.language

    @property
    def zone(self) -> ZoneInfo:
        """The school's time zone."""
        return ZoneInfo(self.school.timezone)

    @property
    def school(self) -> SchoolIdentity:
        """What is set here, else what an admin entered, else the defaults."""
        return self._school

    def follow(self, entered: SchoolIdentity) -> None:
        """Take what an admin entered where nothing is set here; the only change while running."""
        self._school = self.school_as(entered)

    def school_as(self, entered: SchoolIdentity) -> SchoolIdentity:
        """Return what `school` is once `entered` is followed."""
        return SchoolIdentity(
            self.school_name or entered.name,
            self.timezone or entered.timezone,
            self.language or entered.language,
        )

    @property
    def bundles_folder(self) -> Path:
        """Where bundles for new kiosks are."""
        return self.bundles_dir or self.data_dir / "bundles"

    @property
    def sqlalchemy_url(self) -> str:
        """Where the database is, in SQLAlchemy's words."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        file = self.data_dir.resolve() / "rollcall.sqlite3"
        return f"sqlite:///{quote(str(file))}"  # a % in a folder's name is no code

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
        config: TOML file; overrides the variable ROLLCALL_SERVER_CONFIG.
        **overrides: values that win over everything else (command line, tests).

    Raises:
        ConfigurationError: the TOML file does not exist, or is no TOML.
        pydantic.ValidationError: a value is missing, malformed or unknown.
    """
    named = _named() if config is None else str(config)
    if named is not None and not Path(named).is_file():
        raise ConfigurationError(f"The settings file {named} does not exist.")
    reading = _file.set(named)
    try:
        return Settings(**overrides)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f"The settings file {named} is not TOML: {exc}.") from exc
    finally:
        _file.reset(reading)


def _named() -> str | None:
    return os.environ.get(CONFIG_VARIABLE) or None  # noqa: TID251 - this is where settings are read


def environment_name(name: str, field: FieldInfo) -> str:
    """The variable that sets a field; the plan's own name where it has one."""
    if isinstance(field.validation_alias, AliasChoices):
        return str(field.validation_alias.choices[1])
    return f"{ENV_PREFIX}{name.upper()}"


def describe_settings() -> list[tuple[str, str, str]]:
    """List every setting as (variable, default, description): the source of --help and the docs."""
    return [
        (environment_name(name, field), _default_words(field), field.description or "")
        for name, field in sorted(Settings.model_fields.items(), key=_part_of)
    ]


def _part_of(named: tuple[str, FieldInfo]) -> int:
    """Return the place of a setting's part: general settings first, then kiosks, then backups."""
    parts: tuple[type[BaseSettings], ...] = (KioskSettings, BackupSettings)
    found = (place for place, part in enumerate(parts, 1) if named[0] in part.model_fields)
    return next(found, 0)


def _default_words(field: FieldInfo) -> str:
    return "(none)" if field.default is None else str(field.default)
