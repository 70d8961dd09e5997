"""What the binary packages of a base are, and their order: all that the digest of a root needs, worked out once.

To find it out anew for every root takes longer than everything else where nothing has to be solved.
"""

import hashlib
from array import array
from bisect import bisect
from collections.abc import Iterable
from functools import cached_property

from bot.adapters.hawkey.loading import SOURCE_ARCHES
from bot.adapters.hawkey.universe import Universe

_LENGTH = hashlib.sha256().digest_size


class Fingerprints:
    """The fingerprints of binary packages, by number; `order` are these numbers, sorted by the packages' identities."""

    def __init__(self, order: "array[int]", sums: list[bytes]) -> None:
        self.order = order
        self._sums = sums

    @classmethod
    def of(cls, universe: Universe) -> "Fingerprints":
        """Work them out for every binary package of a base."""
        packages = universe.packages
        binaries = [number for number in packages if packages[number].arch not in SOURCE_ARCHES]
        sums = [b""] * (max(packages, default=-1) + 1)
        for number in binaries:
            sums[number] = fingerprint(universe.identity(number))
        return cls(array("I", sorted(binaries, key=universe.identity)), sums)

    @classmethod
    def unpacked(cls, order: "array[int]", sums: "array[int]") -> "Fingerprints":
        """Make them of what `order` and `packed` were."""
        whole, size = sums.tobytes(), max(order, default=-1) + 1
        found = [b""] * size
        for place, number in enumerate(order):
            found[number] = whole[_LENGTH * place : _LENGTH * (place + 1)]
        return cls(order, found)

    @property
    def packed(self) -> "array[int]":
        """The fingerprints one after the other, in order."""
        return array("B", b"".join(map(self._sums.__getitem__, self.order)))

    @cached_property
    def _ranks(self) -> list[int]:
        ranks = [0] * len(self._sums)
        for rank, number in enumerate(self.order):
            ranks[number] = rank
        return ranks

    def digest(self, numbers: Iterable[int]) -> str:
        """Return the digest of a root: see `Roots.digest`."""
        in_order = sorted(numbers, key=self._ranks.__getitem__)
        return hashlib.sha256(b"".join(map(self._sums.__getitem__, in_order))).hexdigest()

    def over(self, base: Universe, changed: Universe, brought: Iterable[int]) -> "Fingerprints":
        """Return these and those of what a change brings; the base's packages have the same numbers on both sides."""
        order = array("I", self.order)
        sums = list(self._sums)
        for number in sorted(brought, key=changed.identity, reverse=True):  # so what is inserted stands behind
            identity = changed.identity(number)
            order.insert(bisect(self.order, identity, key=base.identity), number)
            sums.extend([b""] * (number + 1 - len(sums)))
            sums[number] = fingerprint(identity)
        return Fingerprints(order, sums)


def fingerprint(identity: str) -> bytes:
    """Return what stands for a package in a digest."""
    return hashlib.sha256(identity.encode()).digest()
