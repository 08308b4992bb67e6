"""A headless Chromium, driven over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import websocket

# The first has no windows: a page takes a quarter of the time.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_START_SECONDS = 60.0
_WAIT_SECONDS = 50.0

KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38}


def program() -> str | None:
    """The browser's path; None where there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Browser:
    """One process with a profile of its own."""

    def __init__(self, path: str, profile: Path) -> None:
        self._log = (profile.parent / f"{profile.name}.log").open("w")
        command = [path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        command += ["--disable-extensions", "--disable-background-networking", "--remote-debugging-port=0"]
        # Without a network of its own: what is not served from here does not exist.
        command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={profile}"]
        # In a group of its own: on Debian the program is a script that starts the browser, and does not end it.
        self.process = subprocess.Popen(
            [*command, "about:blank"], stdout=self._log, stderr=self._log, start_new_session=True
        )
        port, path = self._address(profile / "DevToolsActivePort")
        self._url = f"ws://127.0.0.1:{port}{path}"
        self._ids = itertools.count(1)
        self._contexts: list[str] = []
        self.pages: dict[str, Page] = {}
        self._connect()

    def _connect(self) -> None:
        self._socket = websocket.create_connection(self._url, timeout=_WAIT_SECONDS, suppress_origin=True)
        self._is_torn = False

    def _address(self, file: Path) -> tuple[str, str]:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, Path(self._log.name).read_text()
            if file.exists() and len(lines := file.read_text().splitlines()) == 2:
                return lines[0], lines[1]
            time.sleep(0.02)
        raise AssertionError(f"the browser did not start: {Path(self._log.name).read_text()}")

    def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Call a method; events that come meanwhile go to their pages."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        # Whatever ends a test in the middle, such as its time-out, may leave half a frame behind.
        self._is_torn = True
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while (came := json.loads(self._socket.recv())).get("id") != number:
            if "method" in came and (page := self.pages.get(came.get("sessionId", ""))):
                page.happened(came["method"], came["params"])
        self._is_torn = False
        assert "error" not in came, (method, came["error"])
        return came["result"]

    def page(self, url: str, width: int = 1280, height: int = 800) -> Page:
        """Open a page in a window without other pages' cookies and storage."""
        if self._is_torn:
            self._socket.close()
            self._connect()
        context = self.call("Target.createBrowserContext")["browserContextId"]
        self._contexts.append(context)
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Accessibility"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        page.open(url)
        return page

    def close_pages(self) -> None:
        """Close all windows with their cookies and storage: an open page goes on working, beside every later test."""
        while self._contexts:
            self.call("Target.disposeBrowserContext", browserContextId=self._contexts.pop())
        self.pages.clear()

    def close(self) -> None:
        self._socket.close()
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)
        self._log.close()


class Page:
    """A page; `complaints` is what the browser said against it: exceptions, refused content, failed requests."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self._contexts: dict[int, dict[str, Any]] = {}
        self.complaints: list[str] = []

    def call(self, method: str, **params: Any) -> Any:
        return self._browser.call(method, self._session, **params)

    def happened(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.executionContextCreated":
            self._contexts[params["context"]["id"]] = params["context"]
        elif method == "Runtime.executionContextDestroyed":
            self._contexts.pop(params["executionContextId"], None)
        elif method == "Runtime.executionContextsCleared":
            self._contexts.clear()
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("warning", "error"):
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def resize(self, width: int, height: int) -> None:
        phone = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def prefer(self, **features: str) -> None:
        """Set media features, as `prefers_color_scheme="dark"`."""
        media_features = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=media_features)

    def js(self, expression: str, frame: str | None = None) -> Any:
        """The value of an expression, in the page or in the frame whose origin and path begin with `frame`."""
        where = {"contextId": self._context(frame)} if frame else {}
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, **where)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def _context(self, origin: str) -> int:
        self.call("Runtime.evaluate", expression="0")
        context_ids = [id_ for id_, context in self._contexts.items() if context["origin"] == origin]
        assert context_ids, self._contexts
        return context_ids[-1]

    def until(self, expression: str, frame: str | None = None) -> None:
        """Wait until an expression is truthy."""
        self.wait(lambda: self.js(f"Boolean({expression})", frame), expression)

    def wait(self, look: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                result = look()
            except AssertionError:
                result = None  # the frame is not there yet
            if result:
                return
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"it never came true: {what}\n{self.js('document.body.innerText')}\n{self.complaints}"
                )
            time.sleep(0.03)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Type into the focused element."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, shift: bool = False, control: bool = False) -> None:
        """Press a key of `KEYS`, or that of a character."""
        number = KEYS.get(key) or ord(key.upper())
        modifiers = (8 if shift else 0) | (2 if control else 0)
        code = {"key": key, "code": key, "windowsVirtualKeyCode": number, "modifiers": modifiers}
        text = "\r" if key == "Enter" else key if len(key) == 1 and not control else ""
        text_field = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **code, **text_field)
        self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    def choose_files(self, element: str, *paths: Path) -> None:
        """Give files to the input that an expression names, as if somebody had chosen them."""
        chosen = self.call("Runtime.evaluate", expression=element)["result"]["objectId"]
        self.call("DOM.setFileInputFiles", files=[str(path) for path in paths], objectId=chosen)

    def heap_bytes(self) -> int:
        """What the page's scripts hold in memory, after everything that nobody refers to was taken away."""
        self.call("HeapProfiler.collectGarbage")
        return int(self.call("Runtime.getHeapUsage")["usedSize"])

    def accessible(self) -> list[tuple[str, str]]:
        """Role and name of each node of the accessibility tree."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        visible_nodes = [node for node in nodes if not node["ignored"]]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in visible_nodes]

    def screenshot(self, path: Path) -> Path:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
        return path
