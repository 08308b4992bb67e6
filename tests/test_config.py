"""Settings are read once, checked, and refused with one line that names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.config import Settings, load_settings
from shared.errors import ConfigurationInvalid

NO_FILE = Path("there-is-no-such-file.toml")


def _load(**variables: str) -> Settings:
    return load_settings(variables, NO_FILE)


def test_without_any_variable_the_defaults_hold() -> None:
    settings = _load()
    assert (settings.host, settings.port, settings.backend) == ("127.0.0.1", 8000, "embedded")
    assert not settings.production
    assert not settings.strict_webhooks


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("ENVIRONMENT", "staging"),
        ("BACKEND", "postgres"),
        ("JWT_ACCESS_TTL", "soon"),
        ("JWT_ACCESS_TTL", "0"),
        ("PUBLIC_URL", "hub.example.com"),
        ("EVOLUTION_URL", "ftp://evolution"),
        ("SOCKET_PATH", "socket.io"),
        ("DEFAULT_TENANT_ID", "../etc"),
        ("RETRY_MIN_SECONDS", "-1"),
        ("REPLY_DEBOUNCE_SECONDS", "nan"),
        ("UPSTREAM_ALLOWLIST", "10.0.0.0/99"),
        ("LOG_LEVEL", "LOUD"),
        ("GRAPH_API_VERSION", "latest"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        _load(**{variable: value})
    assert refused.value.detail.startswith(f"{variable}:")
    assert "\n" not in refused.value.detail


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"ENVIRONMENT": "production"}, "JWT_SECRET"),
        ({"ENVIRONMENT": "production", "JWT_SECRET": "short"}, "JWT_SECRET"),
        ({"ENVIRONMENT": "production", "JWT_SECRET": "x" * 32, "JWT_REFRESH_SECRET": "y"}, "JWT_REFRESH_SECRET"),
        ({"BACKEND": "google"}, "GOOGLE_CLOUD_PROJECT"),
        ({"PUSH_AUDIENCE": "https://hub.example"}, "PUSH_SERVICE_ACCOUNT"),
        ({"PUSH_SERVICE_ACCOUNT": "push@hub.example"}, "PUSH_AUDIENCE"),
        (
            {"BACKEND": "google", "GOOGLE_CLOUD_PROJECT": "hub", "ENVIRONMENT": "production", "JWT_SECRET": "x" * 32},
            "PUSH_AUDIENCE",
        ),
        ({"RETRY_MIN_SECONDS": "20", "RETRY_MAX_SECONDS": "10"}, "RETRY_MAX_SECONDS"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(variables: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=named):
        _load(**variables)


def test_a_refused_secret_is_not_repeated() -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        _load(ENVIRONMENT="production", JWT_SECRET="my-short-secret")
    assert "my-short-secret" not in refused.value.detail


@pytest.mark.parametrize(
    ("text", "seconds"), [("15m", 900), ("30d", 2_592_000), ("3600s", 3600), ("2h", 7200), ("5", 5)]
)
def test_durations_are_read_in_every_documented_form(text: str, seconds: int) -> None:
    assert _load(JWT_ACCESS_TTL=text).jwt_access_ttl == seconds


def test_lists_are_comma_separated_and_empty_variables_count_as_unset() -> None:
    settings = _load(CORS_ORIGIN=" https://a.example , https://b.example,", API_KEY="", PUBLIC_URL="https://h.example/")
    assert settings.cors_origin == ("https://a.example", "https://b.example")
    assert settings.api_key is None
    assert settings.public_url == "https://h.example"


def test_production_is_strict_about_webhooks_unless_told_otherwise() -> None:
    production = {"ENVIRONMENT": "production", "JWT_SECRET": "x" * 32}
    assert _load(**production).strict_webhooks
    assert not _load(**production, WEBHOOK_STRICT="false").strict_webhooks


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        _load().port = 1  # type: ignore[misc]  # that is what is tested


def test_the_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[api]\nenabled = false\nhost = "0.0.0.0"\nport = 3000\napi_key = "from-the-file"\n')
    settings = load_settings({"PORT": "3001"}, file)
    assert (settings.host, settings.port, settings.api_enabled) == ("0.0.0.0", 3001, False)  # noqa: S104 - as written
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "from-the-file"


def test_an_empty_key_in_the_file_means_none(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[api]\napi_key = ""\n')
    assert load_settings({}, file).api_key is None


@pytest.mark.parametrize("text", ["[api", "api = 3", '[api]\nport = "many"'])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationInvalid):
        load_settings({}, file)
