from __future__ import annotations

import pytest

from errata.errors import UsageError
from errata.labelstudio.target import Target, read_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("12", Target(None, 12)),
        ("https://ls.example.com", Target("https://ls.example.com/", None)),
        ("https://ls.example.com/projects/12/data?tab=3&task=7", Target("https://ls.example.com/", 12)),
        ("http://127.0.0.1:8080/projects/12", Target("http://127.0.0.1:8080/", 12)),
        ("https://a.b/tools/ls/projects/12/settings/ml", Target("https://a.b/tools/ls/", 12)),
        ("https://a.b/ls/user/login/?next=/projects/", Target("https://a.b/ls/", None)),
        ("https://a.b/ls/projects/", Target("https://a.b/ls/", None)),
        ("https://a.b/ls/", Target("https://a.b/ls/", None)),
    ],
)  # fmt: skip
def test_addresses_as_people_copy_them(text: str, target: Target) -> None:
    """A number, a page of a project, another page, or where Label Studio is; sub-paths stay."""
    assert read_target(text) == target


@pytest.mark.parametrize(
    "text", ["", "twelve", "-1", "ls.example.com/projects/12", "https://", "https://me:pw@ls.example.com"]
)
def test_what_is_neither(text: str) -> None:
    """Wrong use, and a password in it is not repeated."""
    with pytest.raises(UsageError) as error:
        read_target(text)
    assert "pw" not in str(error.value)
