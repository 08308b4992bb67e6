"""The options in an instance's configuration that the hub itself reads, whatever the channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.domain.consent_words import LONGEST

FASTEST = 10_000
"""Messages a second; a pace above it would be none."""

MOST_ANSWERS = 10_000
"""Automatic answers an hour that an instance may allow for one address."""

MOST_HUMAN_PAUSE = 10_080
"""Minutes, a week, for which machines may pause after the last sign of a person."""

PER_MINUTE = 20
"""Messages of one customer after which automatic answers pause."""

_OFF = frozenset({"false", "0", "no", "off"})


def _option(name: str, default: Any = None) -> Any:
    """A field that may also be spelled in camel case; the snake case wins where both are given."""
    return Field(default=default, validation_alias=AliasChoices(name, to_camel(name)))


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _switch(value: object) -> bool:
    return str(value).strip().lower() not in _OFF


def _pace(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= FASTEST:
        raise ValueError(f"give a number from 0 (no limit) to {FASTEST}")
    return float(value)


def _groups(value: object) -> object:
    if value is None or isinstance(value, bool):
        return "none" if value is False else "addressed"
    if value not in ("addressed", "all"):
        raise ValueError('give "addressed", "all" or false')
    return value


def _answers(value: object) -> object:
    if value is None:
        return 20
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_ANSWERS:
        raise ValueError(f"give a whole number from 1 to {MOST_ANSWERS}")
    return value


def _minutes(value: object) -> object:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_HUMAN_PAUSE:
        raise ValueError(f"give a whole number of minutes from 0 (until it is released) to {MOST_HUMAN_PAUSE}")
    return value


def _messages(value: object) -> object:
    if value is None:
        return PER_MINUTE
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_ANSWERS:
        raise ValueError(f"give a whole number from 0 (no limit) to {MOST_ANSWERS}")
    return value


def _phrases(value: object) -> object:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) and 0 < len(each) <= LONGEST for each in value):
        raise ValueError(f"give a list of words of up to {LONGEST} characters")
    return value


Text = Annotated[str | None, BeforeValidator(_text)]


class HubOptions(BaseModel):
    """What a channel does not need to know of its configuration.

    `resend_unknown` sends a message again whose outcome is unknown, and nothing but true switches it on.
    `pace_per_second` is how many messages a second may be sent, 0 for any number, and `replies_per_second` how many
    replies to what a customer just wrote, where that differs. An `answer_format` of `plain` says
    that agents write the text as it is to be sent, and so does Telegram's own `parse_mode`. `csat` asks customers for
    a rating, with `csat_text` as the question. With `groups` as `all` machines answer everything in groups, with false
    nothing, else what speaks to the account. `automatic_answers_per_hour` is how many answers one address gets from
    machines. `human_pause_minutes` is how long machines pause in a conversation after the last sign of its person,
    where that differs from the tenant's. `opt_out_words` and `opt_in_words` are instead of the hub's own.
    After more than `messages_per_minute` of one customer machines pause; 0 is no limit. With
    `read_marks` customers see what people of the business have read. With `growing_answers` they see an AI agent's
    answer while it is being written, where a message can be edited.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    phone_number: Annotated[str | None, BeforeValidator(lambda value: value if isinstance(value, str) else None)] = None
    resend_unknown: Annotated[bool, BeforeValidator(lambda value: value is True)] = _option("resend_unknown", False)
    pace_per_second: Annotated[float | None, BeforeValidator(_pace)] = _option("pace_per_second")
    replies_per_second: Annotated[float | None, BeforeValidator(_pace)] = _option("replies_per_second")
    answer_format: Text = _option("answer_format")
    parse_mode: Annotated[bool, BeforeValidator(bool)] = False
    csat: Annotated[bool, BeforeValidator(_switch)] = True
    csat_text: Text = _option("csat_text")
    growing_answers: Annotated[bool, BeforeValidator(lambda value: value is True)] = _option("growing_answers", False)
    read_marks: Annotated[bool, BeforeValidator(lambda value: value is True)] = _option("read_marks", False)
    groups: Annotated[Literal["addressed", "all", "none"], BeforeValidator(_groups)] = _option("groups", "addressed")
    automatic_answers_per_hour: Annotated[int, BeforeValidator(_answers)] = _option("automatic_answers_per_hour", 20)
    human_pause_minutes: Annotated[int | None, BeforeValidator(_minutes)] = _option("human_pause_minutes")
    messages_per_minute: Annotated[int, BeforeValidator(_messages)] = _option("messages_per_minute", PER_MINUTE)
    opt_out_words: Annotated[list[str] | None, BeforeValidator(_phrases)] = _option("opt_out_words")
    opt_in_words: Annotated[list[str] | None, BeforeValidator(_phrases)] = _option("opt_in_words")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> HubOptions:
        """The options in a configuration; raises `ValidationError` for one that cannot be used."""
        return cls.model_validate(config)

    @property
    def may_be_markdown(self) -> bool:
        """Whether an agent's answer is read as Markdown."""
        return self.answer_format != "plain" and not (self.answer_format is None and self.parse_mode)
