"""errata's model as a class that `label-studio-ml` 1.0.9 hosts. Two lines are a `model.py` for it:

from errata.hosted import ErrataModel
__all__ = ["ErrataModel"]
"""

from __future__ import annotations

from importlib.metadata import version

try:
    from errata.hosted.model import ErrataModel
except ModuleNotFoundError as error:
    if error.name not in ("label_studio_ml", "flask"):
        raise
    message = "errata.hosted needs label-studio-ml, which is not installed: pip install 'errata[label-studio-ml]'"
    raise ModuleNotFoundError(message, name=error.name) from error

if not version("label-studio-ml").startswith("1."):  # 2.x makes and asks its classes in another way
    raise ImportError(
        f"errata.hosted is for label-studio-ml 1.0.9, not for {version('label-studio-ml')}: "
        "pip install 'errata[label-studio-ml]', or let Label Studio ask `errata serve`."
    )

__all__ = ["ErrataModel"]
