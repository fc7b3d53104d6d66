"""Encrypt the secrets of the data file: API keys of other services, room tokens, the key that signs session tokens."""

import base64
import hashlib
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from simulator.store import StoreUnusable


class WrongKey(ValueError):
    """The text was encrypted with another key, or was changed."""


class Vault:
    """Encrypts and decrypts texts with one key (Fernet: AES-128-CBC and HMAC-SHA256)."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    def seal(self, text: str) -> str:
        """Return the text encrypted, as ASCII characters."""
        # A JSON string may hold half a surrogate pair; strict UTF-8 cannot encode it.
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def open(self, sealed: str) -> str:
        """Return the text that `seal` encrypted. Raises WrongKey."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise WrongKey("encrypted with another key") from None


def vault_for(data: str, secret_key: str | None) -> Vault:
    """Return the vault of the data file `data`.

    The key is derived from `secret_key`. Without one it is read from the `.key` file beside the data, created on the
    first use and readable by its owner only. Without a data file the key is random.
    Raises StoreUnusable when the key file can be neither read nor created.
    """
    if secret_key is not None:
        return Vault(base64.urlsafe_b64encode(hashlib.sha256(secret_key.encode()).digest()))
    if not data:
        return Vault(Fernet.generate_key())
    path = Path(data).with_suffix(".key")
    try:
        return Vault(_key_in(path))
    except (OSError, ValueError) as error:
        raise StoreUnusable(
            f"SIMULATOR_DATA: the key file beside it, {path}, cannot be used: {error}"
        ) from error


def _key_in(path: Path) -> bytes:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            key = Fernet.generate_key()
            file.write(key)
            return key
    except FileExistsError:
        return path.read_bytes().strip()
