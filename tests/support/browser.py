"""Debian's Chromium, driven by Playwright; Playwright's own browsers are never used."""

import shutil
from contextlib import contextmanager

from needs import lacking

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)


def chromium():
    """Return the path of Chromium, or skip or fail for want of it."""
    found = shutil.which("chromium")
    if found is None:
        lacking("browser", "chromium is not installed")
    return found


@contextmanager
def started():
    """Start the browser."""
    path = chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("browser", "playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Watched:
    """A page in a context of its own, in which every request and every complaint is written down."""

    def __init__(self, browser, path, **context):
        self.path, self.requests, self.complaints = path, [], []
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.goto(path.as_uri())

    def close(self):
        """Close it, and say what it should not have done."""
        self.context.close()
        strangers = [url for url in self.requests if url.partition("#")[0] != self.path.as_uri()]
        return strangers, self.complaints
