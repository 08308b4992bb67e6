"""Every setting, read once at start from the environment and `config.toml`; nothing else reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)

from shared.errors import ConfigurationInvalid

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(value: object) -> object:
    """Read `15m`, `30d`, `3600s`, `3600`."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+)([smhd]?)", value.strip())
    if not match:
        raise ValueError("give a duration such as 15m, 30d or 3600")
    return int(match[1]) * _UNITS[match[2]]


def _list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _url(value: object) -> object:
    if isinstance(value, str):
        value = value.strip().rstrip("/")
        if not re.match(r"https?://[^/\s]+", value):
            raise ValueError("give an address that begins with http:// or https://")
    return value


Seconds = Annotated[int, BeforeValidator(_seconds), Field(gt=0)]
Words = Annotated[tuple[str, ...], BeforeValidator(_list)]
Url = Annotated[str, BeforeValidator(_url)]


class Settings(BaseModel):
    """All settings; a field's name in upper case is its environment variable."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    environment: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    backend: Literal["embedded", "google"] = "embedded"
    data_dir: Path = Path("data")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    api_enabled: bool = True
    api_key: SecretStr | None = None
    default_tenant_id: str = Field(default="default", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    anonymous_tenant: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    jwt_secret: SecretStr | None = None
    jwt_refresh_secret: SecretStr | None = None
    jwt_access_ttl: Seconds = 15 * 60
    jwt_refresh_ttl: Seconds = 30 * 86400
    cors_origin: Words = ()
    socket_path: str = Field(default="/socket.io", pattern=r"^/[A-Za-z0-9._/-]+$")

    public_url: Url | None = None
    trusted_proxies: int = Field(default=0, ge=0, le=8)
    upstream_allowlist: Words = ()
    webhook_strict: bool | None = None

    evolution_url: Url | None = None
    evolution_key: SecretStr | None = None
    omni_host: Url | None = None
    omni_api_key: SecretStr | None = None
    telegram_api_id: int | None = None
    telegram_api_hash: SecretStr | None = None
    facebook_verify_token: SecretStr | None = None
    facebook_app_secret: SecretStr | None = None
    openai_api_key: SecretStr | None = None
    openai_model: str = "gpt-4o-mini"
    slack_client_id: str | None = None
    slack_client_secret: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    discord_client_id: str | None = None

    telegram_api_url: Url = "https://api.telegram.org"
    graph_api_url: Url = "https://graph.facebook.com"
    graph_api_version: str = Field(default="v23.0", pattern=r"^v\d+\.\d+$")
    openai_base_url: Url = "https://api.openai.com/v1"
    slack_api_url: Url = "https://slack.com/api"
    discord_api_url: Url = "https://discord.com/api/v10"
    twilio_api_url: Url = "https://api.twilio.com"
    aws_endpoint_url: Url | None = None

    google_cloud_project: str | None = None
    firestore_database: str = "(default)"
    firestore_emulator_host: str | None = None
    pubsub_emulator_host: str | None = None
    media_bucket: str | None = None
    storage_emulator_host: Url | None = None
    secret_manager_emulator_host: str | None = None
    push_audience: str | None = None
    push_service_account: str | None = None
    push_checked_by: Literal["hub", "cloud_run"] = "hub"
    google_certs_url: Url = "https://www.googleapis.com/oauth2/v3/certs"
    threads: int = Field(default=16, ge=1, le=1000)

    trace_ratio: float = Field(default=0.1, ge=0, le=1)

    retry_min_seconds: float = Field(default=10, gt=0)
    retry_max_seconds: float = Field(default=600, gt=0)
    reply_debounce_seconds: float = Field(default=1, ge=0, le=60)

    database_url: SecretStr | None = None

    _borrows_origin: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.production:
            self._check_production()
        if self.backend == "google" and not self.google_cloud_project:
            raise ValueError("GOOGLE_CLOUD_PROJECT: is required when BACKEND=google")
        self._check_push()
        if self.retry_max_seconds < self.retry_min_seconds:
            raise ValueError("RETRY_MAX_SECONDS: must not be smaller than RETRY_MIN_SECONDS")
        self.upstream_networks()
        return self

    def _check_production(self) -> None:
        if self.jwt_secret is None:
            raise ValueError("JWT_SECRET: is required when ENVIRONMENT=production")
        for name in ("jwt_secret", "jwt_refresh_secret"):
            secret: SecretStr | None = getattr(self, name)
            # RFC 7518 section 3.2: an HS256 key has at least 256 bits.
            if secret is not None and len(secret.get_secret_value()) < 32:
                raise ValueError(f"{name.upper()}: must have at least 32 characters when ENVIRONMENT=production")

    def _check_push(self) -> None:
        """Whoever may push events decides what customers are told, so in production nobody may without proof."""
        given = {"PUSH_AUDIENCE": self.push_audience, "PUSH_SERVICE_ACCOUNT": self.push_service_account}
        missing = [name for name, value in given.items() if value is None]
        if self.production and self.backend == "google" and missing:
            raise ValueError(f"{missing[0]}: is required when BACKEND=google and ENVIRONMENT=production")
        if len(missing) == 1:
            raise ValueError(f"{missing[0]}: is required when the other of the two PUSH_ settings is given")

    @property
    def records_spans(self) -> bool:
        """Whether there is a Cloud Trace to tell of the journeys of messages."""
        emulated = self.firestore_emulator_host or self.pubsub_emulator_host
        return self.backend == "google" and not emulated and self.trace_ratio > 0

    @property
    def cloud_project(self) -> str | None:
        """The Google Cloud project, where the hub runs on Google's parts."""
        return self.google_cloud_project if self.backend == "google" else None

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def strict_webhooks(self) -> bool:
        """Refuse a webhook that carries no proof of its sender."""
        return self.production if self.webhook_strict is None else self.webhook_strict

    @property
    def makes_webhook_secrets(self) -> bool:
        """Agree on a secret with a provider that can be told one, so that nobody else can call in its name."""
        return self.public_url is not None and (self.strict_webhooks or not self._borrows_origin)

    def with_origin(self, origin: str) -> Settings:
        """The same settings, in development with the address of a request where PUBLIC_URL is missing."""
        if self.public_url is not None or self.production:
            return self
        borrowed = self.model_copy(update={"public_url": origin})
        borrowed._borrows_origin = True
        return borrowed

    def upstream_networks(self) -> list[IPv4Network | IPv6Network]:
        """The part of `UPSTREAM_ALLOWLIST` that is networks; the rest is host names."""
        networks = []
        for entry in self.upstream_allowlist:
            if re.fullmatch(r"[0-9.]+(/\d+)?|[0-9a-fA-F:]*:[0-9a-fA-F:.]*(/\d+)?", entry):
                try:
                    networks.append(ip_network(entry, strict=False))
                except ValueError as error:
                    raise ValueError(f"UPSTREAM_ALLOWLIST: {error}") from error
        return networks


_TOML_FIELDS = {"enabled": "api_enabled", "host": "host", "port": "port", "api_key": "api_key"}


def _from_toml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    import tomllib  # noqa: PLC0415 - a function in the cloud has no such file, and starts sooner without

    try:
        table = tomllib.loads(path.read_text("utf-8")).get("api", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationInvalid(f"{path.name}: {error}") from error
    if not isinstance(table, dict):
        raise ConfigurationInvalid(f"{path.name}: [api] must be a table")
    return {_TOML_FIELDS[key]: value for key, value in table.items() if key in _TOML_FIELDS and value != ""}


def load_settings(environ: Mapping[str, str] | None = None, toml: Path = Path("config.toml")) -> Settings:
    """Read the settings; an empty variable counts as unset, and the environment wins over `config.toml`.

    Raises `ConfigurationInvalid` with one line that names the variable.
    """
    source = os.environ if environ is None else environ  # noqa: TID251 - the one place that reads it
    given = {name: source[name.upper()] for name in Settings.model_fields if source.get(name.upper(), "").strip()}
    try:
        return Settings.model_validate(_from_toml(toml) | given)
    except ValidationError as error:
        raise ConfigurationInvalid(_first_line(error)) from None


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    return f"{str(first['loc'][0]).upper()}: {message}"
