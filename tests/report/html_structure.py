"""What is asked of every page."""

from html.parser import HTMLParser


class Structure(HTMLParser):
    """Checks that elements close in order and collects ids."""

    VOID = ("meta", "link", "img", "br", "wbr")

    def __init__(self):
        super().__init__()
        self.open, self.ids = [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
