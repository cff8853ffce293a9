from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

from errata.store.pictures import PictureFolder

JPEG = b"\xff\xd8" + b"x" * 996 + b"\xff\xd9"


def wait_for_sweeps() -> None:
    for thread in threading.enumerate():
        if thread.name == "sweeping pictures":
            thread.join(60)


def test_a_picture_is_kept_by_project_and_key(tmp_path: Path) -> None:
    """Another process finds it too; nobody but the owner may read it; one that is cut off is none."""
    pictures = PictureFolder(tmp_path)
    assert pictures.get(7, "ab12") is None
    pictures.put(7, "ab12", JPEG)
    assert (pictures.get(7, "ab12"), pictures.get(8, "ab12")) == (JPEG, None)
    assert PictureFolder(tmp_path).get(7, "ab12") == JPEG
    (file,) = tmp_path.rglob("*.jpg")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(JPEG[:500])
    assert pictures.get(7, "ab12") is None
    wait_for_sweeps()


def test_the_least_looked_at_go_first(tmp_path: Path) -> None:
    """When there are too many, what was looked at lately stays, whenever it was made."""
    pictures = PictureFolder(tmp_path)
    keys = [f"{n:02}key" for n in range(15)]
    for n, key in enumerate(keys):
        pictures.put(7, key, JPEG)
        os.utime(next(tmp_path.rglob(f"{key[:2]}/key.jpg")), (1e9 + n, 1e9 + n))
    wait_for_sweeps()
    pictures = PictureFolder(tmp_path, max_bytes=10_000)
    assert pictures.get(7, keys[0]) == JPEG  # the oldest is looked at
    pictures.sweep()
    assert [key for key in keys if pictures.get(7, key)] == [keys[0], *keys[-7:]]
    pictures.sweep()
    assert len(list(tmp_path.rglob("*.jpg"))) == 8  # nothing more goes while there is room


def test_a_full_folder_is_swept_by_itself(tmp_path: Path) -> None:
    """Whoever writes has it cleared beside the work."""
    pictures = PictureFolder(tmp_path, max_bytes=10_000)
    for n in range(40):
        pictures.put(7, f"{n:02}key", JPEG)
        wait_for_sweeps()
    assert 8 <= len(list(tmp_path.rglob("*.jpg"))) <= 12


def test_several_processes_use_one_folder(tmp_path: Path) -> None:
    """They write, read and sweep at once: what is read is whole, and all together stay below the limit."""
    code = (
        "import sys, threading\nfrom pathlib import Path\nfrom errata.store.pictures import PictureFolder\n"
        "pictures = PictureFolder(Path(sys.argv[1]), 100_000)\n"
        "content = lambda n: b'%05d' % n * 400 + b'\\xff\\xd9'\n"
        "for n in range(400):\n"
        "    pictures.put(7, f'{n % 200:05}', content(n % 200))\n"
        "    found = pictures.get(7, f'{n * 7 % 200:05}')\n"
        "    assert found in (None, content(n * 7 % 200)), n\n"
        "[t.join() for t in threading.enumerate() if t.name == 'sweeping pictures']\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    pictures = PictureFolder(tmp_path, 100_000)
    pictures.sweep()
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.jpg")) <= 100_000
    assert not list(tmp_path.rglob("tmp*"))


def test_a_disk_that_refuses_is_no_error(tmp_path: Path) -> None:
    """The picture is shown all the same; it is rendered again next time."""
    (tmp_path / "pictures").write_text("in the way")
    pictures = PictureFolder(tmp_path)
    pictures.put(7, "ab12", JPEG)
    assert pictures.get(7, "ab12") is None
    pictures.sweep()
