"""The two ways in which the hub is deployed, for tests that hold for both: mark them with `EVERYWHERE`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.adapters.backends import emulators
from tests.google.split_hub import SplitHub, split_hub
from tests.stubs import Stub, stub_server

EVERYWHERE = pytest.mark.parametrize("deployment", ["embedded", "google"], indirect=True)

PROVIDER_URLS = (
    "AWS_ENDPOINT_URL",
    "EVOLUTION_URL",
    "GRAPH_API_URL",
    "SLACK_API_URL",
    "TELEGRAM_API_URL",
    "TWILIO_API_URL",
)


def all_played_at(url: str) -> dict[str, str]:
    """Settings for which one stub is every provider."""
    return dict.fromkeys(PROVIDER_URLS, url) | {"OPENAI_BASE_URL": f"{url}/v1"}


class Shared:
    """The functions and their provider, started for the first test that uses them and shared by the others."""

    def __init__(self, directories: pytest.TempPathFactory, stack: ExitStack) -> None:
        self._directories = directories
        self._stack = stack
        self._provider: Stub | None = None
        self._hub: SplitHub | None = None

    @property
    def provider(self) -> Stub:
        if self._provider is None:
            self._provider = self._stack.enter_context(stub_server())
        return self._provider

    @property
    def hub(self) -> SplitHub:
        if self._hub is None:
            variables = all_played_at(self.provider.url)
            self._hub = self._stack.enter_context(split_hub(self._directories.mktemp("functions"), **variables))
        return self._hub

    def clean(self) -> None:
        """Clean up after a test: empty the store, and then forget the rules and requests of the provider."""
        if self._hub is not None:
            self._hub.start()
            self._hub.forget()
            self._hub.headers = {}
        if self._provider is not None:
            self._provider.reset()


@pytest.fixture
def deployment(request: pytest.FixtureRequest) -> str:
    """`embedded` unless the test is marked."""
    name = str(getattr(request, "param", "embedded"))
    if name == "google":
        require_emulators()
    return name


def require_emulators() -> None:
    """Skip the test where they cannot run; fail it where REQUIRE_EMULATORS=1."""
    missing = emulators.missing()
    if missing and emulators.environment("REQUIRE_EMULATORS") == "1":
        pytest.fail(f"REQUIRE_EMULATORS=1, but {missing}")
    if missing:
        pytest.skip(missing)


@pytest.fixture(scope="session")
def shared_functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with ExitStack() as stack:
        yield Shared(tmp_path_factory, stack)


@pytest.fixture
def provider(deployment: str, shared_functions: Shared) -> Iterator[Stub]:
    """A provider on 127.0.0.1."""
    if deployment == "google":
        yield shared_functions.provider
        shared_functions.clean()
        return
    with stub_server() as stub:
        yield stub
