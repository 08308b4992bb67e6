"""From method and path to a view, for a handful of routes: werkzeug's map would compile code for each of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from werkzeug.exceptions import MethodNotAllowed, NotFound

View = TypeVar("View")


class Router(Generic[View]):
    """Finds views by routes such as `/webhook/<name>`: of several that fit, the one whose words come first.

    A parameter stands for one whole segment. Slashes at the end, and more than one in a row, make no difference.
    """

    def __init__(self, routes: Iterable[tuple[str, str, View]]) -> None:
        self._routes: dict[int, list[tuple[list[str], str, View]]] = {}
        for method, path, view in routes:
            parts = _segments(path)
            self._routes.setdefault(len(parts), []).append((parts, method, view))
        for routes_of_length in self._routes.values():
            routes_of_length.sort(key=lambda route: [_is_parameter(part) for part in route[0]])

    def match(self, method: str, path: str) -> tuple[View, dict[str, str]]:
        """The view and its arguments; raises `NotFound` or `MethodNotAllowed`. HEAD goes where GET goes."""
        requested = "GET" if method == "HEAD" else method
        segments = _segments(path)
        allowed: set[str] = set()
        for parts, served, view in self._routes.get(len(segments), ()):
            if all(part == segment or _is_parameter(part) for part, segment in zip(parts, segments, strict=True)):
                if served == requested:
                    pairs = zip(parts, segments, strict=True)
                    return view, {part[1:-1]: segment for part, segment in pairs if _is_parameter(part)}
                allowed |= {"GET", "HEAD"} if served == "GET" else {served}
        if allowed:
            raise MethodNotAllowed(sorted(allowed))
        raise NotFound


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _is_parameter(part: str) -> bool:
    return part[0] == "<"
