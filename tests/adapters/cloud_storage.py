"""Cloud Storage in memory: what sessions' snapshots need of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote, urlsplit

from tests.stubs import Received, Reply, Stub, stub_server


@contextmanager
def cloud_storage() -> Iterator[Stub]:
    """The bucket `sessions-1`: upload with a precondition, download, listing and deletion."""
    objects: dict[str, tuple[int, bytes]] = {}

    def upload(request: Received) -> Reply:
        query = parse_qs(urlsplit(request.path).query)
        name, expected = query["name"][0], int(query["ifGenerationMatch"][0])
        generation, _ = objects.get(name, (0, b""))
        if generation != expected:
            return Reply(412, json={"error": {"code": 412}})
        objects[name] = (generation + 1, request.body)
        return Reply(json={"name": name, "generation": str(generation + 1)})

    def names(request: Received) -> Reply:
        prefix = parse_qs(urlsplit(request.path).query)["prefix"][0]
        items = [{"name": name} for name in objects if name.startswith(prefix)]
        return Reply(json={"items": items} if items else {})

    def look_up(request: Received) -> Reply:
        name = unquote(urlsplit(request.path).path.rpartition("/")[2])
        if name not in objects:
            return Reply(404, json={"error": {"code": 404}})
        if request.method == "DELETE":
            del objects[name]
            return Reply(204)
        return Reply(content=objects[name][1])

    with stub_server() as stub:
        stub.on("POST", r"^/upload/storage/v1/b/sessions-1/o\?", upload)
        stub.on("GET", r"^/storage/v1/b/sessions-1/o\?", names)
        stub.on("GET", r"^/storage/v1/b/sessions-1/o/", look_up)
        stub.on("DELETE", r"^/storage/v1/b/sessions-1/o/", look_up)
        yield stub
