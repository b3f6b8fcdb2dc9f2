"""A headless Chromium for the tests of the pages, driven by its DevTools protocol over a pipe."""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]
PATIENCE_S = 60


class Leaving(Exception):
    """The page goes on to another while something is asked of it."""


class Browser:
    """One Chromium with a profile of its own in `folder`; use as a context manager."""

    def __init__(self, folder):
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        inherited = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands, answers)]  # clear of 3 and 4

        def as_expected():
            os.dup2(inherited[0], 3)
            os.dup2(inherited[1], 4)

        self._process = subprocess.Popen(
            [CHROMIUM, *OPTIONS, f"--user-data-dir={folder}", "about:blank"],
            preexec_fn=as_expected,
            close_fds=False,  # all others close by themselves; 3 and 4 may be anybody's until then
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (commands, answers, *inherited):
            os.close(end)
        self._rest, self._count, self.pages = b"", 0, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(20)
        os.close(self._to)
        os.close(self._from)

    def call(self, method, session=None, **params):
        """Return the result of a DevTools command; events that arrive meanwhile go to their pages."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._to, json.dumps(message).encode() + b"\0")
        number = self._count
        while True:
            answer = self.receive(PATIENCE_S)
            assert answer is not None, f"the browser does not answer {method}"
            if answer.get("id") == number:
                if "navigated" in answer.get("error", {}).get("message", ""):
                    raise Leaving
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def receive(self, patience_s):
        """Return the next message, None if there is none in time."""
        while b"\0" not in self._rest:
            if not select.select([self._from], [], [], patience_s)[0]:
                return None
            part = os.read(self._from, 1 << 20)
            assert part, "the browser has ended"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        page = self.pages.get(message.get("sessionId"))
        if page and "method" in message:
            page.note(message["method"], message["params"])
        return message

    def page(self, width=1280, height=900, dark=False, scripts=True):
        """Return a new Page."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session, target)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        page.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        if not scripts:
            page.call("Emulation.setScriptExecutionDisabled", value=True)
        return page


class Page:
    """A tab: what it asked for (`requests`), what went wrong (`problems`), and how to use it."""

    def __init__(self, browser, session, target):
        self._browser, self._session, self._target = browser, session, target
        self.requests, self.problems, self._urls, self._loaded = [], [], {}, False

    def call(self, method, **params):
        return self._browser.call(method, self._session, **params)

    def close(self):
        self._browser.call("Target.closeTarget", targetId=self._target)

    def note(self, method, params):
        """Take an event."""
        if method == "Network.requestWillBeSent":
            self._urls[params["requestId"]] = params["request"]["url"]
            self.requests.append(params["request"]["url"])
        elif method == "Network.responseReceived" and params["response"]["status"] >= 400:
            self.problems.append(f"{params['response']['status']} {params['response']['url']}")
        elif method == "Network.loadingFailed" and not params.get("canceled"):
            self.problems.append(f"{params['errorText']} {self._urls.get(params['requestId'])}")
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(" ".join(str(part.get("value")) for part in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])
        elif method == "Page.loadEventFired":
            self._loaded = True

    def resize(self, width, height):
        phone = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def open(self, address):
        """Load an address and return the seconds until everything on the page was loaded."""
        self._loaded = False
        start = time.perf_counter()
        answer = self.call("Page.navigate", url=address)
        assert not answer.get("errorText"), (address, answer)
        self.wait(lambda: self._loaded or not answer.get("loaderId"))
        return time.perf_counter() - start

    def wait(self, condition, patience_s=20):
        """Wait until condition() holds, or the expression `condition` (str) on the page."""
        end = time.monotonic() + patience_s

        def holds():
            try:
                return condition() if callable(condition) else self.evaluate(condition)
            except Leaving:
                return False

        while not holds():
            assert time.monotonic() < end, f"still not: {condition}"
            self._browser.receive(0.05)

    def evaluate(self, expression):
        """Return the value of an expression on the page, of a promise when it is fulfilled."""
        done = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def settle(self):
        """Wait until what is in sight has been drawn and loaded, or the page is left."""
        drawn = "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60)))"
        with contextlib.suppress(Leaving):
            self.evaluate(f"new Promise((done) => {drawn})")

    def text(self, selector):
        """Return the text of the first element that fits."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")

    def show(self, selector):
        """Scroll to an element, and return its centre in the window, CSS pixels."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})")
        self.settle()
        return self.evaluate(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )

    def move(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x, y):
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def drag(self, start, end):
        """Pull the pressed mouse from one place to another."""
        self.move(*start)
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], button="left", clickCount=1)
        for part in (0.3, 0.7, 1):
            x, y = (first + (last - first) * part for first, last in zip(start, end, strict=True))
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button="left", buttons=1)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=end[0], y=end[1], button="left", clickCount=1)
        self.settle()

    def press(self, key, text=None):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def screenshot(self, path, whole=False):
        """Write a picture of the window, or of the whole page."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(picture["data"]))
