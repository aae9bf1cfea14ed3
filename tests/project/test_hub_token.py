"""The token for the hub: in the keyring where there is one, else in memory."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend

from fintune_gui.project import hub_token
from fintune_gui.project.errors import ModelError

TOKEN = "hf_abcdefghijklmnop"


class _Keyring(KeyringBackend):
    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_token, "_in_memory", {})


@pytest.fixture
def ring() -> Iterator[_Keyring]:
    before, ring = keyring.get_keyring(), _Keyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def test_that_a_token_is_kept_in_the_keyring_and_there_at_the_next_start(ring, monkeypatch) -> None:
    assert hub_token.keep_token(TOKEN)
    assert list(ring.kept.values()) == [TOKEN]

    monkeypatch.setattr(hub_token, "_in_memory", {})
    assert hub_token.token_environment() == {"HF_TOKEN": TOKEN}
    hub_token.forget_token()
    assert ring.kept == {}
    assert hub_token.token_environment() == {}


def test_that_without_a_keyring_a_token_is_kept_while_the_program_runs() -> None:
    assert not hub_token.keep_token(TOKEN)
    assert hub_token.read_token() == TOKEN


@pytest.mark.parametrize("text", ["", "short", "two words here", "hf_line\nInjected: header", "ünicode-token"])
def test_that_what_cannot_be_a_token_is_refused(text: str) -> None:
    with pytest.raises(ModelError):
        hub_token.keep_token(text)
    assert hub_token.read_token() == ""


def test_that_a_token_is_taken_out_of_texts(monkeypatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert hub_token.without_token(f"Bearer {TOKEN} refused") == "Bearer … refused"
