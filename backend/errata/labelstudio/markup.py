"""HTML as the text that a reader sees.

Not by the standard library's parser: in Python 3.11, at least, the time it takes for unclosed tags grows with the
square of their number, and 60 kB of `<a <a <a` held it for a minute. Here a broken tag is met once and every character
is looked at a bounded number of times.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator

_MARK = re.compile(r"<(?:!---?>|!--|[!?]|/(?![a-zA-Z])|(/?)([a-zA-Z][^\s/<>]*))")
_END_OR_VALUE = re.compile(r""">|=\s*(["'])""")
_SPACES = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\s*\n\s*")

# What Label Studio's page takes out with all that is in it, and what a browser does not show.
_UNSEEN = re.compile("iframe|noscript|script|select|style|template|textarea|title")
_TAKEN_OUT = re.compile(
    "iframe|noscript|option|script|template|textarea"
)  # with what is in it; what is hidden is counted
# What a browser puts outside of the body: all before it, and where it is not marked, spaces and a head's elements.
_HEAD = re.compile(
    r"(?:\s|<!--.*?-->|<![^-][^>]*>|</?(?:html|head|meta|link|base)\b[^>]*>"
    r"|<(title|style|script|noscript|template)\b[^>]*>.*?</\1\s*>)*(?:<body\b[^>]*>)?",
    re.DOTALL | re.IGNORECASE,
)
_FIRST_LINE = re.compile(r"(<(?:pre|listing)\b[^<>]*>)\n", re.IGNORECASE)  # a browser leaves it out
_INLINE = re.compile(
    "[^-]+-.*|a|abbr|acronym|b|bdi|bdo|big|button|cite|code|data|del|dfn|em|font|i|img|ins|kbd|label|mark|nobr|q|rp|rt|ruby|s|samp|"
    "small|span|strike|strong|sub|sup|time|tt|u|var|wbr"
)
_CELLS = frozenset(("td", "th"))


def visible_text(markup: str) -> str:
    """Return what a reader sees of HTML: a line a block, without empty ones; entities are resolved.

    Dropped are tags, comments, and scripts, styles and forms' fields with what is in them; what is never closed ends
    with the text, as in a browser. Time is linear in the length.
    """
    text = "".join(_pieces(markup.replace("\r", "\n").replace("\n", " "), _space_for, _UNSEEN))
    return _EMPTY_LINES.sub("\n", _SPACES.sub(" ", text)).strip()


def node_text(markup: str, *, is_page: bool) -> str:
    """Return the text of HTML's nodes one after the other, no space left out, a line feed for each <br>.

    In it Label Studio counts the spans of a <HyperText>. Left out is what its page takes out, and of a page what a
    browser has outside of the body. Time is linear in the length.

    Args:
        markup: HTML.
        is_page: it is shown as a page of its own, as Label Studio does unless the tag has inline="true".
    """
    markup = markup.replace("\r\n", "\n").replace("\r", "\n")
    if is_page:
        markup = _HEAD.sub("", markup, count=1)
    return "".join(_pieces(_FIRST_LINE.sub(r"\1", markup), lambda name: "\n" if name == "br" else "", _TAKEN_OUT))


def _pieces(markup: str, between: Callable[[str], str], unseen: re.Pattern[str]) -> Iterator[str]:
    """Yield the text, `between` of the name for each tag, nothing for elements with `unseen` names."""
    position = 0
    can_quote = True
    while (mark := _MARK.search(markup, position)) is not None:
        yield html.unescape(markup[position : mark.start()])
        name = (mark[2] or "").lower()
        if not name:
            position = _after_comment(markup, mark)
            continue
        end = _end_of_tag(markup, mark.end()) if can_quote else -1
        if end < 0:  # a quote that is never closed: from here on, values are not looked at
            can_quote = False
            end = _after(markup, ">", mark.end())
        yield between(name)
        position = end
        if unseen.fullmatch(name) and not mark[1] and markup[end - 2 : end] != "/>":
            position = _after_element(markup, name, end)
    yield html.unescape(markup[position:])


def _after_comment(markup: str, mark: re.Match[str]) -> int:
    if mark[0].endswith(">"):  # <!--> is one by itself
        return mark.end()
    return _after(markup, "-->" if mark[0] == "<!--" else ">", mark.end())


def _space_for(name: str) -> str:
    if name in _CELLS:
        return " "
    return "" if _INLINE.fullmatch(name) else "\n"


def _end_of_tag(markup: str, position: int) -> int:
    """Return where the tag ends, past quoted values that may hold a `>`; -1 where it does not."""
    while (found := _END_OR_VALUE.search(markup, position)) is not None:
        if found[1] is None:
            return found.end()
        closing = markup.find(found[1], found.end())
        if closing < 0:
            return -1
        position = closing + 1
    return -1


def _after_element(markup: str, name: str, position: int) -> int:
    closing = re.compile(f"</{re.escape(name)}(?=[\\s/>])", re.IGNORECASE).search(markup, position)
    return len(markup) if closing is None else closing.start()


def _after(markup: str, what: str, position: int) -> int:
    found = markup.find(what, position)
    return len(markup) if found < 0 else found + len(what)
