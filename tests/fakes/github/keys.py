"""RSA keys for Apps (GitHub docs, "Managing private keys for GitHub Apps": PEM in PKCS#1, 2,048 bits)."""

import functools

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@functools.cache
def fresh_key() -> str:
    """A private key (PEM) for tests, made once a process."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(encoding, layout, serialization.NoEncryption()).decode()


def public_half(private_key: str) -> bytes:
    """The public key (PEM) of a private one."""
    loaded = serialization.load_pem_private_key(private_key.encode(), password=None)
    layout = serialization.PublicFormat.SubjectPublicKeyInfo
    return loaded.public_key().public_bytes(serialization.Encoding.PEM, layout)
