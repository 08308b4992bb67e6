"""A text and how it is to look, before any provider's notation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.domain.messages import Span


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text that looks the same all along: its styles, with the value of each that has one."""

    text: str
    styles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StyledText:
    """A text with spans, of which those of one style do not overlap."""

    text: str
    spans: Sequence[Span] = ()

    def runs(self) -> Iterator[Run]:
        """The text in stretches; spans that lie outside of it are left out."""
        inside = [span for span in self.spans if 0 <= span.start < span.end <= len(self.text)]
        starting: dict[int, list[Span]] = {}
        ending: dict[int, list[Span]] = {}
        for span in inside:
            starting.setdefault(span.start, []).append(span)
            ending.setdefault(span.end, []).append(span)
        active: dict[str, str] = {}
        for start, end in pairwise(sorted({0, len(self.text), *starting, *ending})):
            for span in ending.get(start, ()):
                active.pop(span.style, None)
            for span in starting.get(start, ()):
                active[span.style] = span.value or ""
            yield Run(self.text[start:end], dict(active))

    def cut(self, start: int, end: int) -> StyledText:
        """The characters from `start` to `end` without white space around them; a span cut in two is one of both."""
        part = self.text[start:end]
        start += len(part) - len(part.lstrip())
        end = max(start, end - (len(part) - len(part.rstrip())))
        return StyledText(self.text[start:end], list(self._within(start, end)))

    def _within(self, start: int, end: int) -> Iterator[Span]:
        for span in self.spans:
            first, last = max(span.start, start), min(span.end, end)
            if first < last:
                yield span.model_copy(update={"start": first - start, "end": last - start})


def utf16_length(text: str) -> int:
    """How long a text is for providers, which count UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
