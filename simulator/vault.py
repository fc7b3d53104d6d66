"""Encryption of what must not lie about readable: API keys of others, tokens, the key that signs sessions."""

import base64
import hashlib
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from simulator.store import StoreUnusable


class WrongKey(ValueError):
    """Sealed with another key, or changed since."""


class Vault:
    """Seals texts with one key (Fernet: AES-128-CBC and HMAC-SHA256)."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    def seal(self, text: str) -> str:
        # JSON lets a client write half a surrogate pair, which UTF-8 does not.
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def open(self, sealed: str) -> str:
        """Raises WrongKey."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise WrongKey("sealed with another key") from None


def vault_for(data: str, secret_key: str | None) -> Vault:
    """The vault of the data file `data`: its key comes from `secret_key`, else from a file beside the data that
    only its owner may read, made now if there is none. Without a data file the key is forgotten with the process.

    Raises StoreUnusable when the key file can be neither read nor made.
    """
    if secret_key is not None:
        return Vault(base64.urlsafe_b64encode(hashlib.sha256(secret_key.encode()).digest()))
    if not data:
        return Vault(Fernet.generate_key())
    path = Path(data).with_suffix(".key")
    try:
        return Vault(_key_in(path))
    except (OSError, ValueError) as error:
        raise StoreUnusable(f"SIMULATOR_DATA: the key beside it, {path}, cannot be used: {error}") from error


def _key_in(path: Path) -> bytes:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            key = Fernet.generate_key()
            file.write(key)
            return key
    except FileExistsError:
        return path.read_bytes().strip()
