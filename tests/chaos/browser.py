"""A few tabs of a real browser that are opened, reloaded and closed while servers come and go."""

import contextlib
import shutil
from typing import Any

WAIT_MS = 3000


def has_browser() -> bool:
    """Whether Playwright and a system Chromium are there."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return False
    return shutil.which("chromium") is not None


class Browser:
    """Headless Chromium; a page that does not load is part of the game."""

    def __init__(self) -> None:
        from playwright.sync_api import sync_playwright

        self._playwright: Any = sync_playwright().start()
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        self._browser = self._playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        self._tabs: list[Any] = []
        self.loads = 0

    def act(self, choice: int, address: str) -> str:
        """Open, reload, leave half-way or close a tab; return what was done."""
        from playwright.sync_api import Error

        if choice == 0 or not self._tabs:
            self._tabs.append(self._browser.new_page())
            done = "browser opened"
        else:
            done = ("", "browser reloaded", "browser left half-way", "browser tab closed")[choice]
        tab = self._tabs[-1]
        with contextlib.suppress(Error):
            if choice == 3 or len(self._tabs) > 3:
                self._tabs.pop().close()
            else:
                tab.goto(address, wait_until="commit" if choice == 2 else "load", timeout=WAIT_MS)
                self.loads += 1
        return done

    def close(self) -> None:
        """Close the browser."""
        self._browser.close()
        self._playwright.stop()
