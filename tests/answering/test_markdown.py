"""What a model's Markdown becomes in each channel's own notation."""

from __future__ import annotations

import pytest

from shared.answering import markdown
from shared.channel import Markup
from shared.channelkit.entities import Entity
from shared.channelkit.notations import NOTATIONS
from shared.channelkit.rendering import apply_markup, entities, render, render_or_none, rendered_length
from shared.channelkit.styled_text import StyledText
from shared.domain.messages import Span
from shared.domain.outbox import OutboxPayload

MARKS: tuple[Markup, ...] = ("slack", "whatsapp", "discord", "html")


def read(text: str) -> StyledText:
    """The one piece that a text without blank lines is."""
    [piece] = markdown.read(text) or [StyledText(text)]
    return piece


@pytest.mark.parametrize(
    ("source", "slack", "whatsapp", "discord", "html"),
    [
        ("**bold**, *it*", "*bold*, _it_", "*bold*, _it_", "**bold**, *it*", "<strong>bold</strong>, <em>it</em>"),
        ("***both***", "*_both_*", "*_both_*", "***both***", "<strong><em>both</em></strong>"),
        ("~~old~~ new", "~old~ new", "~old~ new", "~~old~~ new", "<s>old</s> new"),
        ("run `a<b`", "run `a&lt;b`", "run ```a<b```", "run `a<b`", "run <code>a&lt;b</code>"),
        ("# Title", "*Title*", "*Title*", "**Title**", "<strong>Title</strong>"),
        (
            "[shop](https://x.example/?a=1&b=2)",
            "<https://x.example/?a=1&amp;b=2|shop>",
            "shop (https://x.example/?a=1&b=2)",
            "[shop](https://x.example/?a=1&b=2)",
            '<a href="https://x.example/?a=1&amp;b=2">shop</a>',
        ),
        (
            "<https://x.example/a_b_c>",
            "<https://x.example/a_b_c>",
            "https://x.example/a_b_c",
            "https://x.example/a_b_c",
            '<a href="https://x.example/a_b_c">https://x.example/a_b_c</a>',
        ),
        ("- *a*\n- b", "• _a_\n• b", "- _a_\n- b", "- *a*\n- b", "• <em>a</em><br>\n• b"),
        ("3. a\n4. **b**", "3. a\n4. *b*", "3. a\n4. *b*", "3. a\n4. **b**", "3. a<br>\n4. <strong>b</strong>"),
        ("> q\n> **r**", "> q\n> *r*", "> q\n> *r*", "> q\n> **r**", "&gt; q<br>\n&gt; <strong>r</strong>"),
        ("a & **<!here>**", "a &amp; *&lt;!here&gt;*", "a & *<!here>*", "a & **\\<!here>**", None),
        ("```js\na *b*\n```", "```\na *b*\n```", "```\na *b*\n```", "```js\na *b*\n```", "<pre>a *b*</pre>"),
        ("**a\nb**", "*a*\n*b*", "*a*\n*b*", "**a**\n**b**", "<strong>a</strong><br>\n<strong>b</strong>"),
        # What a notation cannot mark is left plain: within a word, and around its own marks.
        ("**Preis**liste", "Preisliste", "Preisliste", "**Preis**liste", "<strong>Preis</strong>liste"),
        (r"**a \* b**", "a * b", "a * b", r"**a \* b**", "<strong>a * b</strong>"),
        # Arithmetic, names and tables are no marks; nor is HTML.
        ("2*3*4 = 2**3**4", "2*3*4 = 2**3**4", "2*3*4 = 2**3**4", r"2\*3\*4 = 2\*\*3\*\*4", None),
        ("my_own_name __x__", "my_own_name *x*", "my_own_name *x*", r"my\_own\_name **x**", None),
        ("|a|\n|---|\n|1|", "|a|\n|---|\n|1|", "|a|\n|---|\n|1|", "\\|a\\|\n\\|---\\|\n\\|1\\|", None),
        ("<b>x</b> &amp;", "&lt;b&gt;x&lt;/b&gt; &amp;amp;", "<b>x</b> &amp;", "\\<b>x\\</b> &amp;", None),
    ],
)
def test_each_channel_has_its_own_notation(
    source: str, slack: str, whatsapp: str, discord: str, html: str | None
) -> None:
    styled = read(source)
    assert render("slack", styled) == slack
    assert render("whatsapp", styled) == whatsapp
    assert render("discord", styled) == discord
    assert html is None or render("html", styled) == html


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("**bold** [shop](https://x.example)", "bold shop (https://x.example)"),
        ("[me](mailto:a@b.example) [x](/there 'now')", "me (mailto:a@b.example) x (/there) (now)"),
        ("![a cat](https://x.example/cat.png)", "a cat (https://x.example/cat.png)"),
        ("[](https://x.example)", "https://x.example"),
        ("1. one\n   - two\n2.", "1. one\n   - two\n2."),
        ("```what was that", "what was that"),
        ("```\nopen", "open"),
        ("one\n\n\n***\ntwo", "one"),
        ("[x]: https://x.example", "[x]: https://x.example"),
        ("[run](javascript:alert(1))", "[run](javascript:alert(1))"),
    ],
)
def test_without_marks_the_words_are_left_with_their_addresses(source: str, text: str) -> None:
    assert (markdown.read(source) or [StyledText(source)])[0].text == text


@pytest.mark.parametrize("plain", ["", "Hello hub", "a\n\nb", "3.5 - 4 = -0.5", "it's (fine), 100 %: yes!"])
def test_there_is_nothing_to_read_in_plain_text(plain: str) -> None:
    assert markdown.read(plain) is None


def test_what_is_longer_than_any_message_goes_out_as_it_is() -> None:
    assert markdown.read("**bold** " * markdown.MAX_LENGTH) is None


def test_what_cannot_be_shown_goes_out_as_it_is() -> None:
    assert markdown.read("```\n```") is None


def test_blank_lines_part_paragraphs_but_neither_lists_nor_code() -> None:
    groups = markdown.read("Look:\n- a\n\n- b\n\n```\nx\n\ny\n```\n\n**end**")
    assert groups is not None
    assert [group.text for group in groups] == ["Look:\n- a\n\n- b", "x\n\ny", "end"]


def test_telegram_is_told_what_looks_how_in_utf16_units() -> None:
    styled = read("😀 **a *b*** [x](https://x.example) `c`\n- ```\n  py\n  ```")
    text, looks = entities(OutboxPayload(text=styled.text, spans=list(styled.spans)))
    assert text == "😀 a b x c\n• \npy"
    assert looks == [
        Entity("bold", 3, 3, None),
        Entity("italic", 5, 1, None),
        Entity("link", 7, 1, "https://x.example"),
        Entity("code", 9, 1, None),
        Entity("pre", 14, 2, None),
    ]
    assert rendered_length("telegram", styled) == 16


def test_code_is_nothing_else_for_telegram_but_no_link_is_lost() -> None:
    styled = read("**a `b`** [`c`](https://x.example)")
    _, looks = entities(OutboxPayload(text=styled.text, spans=list(styled.spans)))
    assert [(look.style, look.offset, look.length) for look in looks] == [
        ("bold", 0, 2),
        ("code", 2, 1),
        ("link", 4, 1),
    ]


@pytest.mark.parametrize("markup", MARKS)
def test_text_of_a_person_is_left_unchanged(markup: Markup) -> None:
    payload = OutboxPayload(text="2*3*4 <b> _x_")
    assert apply_markup(markup, payload) is payload
    assert entities(payload) == ("2*3*4 <b> _x_", [])


def test_spans_that_lie_outside_of_the_text_are_left_out() -> None:
    spans = [
        Span(style="bold", start=1, end=9),
        Span(style="bold", start=-1, end=1),
        Span(style="code", start=1, end=1),
    ]
    for markup in NOTATIONS:
        assert render(markup, StyledText("ab", spans)) == "ab"  # type: ignore[arg-type]


@pytest.mark.parametrize(("markup", "sent"), [("slack", "(a&amp;b)"), ("whatsapp", "(a&b)"), ("discord", "(a&b)")])
def test_a_message_of_which_nothing_would_be_shown_is_sent_as_it_is(markup: Markup, sent: str) -> None:
    payload = OutboxPayload(text="(a&b)", spans=[Span(style="address", start=0, end=5)])
    assert apply_markup(markup, payload).text == sent
    assert entities(payload) == ("(a&b)", [])


def test_what_fails_to_be_marked_up_is_sent_plain() -> None:
    def write(text: str) -> str:
        raise KeyError(text)

    assert render_or_none(write, "x") is None
