"""errata's model as a class that `label-studio-ml` 1.0.9 hosts. Two lines are a `model.py` for it:

from errata.hosted import ErrataModel
__all__ = ["ErrataModel"]
"""

from __future__ import annotations

try:
    from errata.hosted.model import ErrataModel
except ModuleNotFoundError as error:
    if error.name not in ("label_studio_ml", "flask"):
        raise
    message = "errata.hosted needs label-studio-ml, which is not installed: pip install 'errata[label-studio-ml]'"
    raise ModuleNotFoundError(message, name=error.name) from error

__all__ = ["ErrataModel"]
