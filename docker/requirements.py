"""Print what pyproject.toml says errata needs, so that an image layer can hold it before the source comes in."""

import sys
from pathlib import Path

import tomllib

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = [requirement for extra in sys.argv[1:] for requirement in project["optional-dependencies"][extra]]
print("\n".join(project["dependencies"] + extras))
