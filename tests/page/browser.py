"""Headless Chromium, driven over the DevTools protocol: just enough to use a page as a person does and to look at it.

`launched()` is one browser process. `Browser.opened()` connects to it for one test and gives `Page`s, each in a fresh
context of its own: nothing is remembered, no permission is carried over. To make a context and a tab takes longer than
most tests, so `tab()` makes one for many, and `Browser.using()` gives it to one test after another, each of which must
come from an address of its own. A page counts what went wrong in it: errors on the console, exceptions that nobody
caught, and refusals by the Content-Security-Policy.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.waiting import until_now

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--mute-audio",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
]

PATIENCE_S = 20.0
ANSWER_S = 120.0  # a call may be a promise that waits for a while

KEYS = {"Enter": 13, "Tab": 9, "Escape": 27, " ": 32, "ArrowRight": 39, "ArrowDown": 40, "ArrowUp": 38}


def find() -> str | None:
    """Where Chromium is on this host, if anywhere."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((found for name in names if (found := shutil.which(name))), None)


@contextlib.contextmanager
def launched(microphone: Path | None = None) -> Iterator[str]:
    """A browser whose microphone plays this WAV file once, and then silence. Yields its DevTools address."""
    binary = find()
    assert binary, "no Chromium: apt-get install chromium"
    recording = [f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else []
    with tempfile.TemporaryDirectory(prefix="page-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [binary, *FLAGS, *recording, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield _devtools(Path(profile) / "DevToolsActivePort", process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own group: helpers too
            process.wait(10)


def _devtools(port_file: Path, process: subprocess.Popen[bytes]) -> str:
    def written() -> bool:
        return process.poll() is not None or (port_file.exists() and len(port_file.read_text().split()) == 2)

    until_now(written, 30)
    assert process.poll() is None, "Chromium did not come up"
    port, path = port_file.read_text().split()
    return f"ws://127.0.0.1:{port}{path}"


@dataclasses.dataclass(frozen=True)
class Tab:
    """By the names that the browser has for it and its context."""

    context: str
    target: str


class ScriptError(Exception):
    """JavaScript threw; the message is its own."""


class Browser:
    """One DevTools connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, address: str) -> AsyncIterator[Browser]:
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(address, max_msg_size=0, autoping=True) as socket,
        ):
            browser = cls(socket)
            reading = asyncio.create_task(browser._read())
            try:
                yield browser
            finally:
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reading

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            elif (page := self._pages.get(told.get("sessionId", ""))) is not None:
                page.heard(told["method"], told["params"])

    async def call(self, method: str, session: str = "", /, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(
            {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        )
        told = await asyncio.wait_for(answer, ANSWER_S)
        if "error" in told:
            raise ScriptError(f"{method}: {told['error']['message']}")
        result: dict[str, Any] = told["result"]
        return result

    async def tab(self) -> Tab:
        """A new one, in a new context."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        return Tab(context, target["targetId"])

    @contextlib.asynccontextmanager
    async def page(self, width: int = 1200, height: int = 800) -> AsyncIterator[Page]:
        tab = await self.tab()
        try:
            async with self.using(tab, width, height) as page:
                yield page
        finally:
            await self.call("Target.disposeBrowserContext", browserContextId=tab.context)

    @contextlib.asynccontextmanager
    async def using(self, tab: Tab, width: int = 1200, height: int = 800) -> AsyncIterator[Page]:
        """What is set through the page (its size, scripts before others) goes with it; at the end the tab is empty."""
        attached = await self.call("Target.attachToTarget", targetId=tab.target, flatten=True)
        page = Page(self, attached["sessionId"], tab.context)
        self._pages[page.session] = page
        await page.permit_microphone("granted")
        for domain in ("Page", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        await page.resize(width, height)
        await page.call("Page.bringToFront")  # what is behind others is not drawn
        try:
            yield page
            await page.goto("about:blank")
        finally:
            del self._pages[page.session]
            await self.call("Target.detachFromTarget", sessionId=page.session)


class Page:
    """One tab. `until` is how tests wait: on a condition, never for a time."""

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self.browser = browser
        self.session = session
        self.context = context
        self.problems: list[str] = []
        self._loaded = asyncio.Event()

    def heard(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.problems.append(details.get("exception", {}).get("description", details["text"]))
            case "Runtime.consoleAPICalled" if params["type"] == "error":
                self.problems.append(str([each.get("value") for each in params["args"]]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.problems.append(params["entry"]["text"])

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        return await self.browser.call(method, self.session, **params)

    async def goto(self, url: str) -> None:
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), PATIENCE_S)

    async def before_load(self, script: str) -> None:
        """Run this in every document before its own scripts."""
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def eval(self, expression: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if (details := answer.get("exceptionDetails")) is not None:
            raise ScriptError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    async def ask(self, modules: str, body: str) -> Any:
        """Run `body` (statements that return) with these modules of the page, by name: `state outbox`."""
        names = modules.split()
        imports = ", ".join(f"import('/static/{name}.js')" for name in names)
        return await self.eval(
            f"(async () => {{ const [{', '.join(names)}] = await Promise.all([{imports}]); {body} }})()"
        )

    async def until(self, condition: str, patience: float = PATIENCE_S) -> Any:
        """Wait until the expression is truthy, and return it. Raises TimeoutError that quotes it and the page."""
        found = await self.eval(
            f"""new Promise((resolve) => {{
                const end = performance.now() + {patience * 1000};
                const look = () => {{
                    const value = (() => {condition})();
                    if (!value && performance.now() < end) return;
                    clearInterval(timer);
                    resolve(value instanceof Node || value);
                }};
                const timer = setInterval(look, 20);
                look();
            }})"""
        )
        if not found:
            raise TimeoutError(
                f"{condition} did not come; the page reads: {await self.eval('document.body.innerText')}"
            )
        return found

    async def text(self, selector: str) -> str:
        """What can be read there; empty where there is nothing or it is hidden."""
        return str(await self.eval(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")).strip()

    async def click(self, selector: str) -> None:
        """With the mouse, at the middle of it: it must be there, enabled and not covered."""
        at = await self.until(
            f"""{{
                const element = document.querySelector({json.dumps(selector)});
                if (!element || element.disabled) return null;
                element.scrollIntoView({{block: "nearest"}});
                const box = element.getBoundingClientRect();
                const x = box.left + box.width / 2, y = box.top + box.height / 2;
                return element.contains(document.elementFromPoint(x, y)) ? {{x, y}} : null;
            }}"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    async def choose(self, selector: str, value: str) -> None:
        """Choose an option of a list."""
        await self.until(f"document.querySelector('{selector} option[value=\"{value}\"]')")
        await self.eval(
            f"""{{
                const list = document.querySelector({json.dumps(selector)});
                list.value = {json.dumps(value)};
                list.dispatchEvent(new Event("change", {{bubbles: true}}));
            }}"""
        )

    async def press(self, key: str) -> None:
        code = KEYS.get(key, ord(key[0].upper()))
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        down = {"type": "keyDown" if text else "rawKeyDown", "text": text} if text else {"type": "rawKeyDown"}
        await self.call("Input.dispatchKeyEvent", key=key, windowsVirtualKeyCode=code, **down)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def resize(self, width: int, height: int) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    async def prefer(self, scheme: str) -> None:
        """`light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def permit_microphone(self, setting: str) -> None:
        """`granted` or `denied`, in this page's context."""
        await self.browser.call(
            "Browser.setPermission",
            permission={"name": "microphone"},
            setting=setting,
            browserContextId=self.context,
        )

    async def screenshot(self) -> bytes:
        """PNG of what is in the window."""
        shot = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(shot["data"])
