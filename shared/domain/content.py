"""What a customer sees of a message beside its text and its files, in one form for all channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST_ITEMS = 100


def _cut_to(most: int) -> BeforeValidator:
    """Cut what is longer: strangers send it, and a message with too long a quotation is a message all the same."""

    def cut(value: Any) -> Any:
        return value[:most] if isinstance(value, (str, list)) else value

    return BeforeValidator(cut)


_Short = Annotated[str, _cut_to(1_000)]
_Long = Annotated[str, _cut_to(65_536)]
_Few = _cut_to(MOST_ITEMS)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Quote(_Part):
    """The message, story or post that this one answers, as far as the provider shows it again."""

    text: _Long | None = None
    author: _Short | None = None
    is_story: bool = False
    url: _Long | None = None


class Forward(_Part):
    """Where a forwarded message comes from: a person, chat or channel, when the provider says so."""

    author: _Short | None = None


class Press(_Part):
    """The button, list row or menu entry that the customer chose, and the `payload` that lies behind it."""

    title: _Short | None = None
    description: _Short | None = None
    payload: _Long | None = None


class FormAnswer(_Part):
    name: _Short
    value: _Long


class OrderLine(_Part):
    """`price` is for one piece."""

    product: _Short
    quantity: float = 1
    price: float | None = None
    currency: _Short | None = None


class Order(_Part):
    """What a customer ordered. `total` is for all of it, in `currency`."""

    lines: Annotated[list[OrderLine], _Few] = Field(default_factory=list)
    title: _Short | None = None
    note: _Long | None = None
    item_count: int | None = None
    total: float | None = None
    currency: _Short | None = None


class Referral(_Part):
    """The advertisement, product, post or link that led the customer here.

    `ref` is what the link's author put into it, `click_id` what the provider calls the click on an advertisement.
    """

    source: _Short | None = None
    title: _Short | None = None
    text: _Long | None = None
    url: _Long | None = None
    ad_id: _Short | None = None
    product_id: _Short | None = None
    ref: _Short | None = None
    click_id: _Short | None = None


class Poll(_Part):
    """With `multiple` one may vote for several options."""

    question: _Short
    options: Annotated[list[_Short], _Few] = Field(default_factory=list)
    multiple: bool = False


class Payment(_Part):
    amount: float
    currency: _Short
    reference: _Short | None = None


class Content(_Part):
    """Everything of a message that is neither its text nor a file; what a provider does not tell is left out.

    `html` is a mail's own markup, which nobody has made safe: show it in a sandbox. `transcript` is what a
    machine heard in its recordings. `unsupported` says what the provider or the hub could not show.
    """

    subject: _Short | None = None
    html: str | None = None
    cc: Annotated[list[_Short], _Few] = Field(default_factory=list)
    quoted: Quote | None = None
    forwarded: Forward | None = None
    pressed: Press | None = None
    form: Annotated[list[FormAnswer], _Few] = Field(default_factory=list)
    order: Order | None = None
    payment: Payment | None = None
    referral: Referral | None = None
    poll: Poll | None = None
    transcript: _Long | None = None
    unsupported: _Short | None = None

    @property
    def is_empty(self) -> bool:
        return self is NO_CONTENT or self == NO_CONTENT

    def in_words(self) -> list[str]:
        """A line for each thing that an agent is to know beside the text, in the order of the fields."""
        return list(_lines(self))


NO_CONTENT = Content()


def _lines(content: Content) -> Iterator[str]:
    if content.subject:
        yield f"Subject: {content.subject}"
    if content.quoted and (content.quoted.text or content.quoted.is_story):
        yield _quote_in_words(content.quoted)
    if content.forwarded:
        yield f"[forwarded from {content.forwarded.author}]" if content.forwarded.author else "[forwarded]"
    if content.pressed and content.pressed.payload and content.pressed.payload != content.pressed.title:
        yield f"[chose: {content.pressed.payload}]"
    yield from (f"{answer.name}: {answer.value}" for answer in content.form)
    if content.order:
        yield from _order_in_words(content.order)
    if content.payment:
        yield _joined("paid", f"{content.payment.amount:g} {content.payment.currency}", content.payment.reference)
    if content.referral:
        yield _referral_in_words(content.referral)
    if content.poll:
        yield _joined("poll", content.poll.question, " / ".join(content.poll.options))
    yield from _labelled(("said", content.transcript), ("a message that cannot be shown", content.unsupported))


def _labelled(*texts: tuple[str, str | None]) -> Iterator[str]:
    return (f"[{label}: {text}]" for label, text in texts if text)


def _quote_in_words(quote: Quote) -> str:
    about = "a story" if quote.is_story else "a message"
    author = f" by {quote.author}" if quote.author else ""
    return f"[answers {about}{author}{': ' + quote.text if quote.text else ''}]"


def _order_in_words(order: Order) -> Iterator[str]:
    if order.note:
        yield order.note
    if order.title or order.item_count:
        count = f"{order.item_count} items" if order.item_count else None
        yield _joined("order", order.title, count)
    for line in order.lines:
        price = f" at {line.price:g} {line.currency or order.currency or ''}".rstrip() if line.price is not None else ""
        yield f"{line.quantity:g} x {line.product}{price}"
    if order.total is not None:
        yield f"Total: {order.total:g} {order.currency or ''}".rstrip()


def _referral_in_words(referral: Referral) -> str:
    product = f"product {referral.product_id}" if referral.product_id else None
    ad = f"advertisement {referral.ad_id}" if referral.ad_id else None
    return _joined("came from", referral.title, referral.text, product, ad, referral.url, referral.ref)


def _joined(about: str, *parts: str | None) -> str:
    return f"[{about}: {', '.join(part for part in parts if part)}]"
