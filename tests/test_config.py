"""Settings are read once, checked, and refused with one line that names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.deployables import load
from shared.channels.slack.config import SlackSettings
from shared.config import Settings, load_settings
from shared.errors import ConfigurationInvalid
from shared.setting_forms import OUR_PATHS

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
        ("SOCKET_GUESTS", "perhaps"),
        ("DEFAULT_TENANT_ID", "../etc"),
        ("RETRY_MIN_SECONDS", "-1"),
        ("REPLY_DEBOUNCE_SECONDS", "nan"),
        ("UPSTREAM_ALLOWLIST", "10.0.0.0/99"),
        ("LOG_LEVEL", "LOUD"),
        ("GRAPH_API_VERSION", "latest"),
        ("REGISTRATION", "maybe"),
        ("JWT_ACCESS_TTL", "3651d"),
        ("JWT_REFRESH_TTL", "9" * 5000),
        ("API_KEY", "schlüssel"),
        ("API_KEY", "two\nlines"),
        ("EVOLUTION_KEY", "tab\tkey"),
        ("CORS_ORIGIN", "*"),
        ("CORS_ORIGIN", "https://a.example,b.example"),
        ("CORS_ORIGIN", "https://a.example/app"),
        ("CORS_ORIGIN", "https://user@a.example"),
        ("CORS_ORIGIN", "https://a.example:99999"),
        ("CORS_ORIGIN", "https://"),
        ("CORS_ORIGIN", "null"),
        ("SOCKET_PATH", "/"),
        ("SOCKET_PATH", "/api"),
        ("SOCKET_PATH", "/sessions/live"),
        ("SOCKET_PATH", "/a/../api"),
        ("SOCKET_PATH", "//live"),
        ("PUBLIC_URL", "https://user:secret@hub.example"),
        ("PUBLIC_URL", "https://hub.example?x=1"),
        ("PUBLIC_URL", "https://hub.example/#top"),
        ("PUBLIC_URL", "https://hub.example:99999"),
        ("PUBLIC_URL", "https://hub.example:"),
        ("PUBLIC_URL", "https://hub.example:port"),
        ("PUBLIC_URL", "https://:8000"),
        ("PUBLIC_URL", "https://hub example"),
        ("PUBLIC_URL", "https://[::1"),
        ("PUBLIC_URL", "https://hüb.example"),
        ("EVOLUTION_URL", "http://user@evolution:8080"),
        ("AWS_ENDPOINT_URL", "http://aws:0"),
        ("UPSTREAM_ALLOWLIST", "http://omni.internal"),
        ("UPSTREAM_ALLOWLIST", "omni.internal:8080"),
        ("UPSTREAM_ALLOWLIST", "omni.internal/path"),
        ("UPSTREAM_ALLOWLIST", "*.internal"),
        ("UPSTREAM_ALLOWLIST", "two words"),
        ("TELEGRAM_API_ID", "0"),
        ("TELEGRAM_API_ID", "-5"),
        ("RETRY_MAX_SECONDS", "inf"),
        ("RETRY_MIN_SECONDS", "nan"),
        ("RETRY_MAX_SECONDS", "1e300"),
        ("TRACE_RATIO", "nan"),
        ("FILES_KEPT_DAYS", "6"),
        ("FILES_KEPT_DAYS", "3651"),
        ("MEDIA_SCAN_URL", "scanner"),
        ("MEDIA_SCAN_URL", "ftp://scanner/scan"),
        ("MEDIA_SCAN_URL", "http://user:secret@scanner/scan"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        _load(**{variable: value})
    assert refused.value.detail.startswith(f"{variable}:")
    assert "\n" not in refused.value.detail


def test_files_are_checked_only_where_some_are_kept() -> None:
    with pytest.raises(ConfigurationInvalid, match="MEDIA_SCAN_URL: needs kept files"):
        _load(MEDIA_SCAN_URL="http://scanner:8080/scan", FILES_PER_TENANT_MB="0")
    with pytest.raises(ConfigurationInvalid, match="MEDIA_SCAN_URL: needs kept files, so FILES_BUCKET"):
        _load(MEDIA_SCAN_URL="http://scanner:8080/scan", BACKEND="google", GOOGLE_CLOUD_PROJECT="shop")


@pytest.mark.parametrize(
    ("variable", "value", "read"),
    [
        ("CORS_ORIGIN", "HTTPS://Desk.Example:443/", ("https://desk.example",)),
        ("CORS_ORIGIN", "http://[::1]:5173,capacitor://localhost", ("http://[::1]:5173", "capacitor://localhost")),
        ("SOCKET_PATH", "/live/io/", "/live/io"),
        ("SOCKET_PATH", "/api-live", "/api-live"),
        ("PUBLIC_URL", "https://hub.example:8443/here/", "https://hub.example:8443/here"),
        ("EVOLUTION_URL", "http://evolution_api:8080", "http://evolution_api:8080"),
        ("GRAPH_API_URL", "http://[::1]:9000", "http://[::1]:9000"),
        ("UPSTREAM_ALLOWLIST", "Omni.internal, 10.0.0.0/8, fd00::/8", ("Omni.internal", "10.0.0.0/8", "fd00::/8")),
        ("TELEGRAM_API_ID", "17", 17),
    ],
)
def test_what_can_work_is_read(variable: str, value: str, read: object) -> None:
    assert getattr(_load(**{variable: value}), variable.lower()) == read


@pytest.mark.parametrize("variable", ["API_KEY", "EVOLUTION_KEY", "OMNI_API_KEY", "OPENAI_API_KEY"])
def test_the_line_end_that_a_file_adds_to_a_key_is_no_part_of_it(variable: str) -> None:
    assert getattr(_load(**{variable: " the key\n"}), variable.lower()).get_secret_value() == "the key"


def test_no_part_of_a_refused_address_or_key_is_repeated() -> None:
    for variable, value in {"PUBLIC_URL": "https://user:pass-word@hub.example", "API_KEY": "pass-word-ü"}.items():
        with pytest.raises(ConfigurationInvalid) as refused:
            _load(**{variable: value})
        assert "pass-word" not in refused.value.detail


def test_socket_io_may_have_no_path_of_a_function() -> None:
    paths = {path.split("/")[1] for row in load().of("split").values() for path in row.paths}
    assert paths - {"socket.io", ""} == OUR_PATHS


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"ENVIRONMENT": "production"}, "JWT_SECRET"),
        ({"JWT_PRIVATE_KEY": "secret"}, "JWT_PRIVATE_KEY"),
        ({"JWT_PUBLIC_KEY": "MC4CAQAwBQYDK2VwBCIEIJymLFwQXwEL76E2F3skVlQUkj8WKZMapBUvG1bx6BUH"}, "JWT_PUBLIC_KEY"),
        ({"ENVIRONMENT": "production", "JWT_SECRET": "short"}, "JWT_SECRET"),
        ({"ENVIRONMENT": "production", "JWT_SECRET": "x" * 32, "API_KEY": "k"}, "API_KEY"),
        ({"ENVIRONMENT": "production", "JWT_SECRET": "x" * 32, "API_KEY": "k" * 31}, "API_KEY"),
        ({"ENVIRONMENT": "production", "JWT_SECRET": "x" * 32, "JWT_REFRESH_SECRET": "y"}, "JWT_REFRESH_SECRET"),
        ({"ENVIRONMENT": "production", "JWT_SECRET": "x" * 32, "SOCKET_GUESTS": "1"}, "SOCKET_GUESTS"),
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


def test_what_is_wrong_in_the_file_is_named_as_it_stands_there(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[api]\nport = "many"\napi_key = "ü"\n')
    with pytest.raises(ConfigurationInvalid, match=r"^config\.toml: \[api\]\.port: "):
        load_settings({"API_KEY": "fine"}, file)
    with pytest.raises(ConfigurationInvalid, match=r"^config\.toml: \[api\]\.api_key: "):
        load_settings({"PORT": "80"}, file)
    with pytest.raises(ConfigurationInvalid, match=r"^PORT: "):
        load_settings({"PORT": "many", "API_KEY": "fine"}, file)


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


def test_a_channels_own_setting_is_refused_at_the_start_in_one_line() -> None:
    with pytest.raises(ConfigurationInvalid, match=r"^SLACK_API_URL: "):
        _load(SLACK_API_URL="slack.com/api")
    assert _load(SLACK_API_URL="http://127.0.0.1:9").of(SlackSettings).slack_api_url == "http://127.0.0.1:9"


def test_a_copy_with_other_values_forgets_what_channels_had_declared() -> None:
    before = _load(SLACK_API_URL="http://127.0.0.1:1")
    assert before.of(SlackSettings).slack_api_url == "http://127.0.0.1:1"
    after = before.model_copy(update={"slack_api_url": "http://127.0.0.1:2"})
    assert after.of(SlackSettings).slack_api_url == "http://127.0.0.1:2"


def test_secrets_that_channels_declare_do_not_show() -> None:
    assert "hidden-secret" not in repr(_load(SLACK_CLIENT_SECRET="hidden-secret"))
