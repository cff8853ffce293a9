"""errata finds the wrong labels in a Label Studio project and gets them fixed."""

__version__ = "0.1.0"
