"""Media in a folder: all of it, and nothing else."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errata.errors import MediaError
from errata.labelstudio.media import FolderMedia
from errata.labelstudio.remote_files import is_public


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "media"
    (made / "upload" / "3").mkdir(parents=True)
    (made / "a b.png").write_bytes(b"plain")
    (made / "upload" / "3" / "x.png").write_bytes(b"upload")
    (tmp_path / "secret.png").write_bytes(b"secret")
    return made


@pytest.mark.parametrize(
    ("uri", "content"),
    [
        ("a b.png", b"plain"),
        ("a%20b.png", b"plain"),
        ("/a b.png", b"plain"),
        ("upload/../a b.png", b"plain"),
        ("/data/upload/3/x.png", b"upload"),
        ("/data/local-files/?d=upload/3/x.png", b"upload"),
        ("data:image/png;base64," + base64.b64encode(b"inline").decode(), b"inline"),
        ("data:,in%6Cine", b"inline"),
    ],
)
def test_what_is_in_the_folder_is_read(folder: Path, uri: str, content: bytes) -> None:
    assert FolderMedia(folder).read(uri, 1) == content


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("../secret.png", "leads out"),
        ("/../secret.png", "leads out"),
        ("%2e%2e/secret.png", "leads out"),
        ("/data/local-files/?d=../secret.png", "leads out"),
        ("nothing.png", "not in the media folder"),
        ("/etc/passwd", "not in the media folder"),
        ("/data/local-files/?d=/etc/passwd", "leads out"),
        ("upload", "not a file"),
        ("", "not a file"),
        ("a\x00b", "cannot be read"),
        ("x" * 5000, "cannot be read"),
        ("file:///etc/passwd", "file:"),
        ("FILE:secret.png", "file:"),
        ("s3://bucket/a.png", "without Label Studio"),
        ("http://example.com/a.png?token=abc", "ERRATA_MEDIA_HOSTS"),
        ("data:image/png;base64,A", "broken"),
    ],
)
def test_everything_else_is_refused_in_a_few_words(folder: Path, uri: str, why: str) -> None:
    with pytest.raises(MediaError) as raised:
        FolderMedia(folder).read(uri, 1)
    assert why in str(raised.value)
    assert "abc" not in str(raised.value)


def test_a_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "up").symlink_to(folder.parent)
    for uri in ("link.png", "up/secret.png"):
        with pytest.raises(MediaError, match="leads out"):
            FolderMedia(folder).read(uri, 1)


def test_a_pipe_does_not_hang_the_audit(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(MediaError, match="not a file"):
        FolderMedia(folder).read("pipe", 1)


def test_size_is_bounded(folder: Path) -> None:
    media = FolderMedia(folder, max_bytes=4)
    for uri in ("a b.png", "data:,12345", "data:;base64,MTIzNDU="):
        with pytest.raises(MediaError, match="larger than 4 bytes"):
            media.read(uri, 1)


def test_a_path_without_a_folder_says_how_to_give_one() -> None:
    with pytest.raises(MediaError, match="--media"):
        FolderMedia(None).read("a.png", 1)


@given(uri=st.text(st.characters(), max_size=40) | st.from_regex(r"(https?|s3|data|file)://?[^\n]{0,30}"))
def test_no_address_however_broken_does_more_than_cost_its_task(uri: str) -> None:
    try:
        FolderMedia(Path(__file__).parent / "nothing").read(uri, 1)
    except MediaError:
        return
    assert uri.lower().startswith("data:")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_private_addresses_are_not_in_any_disguise(address: str) -> None:
    assert not is_public(address)
