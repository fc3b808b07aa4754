"""An HTML page as a reader sees it."""

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """The page as elements in reading order, with the text of each; fails on unbalanced tags."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "attrs": dict(attrs), "text": "", "inside": [parent["tag"] for parent in self._open]}
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data):
        if self._open and self._open[-1]["tag"] in {"script", "style"}:
            return  # no words for a reader
        for element in self._open:
            element["text"] += data

    def all(self, tag):
        return [element for element in self.elements if element["tag"] == tag]

    def row(self, start):
        """Text of the first row of a table that starts like this, white space as single spaces."""
        rows = (re.sub(r"\s+", " ", item["text"]) for item in self.all("tr"))
        return next(row for row in rows if row.startswith(start))

    @property
    def words(self):
        return re.sub(r"\s+", " ", self.all("body")[0]["text"])
