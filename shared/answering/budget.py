"""What the deployment's language model may cost a tenant in a day (UTC).

    ai_usage/{tenant, day, shard}     tokens and money of the calls so far, and of those under way

A call is counted before it is made, as what it may cost at most, and set right when its answer is there. So calls at
once cannot all fit into the rest of a budget, and one whose answer never came counts as made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from shared import pseudorandom
from shared.deps import Deps
from shared.documents import Increment, ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.ids import stable_id
from shared.domain.notifications import Notification
from shared.errors import ProviderRejected

NAME = "the language model"
CHARACTERS_PER_TOKEN = 3
"""Of English it is four; a budget is rather used up too soon."""

TOKENS_PER_PICTURE = 1_500
"""About what OpenAI counts of a large one. https://platform.openai.com/docs/guides/images-vision"""

PICTURE = "image_url"
"""The type of a part of a message that is a picture."""

_MICROS = 1_000_000
_NOTICES = (
    (
        0.8,
        "AI agents have used 80 % of today's budget",
        "When all of it is used, they stop until midnight (UTC) and customers wait for a person.",
    ),
    (
        1.0,
        "AI agents have stopped: today's budget is used up",
        "Customers wait for a person until midnight (UTC), when the agents answer again.",
    ),
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one call of a model took in and gave out."""

    prompt: int
    completion: int

    @property
    def total(self) -> int:
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Reservation:
    """A call that is counted, as `tokens`, for `tenant_id`."""

    deps: Deps
    tenant_id: str
    model: str
    tokens: Tokens
    usage_id: str
    used_before: float

    def settle(self, tokens: Tokens) -> None:
        """Count what the call took instead of what it might have taken."""
        _add(self.deps, self.usage_id, self.model, tokens, self.tokens)
        share = _share(self.deps, tokens.total, _micros(self.deps, self.model, tokens))
        _warn(self.deps, self.tenant_id, self.used_before + share)

    def release(self) -> None:
        """Count nothing: the model was not asked, or refused."""
        _add(self.deps, self.usage_id, self.model, Tokens(0, 0), self.tokens)


def prompt_tokens(messages: Sequence[Mapping[str, Any]], functions: Sequence[object]) -> int:
    """How many tokens a call may take in at most."""
    contents = [message["content"] for message in messages if isinstance(message.get("content"), list)]
    pictures = [part for content in contents for part in content if part["type"] == PICTURE]
    length = len(json.dumps([messages, functions])) - sum(len(json.dumps(picture)) for picture in pictures)
    return length // CHARACTERS_PER_TOKEN + len(pictures) * TOKENS_PER_PICTURE


def reserve(deps: Deps, tenant_id: str, model: str, prompt: int) -> Reservation:
    """Count a call that is about to be made, of `prompt` tokens.

    Raises `ProviderRejected` when the tenant's budget is used up, and for a model without a price where money is
    counted.
    """
    if deps.settings.ai_money_per_day is not None and model not in deps.settings.openai_prices:
        raise ProviderRejected(NAME, f"{model} has no price here (OPENAI_PRICES): give the agent another model")
    today = deps.now()
    usages = UnitOfWork(deps.store).ai_usage.get_many(ids.ai_usages(tenant_id, today))
    used = _share(deps, sum(usage.tokens for usage in usages), sum(usage.micros for usage in usages))
    _warn(deps, tenant_id, used)
    if used >= 1:
        raise ProviderRejected(NAME, "today's budget for AI agents is used up: they answer again after midnight (UTC)")
    at_most = Tokens(prompt, deps.settings.openai_max_tokens)
    usage_id = ids.ai_usages(tenant_id, today)[int(pseudorandom.uniform(0, ids.COUNTER_SHARDS))]
    _add(deps, usage_id, model, at_most, Tokens(0, 0))
    return Reservation(deps, tenant_id, model, at_most, usage_id, used)


def _add(deps: Deps, usage_id: str, model: str, tokens: Tokens, instead_of: Tokens) -> None:
    micros = _micros(deps, model, tokens) - _micros(deps, model, instead_of)
    unit = UnitOfWork(deps.store)
    unit.ai_usage.patch(
        usage_id,
        tokens=Increment(tokens.total - instead_of.total),
        micros=Increment(micros),
        expires_at=deps.now() + timedelta(days=3),
    )
    unit.commit()


def _micros(deps: Deps, model: str, tokens: Tokens) -> int:
    """What tokens cost, in millionths; prices are for a million tokens."""
    price = deps.settings.openai_prices.get(model)
    return round(tokens.prompt * price.prompt + tokens.completion * price.completion) if price else 0


def _share(deps: Deps, tokens: int, micros: int) -> float:
    """The part of the day's budget that this is: of tokens or of money, whichever is more."""
    settings = deps.settings
    of_money = micros / (settings.ai_money_per_day * _MICROS) if settings.ai_money_per_day else 0.0
    return max(tokens / settings.ai_tokens_per_day, of_money)


def _warn(deps: Deps, tenant_id: str, used: float) -> None:
    """Tell the tenant once a day that most of its budget is used, and once that all of it is."""
    now = deps.now()
    for limit, title, message in _NOTICES:
        if used < limit:
            continue
        notification = Notification(
            id=stable_id("ai-budget", tenant_id, f"{now:%Y%m%d}", str(limit)),
            tenant_id=tenant_id,
            type="ai_budget",
            title=title,
            message=message,
            created_at=now,
        )
        # A process asks the store about it again only after a while.
        deps.cache.get(("notification", notification.id), partial(_notify, deps, notification))


def _notify(deps: Deps, notification: Notification) -> bool:
    deps.notify(deps, notification)
    return True
