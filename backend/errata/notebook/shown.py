"""What a notebook shows: the pages in a frame, and what was decided there."""

from __future__ import annotations

import atexit
import html
import json
import os
import secrets
import threading
from collections.abc import Callable
from typing import Any

from errata.errors import UsageError
from errata.notebook.server import NotebookServer

# In a page of localhost the frame is of localhost too: browsers let another site's frame keep nothing. Where Jupyter is
# on another machine, the pages are reached through jupyter-server-proxy, below Jupyter's own address.
_SCRIPT = """(() => {
  const frame = document.getElementById(%(id)s), link = frame?.nextElementSibling?.querySelector("a");
  const { hostname, protocol } = location;
  if (!frame || !protocol.startsWith("http") || ["127.0.0.1", "[::1]"].includes(hostname)) return;
  const config = document.getElementById("jupyter-config-data");
  const base = config ? JSON.parse(config.textContent).baseUrl : document.body.dataset.baseUrl;
  if (hostname === "localhost") frame.src = frame.src.replace("//127.0.0.1:", "//localhost:");
  else if (base) frame.src = base + %(below)s;
  if (link) link.href = frame.src;
})();"""


class Shown:
    """The scan board as a cell's value. A notebook shows it by itself.

    Args:
        server: serves the pages.
        page: which of them, with its query.
        height: of the frame, in pixels.
        read: returns the verdicts.
        end: closes what the pages stand on.
    """

    def __init__(
        self, server: NotebookServer, page: str, height: int, read: Callable[[], Any], end: Callable[[], None]
    ) -> None:
        self._server = server
        self._page = page
        self._height = int(height)
        self._read = read
        self._end = end
        self._lock = threading.Lock()
        self._is_closed = False
        atexit.register(self.close)

    @property
    def url(self) -> str:
        """The board's address for a browser on this machine. Whoever has it can look and decide."""
        self._check()
        return f"http://127.0.0.1:{self._server.port}{self._server.path}{self._page}"

    @property
    def verdicts(self) -> Any:
        """What was decided until now: a pandas DataFrame, a row for each label and reviewer, oldest first.

        Of a DataFrame's board its index is that of the DataFrame. `strength` is "verdict", or "scan" where a page was
        committed and the label was not marked, which is recorded as `keep`. `seconds` are what it took.
        """
        self._check()
        return self._read()

    def close(self) -> None:
        """Stop serving the pages. Verdicts that no `store` and no project keeps are gone."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        atexit.unregister(self.close)
        self._server.close()
        self._end()

    def _check(self) -> None:
        if self._is_closed:
            raise UsageError("This board was closed; call board() again.")

    def __repr__(self) -> str:
        return "<errata's scan board, closed>" if self._is_closed else f"<errata's scan board at {self.url}>"

    def _repr_html_(self) -> str:
        """Return what Jupyter shows."""
        if self._is_closed:
            return "<p>This board was closed.</p>"
        hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
        below = f"proxy/{self._server.port}{self._server.path}{self._page}"
        address = html.escape(f"{hub.rstrip('/')}/{below}" if hub else self.url)
        name = f"errata-{secrets.token_hex(6)}"  # a notebook may show it several times
        script = "" if hub else f"<script>{_SCRIPT % {'id': json.dumps(name), 'below': json.dumps(below)}}</script>"
        return (
            f'<iframe id="{name}" src="{address}" title="errata: scan board" width="100%" height="{self._height}" '
            'style="border: 1px solid #8884" allow="fullscreen"></iframe>'
            f'<div><a href="{address}" target="_blank" rel="noopener noreferrer">Open in a tab of its own</a></div>'
            f"{script}"
        )
