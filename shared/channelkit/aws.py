"""Calling Amazon's services through botocore, and what its errors mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.channel.config import OPERATORS
from shared.channelkit.providers import refusal
from shared.config import ChannelSettings
from shared.deps import Deps
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable
from shared.outgoing import Answer
from shared.setting_forms import Url

T = TypeVar("T")

CONNECT_SECONDS, ANSWER_SECONDS = 5, 40

# https://docs.aws.amazon.com/general/latest/gr/api-retries.html, and what SES and SNS add
_TEMPORARY = frozenset(
    {
        "InternalFailure",
        "InternalError",
        "LimitExceededException",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class AwsSettings(ChannelSettings):
    """A stand-in for Amazon's own addresses."""

    aws_endpoint_url: Url | None = None


class AwsConfig(BaseModel):
    """The account that a channel uses.

    A key has two halves. In the operator's own tenant both may be left out: botocore then looks for one where
    it always does (profile, role). That one is the operator's, so nobody else's channel may use it.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", examples=["eu-west-1"])
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None

    @model_validator(mode="after")
    def _key_is_whole(self, info: ValidationInfo) -> AwsConfig:
        halves = {"access_key_id": self.access_key_id, "secret_access_key": self.secret_access_key}
        missing = [name for name, half in halves.items() if half is None]
        if not missing or (self.ambient and (info.context or {}).get(OPERATORS)):
            return self
        key_needed = PydanticCustomError("key_wanted", "is needed: a key of your own account at Amazon")
        kind = key_needed if self.ambient else "missing"
        problems: list[InitErrorDetails] = [{"type": kind, "loc": (name,), "input": None} for name in missing]
        # Raised in this way the error names the fields, as it does where one is required.
        raise ValidationError.from_exception_data("AwsConfig", problems)

    @property
    def ambient(self) -> bool:
        """Whether calls are signed with what botocore finds on the machine."""
        return self.access_key_id is None and self.secret_access_key is None


def client(deps: Deps, service: Any, config: AwsConfig) -> Any:
    """A client of a service, kept for a while.

    Raises `ProviderRejected` when botocore cannot make one, as with a profile that is not there,
    and `Overloaded` inside a request that got no slot to call out.
    """
    deps.http.limits.acquire()
    key = ("aws", service, config.region, config.access_key_id)
    return deps.cache.get((*key, _secret(config)), lambda: call("aws", lambda: _new_client(deps, service, config)))


def _new_client(deps: Deps, service: Any, config: AwsConfig) -> Any:
    from botocore.config import Config  # noqa: PLC0415 - costs cold start
    from botocore.session import Session  # noqa: PLC0415 - costs cold start

    # The outbox tries again by its own rules, so botocore must not.
    limits = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    session = Session()
    session.register_component("data_loader", _descriptions())
    return session.create_client(
        service,
        region_name=config.region,
        aws_access_key_id=config.access_key_id,
        aws_secret_access_key=_secret(config),
        endpoint_url=deps.settings.of(AwsSettings).aws_endpoint_url,
        config=limits,
    )


@cache
def _descriptions() -> Any:
    """Amazon's descriptions of its services, each read from disk once: that is most of what making a client costs."""
    from botocore.session import Session  # noqa: PLC0415 - costs cold start

    return Session().get_component("data_loader")


def _secret(config: AwsConfig) -> str | None:
    return config.secret_access_key.get_secret_value() if config.secret_access_key else None


def call(provider: str, do: Callable[[], T]) -> T:
    """Do a call of a client. Raises `ProviderRejected`, `ProviderUnavailable` or `OutcomeUnknown`."""
    from botocore import exceptions as aws  # noqa: PLC0415 - costs cold start
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - costs cold start

    try:
        return do()
    except aws.ClientError as error:
        raise _refused(provider, error.response) from None
    except (aws.EndpointConnectionError, aws.ConnectTimeoutError) as error:
        raise ProviderUnavailable(provider, "no connection") from error
    except aws.HTTPClientError as error:
        raise OutcomeUnknown(provider, "the connection ended without an answer") from error
    except ResponseParserError:
        # What caused it quotes the answer, and some servers quote what they were sent.
        raise OutcomeUnknown(provider, "the answer is not one of Amazon's") from None
    except aws.BotoCoreError as error:
        # Missing credentials, or parameters that cannot be: nothing was sent.
        raise ProviderRejected(provider, f"{type(error).__name__}: {error}") from error


def _refused(provider: str, response: Any) -> ProviderError:
    error, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
    code = str(error.get("Code") or "")
    answer = Answer(int(meta.get("HTTPStatusCode") or 0), dict(meta.get("HTTPHeaders") or {}), b"")
    reason = f"{str(error.get('Message') or 'refused')[:500]} ({code})"
    return refusal(provider, answer, reason, temporary=True if code in _TEMPORARY else None)
