"""Every setting, read once at start from the environment and `config.toml`; nothing else reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo

from shared.errors import ConfigurationInvalid
from shared.setting_forms import (
    HeaderKey,
    Hosts,
    KeptDays,
    Names,
    Origins,
    Pause,
    Prices,
    PrivateKey,
    PublicKey,
    Seconds,
    SocketPath,
    TraceHeaders,
    Url,
    networks_of,
)
from shared.setting_index import DECLARED_BY

C = TypeVar("C", bound="ChannelSettings")


class ChannelSettings(BaseModel):
    """Settings of the deployment that a channel, or a family of channels, declares beside its own code.

    As in `Settings`, a field's name in upper case is its environment variable. `setting_index.py` lists the fields of
    all subclasses; `make fix` writes it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class Settings(BaseModel):
    """All settings; a field's name in upper case is its environment variable.

    What channels declare (`ChannelSettings`) lies beside the fields and is read by `of`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    environment: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    backend: Literal["embedded", "google"] = "embedded"
    data_dir: Path = Path("data")
    accept_lost_secrets: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] | None = None

    api_enabled: bool = True
    api_key: HeaderKey | None = None
    default_tenant_id: str = Field(default="default", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    anonymous_tenant: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    jwt_private_key: PrivateKey | None = None
    jwt_public_key: PublicKey | None = None
    jwt_secret: SecretStr | None = None
    jwt_refresh_secret: SecretStr | None = None
    rate_limit_tenant: int = Field(default=12_000, ge=60, le=10_000_000)
    rate_limit_key: int = Field(default=3_000, ge=60, le=10_000_000)
    jwt_access_ttl: Seconds = 15 * 60
    jwt_refresh_ttl: Seconds = 30 * 86400
    registration: Literal["open", "closed"] | None = None
    cors_origin: Origins = ()
    socket_path: SocketPath = "/socket.io"
    socket_guests: bool = False

    public_url: Url | None = None
    trusted_proxies: int = Field(default=0, ge=0, le=8)
    upstream_allowlist: Hosts = ()
    webhook_strict: bool | None = None

    omni_host: Url | None = None
    omni_api_key: HeaderKey | None = None
    openai_api_key: HeaderKey | None = None
    openai_model: str = "gpt-4o-mini"
    openai_models: Names = ()
    openai_image_models: Names = (
        *("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"),
        *("gpt-5", "gpt-5-mini", "gpt-5-nano"),
    )
    openai_transcription_model: str | None = None
    openai_base_url: Url = "https://api.openai.com/v1"
    openai_max_tokens: int = Field(default=1024, ge=1, le=100_000)
    openai_prices: Prices = Field(default_factory=dict)
    ai_tokens_per_day: int = Field(default=2_000_000, ge=1, le=10**12)
    ai_money_per_day: float | None = Field(default=None, gt=0, le=1_000_000, allow_inf_nan=False)

    google_cloud_project: str | None = None
    firestore_database: str = "(default)"
    firestore_emulator_host: str | None = None
    pubsub_emulator_host: str | None = None
    media_bucket: str | None = None
    files_bucket: str | None = None
    sessions_bucket: str | None = None
    storage_emulator_host: Url | None = None
    secret_manager_emulator_host: str | None = None
    holders_pool: str | None = None
    holders_max: int = Field(default=10, ge=1, le=100)
    cloud_run_emulator_host: str | None = None
    push_audience: str | None = None
    push_service_account: str | None = None
    push_checked_by: Literal["hub", "cloud_run"] = "hub"
    google_certs_url: Url = "https://www.googleapis.com/oauth2/v3/certs"
    threads: int = Field(default=16, ge=1, le=1000)
    long_polls: int = Field(default=500, ge=1, le=1000)

    file_limit_mb: int = Field(default=25, ge=1, le=25)
    files_per_tenant_mb: int = Field(default=10_240, ge=0, le=10**9)
    files_kept_days: KeptDays = 365
    media_scan_url: Url | None = None
    disk_reserve_mb: int = Field(default=500, ge=0, le=10**7)

    trace_ratio: float = Field(default=0.1, ge=0, le=1)
    otel_exporter_otlp_endpoint: Url | None = None
    otel_exporter_otlp_headers: TraceHeaders = Field(default_factory=dict)
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65535)

    retry_min_seconds: Pause = Field(default=10, gt=0)
    retry_max_seconds: Pause = Field(default=600, gt=0)
    reply_debounce_seconds: float = Field(default=1, ge=0, le=60)

    database_url: SecretStr | None = None

    _origin: str | None = PrivateAttr(default=None)
    _declared: dict[type[ChannelSettings], ChannelSettings] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.production:
            self._check_production()
        if self.backend == "google" and not self.google_cloud_project:
            raise ValueError("GOOGLE_CLOUD_PROJECT: is required when BACKEND=google")
        self._check_push()
        self._check_prices()
        if self.media_scan_url is not None and self.files_per_tenant_mb == 0:
            raise ValueError("MEDIA_SCAN_URL: needs kept files, so FILES_PER_TENANT_MB must not be 0")
        if self.media_scan_url is not None and self.backend == "google" and self.files_bucket is None:
            raise ValueError("MEDIA_SCAN_URL: needs kept files, so FILES_BUCKET is required when BACKEND=google")
        if self.retry_max_seconds < self.retry_min_seconds:
            raise ValueError("RETRY_MAX_SECONDS: must not be smaller than RETRY_MIN_SECONDS")
        return self

    def _check_production(self) -> None:
        if self.socket_guests:
            raise ValueError("SOCKET_GUESTS: is for development, and must be off when ENVIRONMENT=production")
        if self.jwt_secret is None and self.jwt_public_key is None and self.jwt_private_key is None:
            raise ValueError("JWT_PRIVATE_KEY: is required when ENVIRONMENT=production, or JWT_SECRET in its place")
        for name in ("jwt_secret", "jwt_refresh_secret", "api_key"):
            secret: SecretStr | None = getattr(self, name)
            # RFC 7518 section 3.2: an HS256 key has at least 256 bits. A key that owns a tenant is no easier to guess.
            if secret is not None and len(secret.get_secret_value()) < 32:
                raise ValueError(f"{name.upper()}: must have at least 32 characters when ENVIRONMENT=production")

    def _check_push(self) -> None:
        """Whoever may push events decides what customers are told, so in production nobody may without proof."""
        values = {"PUSH_AUDIENCE": self.push_audience, "PUSH_SERVICE_ACCOUNT": self.push_service_account}
        missing = [name for name, value in values.items() if value is None]
        if self.production and self.backend == "google" and missing:
            raise ValueError(f"{missing[0]}: is required when BACKEND=google and ENVIRONMENT=production")
        if len(missing) == 1:
            raise ValueError(f"{missing[0]}: is required when the other of the two PUSH_ settings is given")

    def _check_prices(self) -> None:
        """A budget of money holds for models alone whose prices are told."""
        if self.ai_money_per_day is None:
            return
        models = (self.openai_model, *self.openai_models, self.openai_transcription_model)
        missing = [model for model in models if model is not None and model not in self.openai_prices]
        if missing:
            raise ValueError(f"OPENAI_PRICES: must tell the price of {missing[0]} when AI_MONEY_PER_DAY is given")

    def of(self, declared: type[C]) -> C:
        """The settings that a channel declares, validated once."""
        settings = self._declared.get(declared)
        if settings is None:
            settings = self._declared[declared] = declared.model_validate(self.model_extra)
        return cast("C", settings)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's; what channels declare is validated anew where anything changes."""
        copied = super().model_copy(update=update, deep=deep)
        if update:
            copied._declared = {}
        return copied

    @property
    def has_cloud_trace(self) -> bool:
        """Whether there is a Cloud Trace to tell of the journeys of messages."""
        emulated = self.firestore_emulator_host or self.pubsub_emulator_host
        return self.backend == "google" and not emulated

    @property
    def records_spans(self) -> bool:
        """Whether anybody is told of the journeys of messages."""
        return self.trace_ratio > 0 and (self.has_cloud_trace or self.otel_exporter_otlp_endpoint is not None)

    @property
    def keeps_sessions(self) -> bool:
        """Whether there is a place for the state of sessions that the hub holds itself."""
        return self.backend == "embedded" or self.sessions_bucket is not None

    @property
    def cloud_project(self) -> str | None:
        """The Google Cloud project, where the hub runs on Google's parts."""
        return self.google_cloud_project if self.backend == "google" else None

    def allows_model(self, model: str | None) -> bool:
        """Whether an AI agent may use a model; the deployment's own is always allowed."""
        return model in (None, self.openai_model, *self.openai_models) or self._allows_any_model

    def takes_pictures(self, model: str | None) -> bool:
        """Whether a model is shown the pictures that customers send; None is the deployment's own."""
        return not {model or self.openai_model, "*"}.isdisjoint(self.openai_image_models)

    @property
    def _allows_any_model(self) -> bool:
        """Unless told otherwise a deployment pays only for the model that it chose."""
        return "*" in self.openai_models or not (self.openai_models or self.production)

    @property
    def registration_is_open(self) -> bool:
        """Whether anybody may make a tenant of their own."""
        return not self.production if self.registration is None else self.registration == "open"

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
        return self.public_url is not None or (self.own_address is not None and self.strict_webhooks)

    @property
    def hides_channels(self) -> bool:
        """Answer a webhook for a channel that does not exist as one that does not prove itself.

        Where strangers call, that keeps them from learning which names there are.
        """
        return self.strict_webhooks or self.public_url is not None

    @property
    def own_address(self) -> str | None:
        """Where who is near reaches us: PUBLIC_URL, else in development the origin of the request that is served."""
        return self.public_url or self._origin

    def with_origin(self, origin: str) -> Settings:
        """The same settings, in development with a request's origin as `own_address` where PUBLIC_URL is missing."""
        if self.public_url is not None or self.production:
            return self
        borrowed = self.model_copy()
        borrowed._origin = origin
        return borrowed

    def upstream_networks(self) -> list[IPv4Network | IPv6Network]:
        """The part of `UPSTREAM_ALLOWLIST` that is networks; the rest is host names."""
        return networks_of(self.upstream_allowlist)


def setting_fields() -> dict[str, FieldInfo]:
    """Every setting by name, those of all channels too, which this imports."""
    return {**Settings.model_fields, **{name: _declaring_model(name).model_fields[name] for name in DECLARED_BY}}


def _declaring_model(name: str) -> type[ChannelSettings]:
    module, _, model = DECLARED_BY[name].partition(":")
    declaring: type[ChannelSettings] = getattr(import_module(module), model)
    return declaring


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
    values = {
        name: source[name.upper()]
        for name in (*Settings.model_fields, *DECLARED_BY)
        if source.get(name.upper(), "").strip()
    }
    written = _from_toml(toml)
    try:
        return Settings.model_validate(written | values | _channel_settings(values))
    except ValidationError as error:
        labels = {field: f"{toml.name}: [api].{key}" for key, field in _TOML_FIELDS.items() if field in written}
        raise ConfigurationInvalid(_first_line(error, labels | {name: name.upper() for name in values})) from None


def _channel_settings(values: Mapping[str, str]) -> dict[str, Any]:
    """The values that channels declare, checked; only the channels that have any are imported."""
    checked: dict[str, Any] = {}
    for model in dict.fromkeys(_declaring_model(name) for name in values if name in DECLARED_BY):
        settings = model.model_validate(values)
        checked |= {name: getattr(settings, name) for name in settings.model_fields_set}
    return checked


def _first_line(error: ValidationError, labels: Mapping[str, str]) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    name = str(first["loc"][0])
    return f"{labels.get(name, name.upper())}: {message}"
