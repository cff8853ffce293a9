"""What tasks hold as text, in their data or in files that these name."""

from __future__ import annotations

from typing import Any

from errata.audit.ports import Media
from errata.errors import MediaError
from errata.labelstudio.span_texts import span_text
from errata.labelstudio.texts import is_address, text_of
from errata_model.records import TextForm


class TaskTexts:
    """Reads what one key of tasks' data holds: `audit.ports.Texts`.

    Args:
        form: how the data hold it.
        media: fetches files.
    """

    def __init__(self, form: TextForm, media: Media) -> None:
        self._tag = form.tag
        self._attributes = {"valueType": form.value_type, "nameKey": form.name_key, "textKey": form.text_key}
        self._media = media

    @property
    def is_far(self) -> bool:
        """See `Texts.is_far`."""
        return is_address(self._tag, self._attributes)

    def read(self, value: Any, task_id: int) -> str:
        """See `Texts.read`."""
        return text_of(self.held(value, task_id), self._tag, self._attributes)

    def held(self, value: Any, task_id: int) -> Any:
        """Return what the data hold, or what stands in the file that they name.

        Raises:
            MediaError: the file is missing, too large, not allowed or took too long.
            ServiceError: Label Studio itself cannot be reached or refuses the token.
        """
        return self._fetch(value, task_id) if self.is_far else value

    def _fetch(self, value: Any, task_id: int) -> str:
        if not isinstance(value, str):
            raise MediaError("its address is broken")
        try:
            return self._media.read(value, task_id).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise MediaError("the file is not UTF-8 text") from error


class SpanTexts:
    """Reads the texts in which spans are counted, nothing of them trimmed: `audit.ports.Texts`.

    Args:
        form: how the data hold them.
        media: fetches files.
    """

    def __init__(self, form: TextForm, media: Media) -> None:
        self._form = form
        self._texts = TaskTexts(form, media)

    @property
    def is_far(self) -> bool:
        """See `Texts.is_far`."""
        return self._texts.is_far

    def read(self, value: Any, task_id: int) -> str:
        """See `Texts.read`."""
        return span_text(self._form, self._texts.held(value, task_id))
