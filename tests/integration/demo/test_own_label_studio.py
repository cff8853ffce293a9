"""The Label Studio that errata installs and starts itself."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from errata.demo.label_studio import LabelStudioServer, cache_dir, install, prepare
from errata.errors import LabelStudioUnreachable, UsageError

START = """
import sys, time
from pathlib import Path
from errata.demo.label_studio import LabelStudioServer, cache_dir
python, prepared = cache_dir() / "venv" / "bin" / "python", cache_dir() / "prepared"
with LabelStudioServer(python, Path(sys.argv[1]), prepared) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def python(label_studio) -> Path:
    """Return the Python of the installed Label Studio, which `label_studio` has seen to."""
    return cache_dir() / "venv" / "bin" / "python"


def gone(pids: list[int]) -> bool:
    _, alive = psutil.wait_procs([psutil.Process(p) for p in pids if psutil.pid_exists(p)], timeout=20)
    return not alive


def test_what_is_there_is_not_installed_again(python):
    """The second time takes no time and says nothing."""
    said: list[str] = []
    assert install(python.parent.parent, said.append) == python
    prepare(python, cache_dir() / "prepared", said.append)
    assert said == []


def test_it_ends_with_a_parent_that_is_killed(python, tmp_path):
    """SIGKILL leaves no time to clean up; Label Studio notices by itself."""
    with subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path / "data")], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        url = parent.stdout.readline().strip()
        assert httpx.get(url + "health", trust_env=False).is_success
        children = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
        assert children
        parent.send_signal(signal.SIGKILL)
    assert gone(children)


def test_one_that_cannot_start_names_its_log(tmp_path):
    """The last thing it printed and where the rest is."""
    server = LabelStudioServer(Path(sys.executable), tmp_path / "data")
    with pytest.raises(LabelStudioUnreachable, match=r"No module named 'label_studio'.*data\.log"), server:
        pass


def test_an_installation_that_fails_is_begun_anew_and_names_its_log(tmp_path, monkeypatch):
    """What an interrupted one left is thrown away; pip's own words and a way round are told."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    venv = tmp_path / "venv"
    venv.mkdir()
    (venv / "left-over").touch()
    with pytest.raises(UsageError, match=r"label-studio==.*venv\.log.*--label-studio URL"):
        install(venv, lambda text: None)
    assert not (venv / "left-over").exists()
