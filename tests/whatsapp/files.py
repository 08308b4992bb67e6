"""Files as WhatsApp's apps encrypt them before they upload them."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def encrypted(content: bytes, key: bytes) -> bytes:
    """A picture as WhatsApp's apps upload it."""
    keys = HKDF(SHA256(), 112, salt=None, info=b"WhatsApp Image Keys").derive(key)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(keys[16:48]), modes.CBC(keys[:16])).encryptor()
    body = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    return body + hmac.digest(keys[48:80], keys[:16] + body, hashlib.sha256)[:10]
