"""The user's access token for the model hub: kept in the system's keyring, or in memory where there is none.

It is never written into a project, a specification or a log; a job that fetches a model gets it in its environment.
"""

from __future__ import annotations

import os
import re

from fintune_gui.project.errors import ModelError

_SERVICE = "Fintune"
_ACCOUNT = "model hub"
VARIABLE = "HF_TOKEN"
"""The variable of the environment from which the hub's library takes a token."""

_in_memory: dict[str, str] = {}


def keep_token(token: str) -> bool:
    """Keep `token` from now on. Returns whether the keyring took it; else it is forgotten when the program ends.

    May take long, as some keyrings ask the user first. Raises `ModelError` for what cannot be a token.
    """
    token = token.strip()
    if not re.fullmatch(r"[\x21-\x7e]{8,200}", token):
        raise ModelError(
            "model.bad_token",
            "This is not an access token.",
            "A token is one word; those of the hub begin with “hf_”.",
            "Copy the whole token from the hub's page, and paste it again.",
        )
    _in_memory[_ACCOUNT] = token
    return _keyring_takes(token)


def read_token() -> str:
    """The kept token, or "". May take long, as some keyrings ask the user first."""
    if _ACCOUNT not in _in_memory:
        try:
            import keyring

            _in_memory[_ACCOUNT] = keyring.get_password(_SERVICE, _ACCOUNT) or ""
        except Exception:  # no keyring, a locked one, or whatever a backend of the system raises
            return ""
    return _in_memory[_ACCOUNT]


def forget_token() -> None:
    """Keep no token any more."""
    _in_memory[_ACCOUNT] = ""
    try:
        import keyring

        keyring.delete_password(_SERVICE, _ACCOUNT)
    except Exception:  # there was none, or there is no keyring
        return


def token_environment() -> dict[str, str]:
    """What a process that fetches models gets in its environment; nothing if no token is kept."""
    token = read_token()
    return {VARIABLE: token} if token else {}


def without_token(text: str) -> str:
    """`text` as it may be shown and logged: the token in this process's environment is taken out."""
    token = os.environ.get(VARIABLE, "")
    return text.replace(token, "…") if token else text


def _keyring_takes(token: str) -> bool:
    try:
        import keyring

        keyring.set_password(_SERVICE, _ACCOUNT, token)
        return bool(keyring.get_password(_SERVICE, _ACCOUNT) == token)
    except Exception:  # as in `read_token`
        return False
