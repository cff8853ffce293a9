"""The two sorts of tokens."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import pytest

from errata.errors import SettingError
from errata.labelstudio.tokens import Tokens


def jwt(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.sig"


class Exchange:
    """Hands out access tokens and counts them."""

    def __init__(self, lifetime_s: float = 300) -> None:
        self.n = 0
        self._lifetime_s = lifetime_s

    def __call__(self, personal: str) -> str:
        self.n += 1
        return jwt(token_type="access", n=self.n, iat=0, exp=self._lifetime_s)  # long past, by our clock


def test_a_legacy_token_is_sent_as_it_is() -> None:
    tokens = Tokens(" abc123\n", Exchange())
    assert tokens.header() == "Token abc123"
    assert not tokens.forget("Token abc123")


def test_a_personal_access_token_is_exchanged_once_whatever_the_clocks_say() -> None:
    exchange = Exchange()
    tokens = Tokens(jwt(token_type="refresh"), exchange)
    headers = {tokens.header() for _ in range(5)}
    assert exchange.n == 1
    assert headers == {"Bearer " + jwt(token_type="access", n=1, iat=0, exp=300)}


def test_an_access_token_that_is_spent_is_exchanged_again() -> None:
    exchange = Exchange(lifetime_s=0)
    tokens = Tokens(jwt(token_type="refresh"), exchange)
    assert tokens.header() != tokens.header()


def test_a_refused_access_token_is_forgotten_once_by_however_many_threads() -> None:
    exchange = Exchange()
    tokens = Tokens(jwt(token_type="refresh"), exchange)
    header = tokens.header()

    def ask_again() -> None:
        assert tokens.forget(header)
        tokens.header()

    threads = [threading.Thread(target=ask_again) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exchange.n == 2


def test_an_access_token_is_sent_as_a_bearer() -> None:
    access = jwt(token_type="access")
    assert Tokens(access, Exchange()).header() == f"Bearer {access}"


@pytest.mark.parametrize("token", ["", "  ", "two words", "tokén", "a\x00b"])
def test_what_cannot_be_a_token_is_refused_at_once(token: str) -> None:
    with pytest.raises(SettingError, match="ERRATA_LABEL_STUDIO_TOKEN") as raised:
        Tokens(token, Exchange())
    assert not token.strip() or token not in str(raised.value)
