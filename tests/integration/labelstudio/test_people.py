"""Who the people are that Label Studio knows by numbers."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from errata.labelstudio.client import LabelStudio
from errata.labelstudio.people import names_of_users


def test_annotators_are_called_by_their_addresses(label_studio: Any) -> None:
    """By the ids that labels have; a token that may not ask knows nobody, and hinders nothing."""
    own = label_studio.client.get("api/current-user/whoami")
    assert names_of_users(label_studio.client)[str(own["id"])] == label_studio.email
    with closing(LabelStudio(label_studio.url, "0" * 40)) as stranger:
        assert names_of_users(stranger) == {}
