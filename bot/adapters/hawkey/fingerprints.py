"""What the packages of a root are, in one number that follows a change with a subtraction and an addition.

It is the sum of the packages' fingerprints. A digest over a list would have to be taken anew, of some two hundred
packages, for every root in which one of them is another: that takes longer than all else where nothing has to be
solved.

Sets are hashed by addition as in Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing: Incrementality at
Reduced Cost" (Eurocrypt 1997), AdHash. Results are taken over where digests are equal, and whoever writes a change
chooses what many packages are; so it must be hard to find two sets with one sum. Wagner's "A Generalized Birthday
Problem" (Crypto 2002) finds them in about 2**(n / (1 + log2 k)) steps among k packages with fingerprints of n bits.
With the 256 bits of a usual digest that would be 2**32 steps for 128 packages; with these it is 2**256 for them,
2**186 for a thousand, and 2**90 for whoever had as many as he likes.
"""

import hashlib
from collections.abc import Iterable
from functools import cache

from bot.adapters.hawkey.universe import Universe

LENGTH = 256
"""Of a fingerprint and of a sum of them, in bytes."""
_MODULUS = 1 << 8 * LENGTH


class Fingerprints:
    """The fingerprints of a universe's binary packages, each worked out when it is asked for."""

    def __init__(self, universe: Universe) -> None:
        self._identity = universe.identity.__wrapped__  # asked for once: to remember it too would only take memory
        self._fingerprint = cache(self._work_out)

    def total(self, numbers: Iterable[int]) -> int:
        """Return the sum of some packages' fingerprints: of all in a root, what its digest is made of."""
        return sum(map(self._fingerprint, numbers)) % _MODULUS

    def _work_out(self, number: int) -> int:
        return int.from_bytes(hashlib.shake_256(self._identity(number).encode()).digest(LENGTH), "little")


def followed(total: int, gone: int, come: int) -> int:
    """Return the sum of a root by that of another one, and by those of what it has less and more."""
    return (total - gone + come) % _MODULUS


def packed(total: int) -> bytes:
    """Return a sum as it is kept."""
    return total.to_bytes(LENGTH, "little")


def unpacked(total: bytes) -> int:
    """Return the sum that was kept."""
    return int.from_bytes(total, "little")


def digest(total: int) -> str:
    """Return the digest of a root with this sum: the SHA-256 of it, in hexadecimal digits."""
    return hashlib.sha256(packed(total)).hexdigest()
