"""Opens errata for a command. What that takes is slow to import, and neither help nor wrong use needs any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errata.wiring import Wiring


def open_wiring() -> Wiring:
    """Return errata's use cases, as the environment's settings have them.

    Raises:
        SettingError: a setting is wrong.
    """
    from errata.settings import read_settings  # noqa: PLC0415
    from errata.wiring import Wiring  # noqa: PLC0415

    return Wiring(read_settings())
