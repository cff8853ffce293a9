"""What tasks hold, found out as far as it is not known: what is behind addresses, and what models believe of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from starlette.concurrency import run_in_threadpool

from errata.audit.ports import MediaIndex
from errata.web.belief import ControlRows, ProjectBelief, RegionRows
from errata.web.bodies import AskedTask
from errata.web.newcomers import PLAIN, Encoders, Newcomers, Wanted
from errata.web.region_newcomers import Asked, RegionNewcomers
from errata.web.texts import key_of_mark

MOST_KEYS = 500_000  # addresses whose content is remembered in memory


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request waits for media that are new. Label Studio gives up after 100 s, some proxies after 90."""

    first_s: float = 5.0
    each_s: float = 0.1
    longest_s: float = 60.0

    def seconds(self, n_media: int) -> float:
        """Return the seconds for so many media."""
        return min(self.longest_s, self.first_s + self.each_s * n_media)


class _Need(NamedTuple):
    """What a request still has to find out."""

    media: dict[Wanted, int]  # what is to be looked at -> task id: content not known
    contents: dict[ControlRows, set[str]]  # content keys that the control's model has not seen


class Contents:
    """Knows the contents of tasks, and lets models believe about those that are new to them.

    Args:
        index: what was found behind media addresses; asked outside the event loop, once an address.
        encoders: give contents their embeddings.
        newcomers: look at media.
        region_newcomers: let learners of regions believe about new items.
        patience: how long a request waits for media that are new.
    """

    def __init__(
        self,
        index: MediaIndex,
        encoders: Encoders,
        newcomers: Newcomers,
        region_newcomers: RegionNewcomers,
        patience: Patience,
    ) -> None:
        self._index = index
        self._encoders = encoders
        self._newcomers = newcomers
        self._region_newcomers = region_newcomers
        self._patience = patience
        self._keys: dict[str, str] = {}

    def key(self, uri: str) -> str | None:
        """Return the content key of what an address holds, or of a text; None where it is not known."""
        return key_of_mark(uri) or self._keys.get(uri)

    async def find_out(self, belief: ProjectBelief, tasks: Sequence[AskedTask], texts: Mapping[str, str]) -> set[str]:
        """Find out what tasks show, and believe about it; return the addresses of media that cannot be used.

        Args:
            texts: content key -> text, of those that tasks hold themselves.
        """
        need = self._need(belief, tasks)
        pictures = {wanted.value for wanted in need.media if wanted.text is None}
        if pictures:
            self._keep(await run_in_threadpool(self._index.known, list(pictures)))
            need = self._need(belief, tasks)
        lacking = await run_in_threadpool(self._believe, need.contents, texts) if need.contents else {}
        to_look_at = {**need.media, **self._shown_as(lacking, tasks, texts)}
        if not to_look_at:
            return set()
        outcomes = await self._newcomers.look_at(to_look_at, self._patience.seconds(len(to_look_at)))
        self._keep({wanted.value: key for wanted, (key, _) in outcomes.items() if key and key not in texts})
        contents = self._need(belief, tasks).contents
        if contents:
            await run_in_threadpool(self._believe, contents, texts)
        return {wanted.value for wanted, (_, problem) in outcomes.items() if problem}

    async def mark(self, belief: ProjectBelief, tasks: Sequence[AskedTask]) -> set[str]:
        """Let learners of regions believe about what was not audited; return what cannot be used."""
        own = [rows for rows in belief.drawn if rows.is_own]
        uris = {uri for rows in own for task in tasks if (uri := uri_of(task, rows)) and self.key(uri) is None}
        if uris:
            self._keep(await run_in_threadpool(self._index.known, list(uris)))
        new = {
            Asked(rows, uri): (task.id or 0, task.held[rows.control.data_key])
            for rows in own
            for task in tasks
            if (uri := held_by(task, rows)) and rows.find(task.id, uri, self.key(uri_of(task, rows))) is None
        }
        return await self._region_newcomers.look_at(new, self._patience.seconds(len(new))) if new else set()

    def _need(self, belief: ProjectBelief, tasks: Sequence[AskedTask]) -> _Need:
        need = _Need({}, {})
        for rows in belief.controls:
            for task in tasks:
                uri = uri_of(task, rows)
                if not uri or rows.encoder is None or rows.needs_no_media(task.id):
                    continue
                key = self.key(uri)
                if key is None:
                    need.media.setdefault(Wanted(rows.encoder, rows.control.text, uri), task.id or 0)
                elif rows.model is not None and rows.of_content(task.id, key) is None:
                    need.contents.setdefault(rows, set()).add(key)
        return need

    def _shown_as(
        self, lacking: Mapping[ControlRows, set[str]], tasks: Sequence[AskedTask], texts: Mapping[str, str]
    ) -> dict[Wanted, int]:
        """Return what shows these contents, as `_Need.media` does."""
        found: dict[Wanted, int] = {}
        for rows, keys in lacking.items():
            for task in tasks:
                uri = uri_of(task, rows)
                key = self.key(uri)
                if rows.encoder is None or key not in keys:
                    continue
                text = texts.get(key or "")
                wanted = (rows.control.text, uri) if text is None else (PLAIN, text)
                found[Wanted(rows.encoder, *wanted)] = task.id or 0
        return found

    def _believe(
        self, contents: Mapping[ControlRows, set[str]], texts: Mapping[str, str]
    ) -> dict[ControlRows, set[str]]:
        """Let the models believe about new contents; return those without an embedding."""
        lacking: dict[ControlRows, set[str]] = {}
        for rows, wanted in contents.items():
            keys = sorted(wanted)
            if rows.encoder is None:
                continue
            counter = self._encoders.counter(rows.encoder)
            if counter is not None:
                known = [key for key in keys if key in texts]
                rows.predict(known, counter.encode([texts[key] for key in known]))
            else:
                found, is_known = self._encoders.embeddings(rows.encoder, rows.width).get(keys)
                known = [key for key, is_there in zip(keys, is_known, strict=True) if is_there]
                rows.predict(known, found[is_known])
            if len(known) < len(keys):
                lacking[rows] = wanted.difference(known)
        return lacking

    def _keep(self, keys: Mapping[str, str]) -> None:
        if len(self._keys) + len(keys) > MOST_KEYS:
            self._keys = {}
        self._keys.update(keys)


def uri_of(task: AskedTask, rows: ControlRows | RegionRows) -> str:
    """Return what a task holds under a control's key as an address, or as the mark of a text; "" for nothing."""
    value = task.data.get(rows.control.data_key)
    return str(value) if value else ""


def held_by(task: AskedTask, rows: RegionRows) -> str:
    """Return what a task holds under a control's key, as a string; "" for nothing."""
    value = task.held.get(rows.control.data_key)
    return value if isinstance(value, str) else orjson.dumps(value).decode() if value else ""
