"""What tasks say whose data hold the text itself, read while a request waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from errata.audit.embed_text import text_key
from errata.audit.ports import Texts
from errata.errors import MediaError
from errata.web.belief import ProjectBelief
from errata.web.bodies import AskedTask
from errata_model.encoders.text import UnusableText, readable_text
from errata_model.records import TextForm

_MARK = "\x00text:"  # no address begins so


@dataclass(frozen=True, slots=True)
class ReadTasks:
    """Tasks whose texts have been read.

    Attributes:
        tasks: as they were asked about; in their data each text is replaced by a mark, "" where it says nothing.
        texts: content key -> text.
    """

    tasks: list[AskedTask]
    texts: Mapping[str, str]


def near_forms(belief: ProjectBelief, texts_of: Callable[[TextForm], Texts]) -> dict[str, Texts]:
    """Return data key -> what reads it, of the keys under which tasks hold texts themselves."""
    learned = [rows.control for rows in belief.controls if rows.encoder is not None]
    learned += [rows.control for rows in belief.drawn if rows.is_own]
    forms = {control.data_key: control.text for control in learned}
    readers = {data_key: texts_of(form) for data_key, form in forms.items() if form is not None}
    return {data_key: texts for data_key, texts in readers.items() if not texts.is_far}


def read_texts(tasks: Sequence[AskedTask], readers: Mapping[str, Texts]) -> ReadTasks:
    """Read what tasks hold.

    Args:
        tasks: as Label Studio asks about them.
        readers: data key -> what reads it.
    """
    texts: dict[str, str] = {}
    marked = []
    for task in tasks:
        marks = {}
        for data_key, reader in readers.items():
            try:
                text = readable_text(reader.read(task.data[data_key], task.id or 0))
            except (KeyError, UnusableText, MediaError):
                marks[data_key] = ""
                continue
            key = text_key(text)
            texts[key] = text
            marks[data_key] = _MARK + key
        marked.append(replace(task, data={**task.data, **marks}))
    return ReadTasks(marked, texts)


def key_of_mark(value: str) -> str | None:
    """Return the content key that a mark names, None of what is no mark."""
    return value[len(_MARK) :] if value.startswith(_MARK) else None
