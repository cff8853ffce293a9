"""errata finds the wrong labels in a Label Studio project and gets them fixed."""

from errata.notebook import board

__all__ = ["__version__", "board"]

__version__ = "0.1.0"
