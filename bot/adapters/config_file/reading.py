"""What the parts of the reader share: the file's tree, what is known around it, and what was found wrong so far."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bot.adapters.config_file.tree import Flaw, Node, Path, Place
from bot.domain.hosts import ANY_HOST, checked, is_allowed
from bot.domain.target import DistGitInstance, KojiHub, Target
from bot.domain.wording import quoted

DEFAULT_BACKEND = "sandbox"
"""What builds where no backend is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the service offers, to which a configuration may refer.

    None, and nothing for `backends`, mean that it is not known here: any name is then taken on trust.
    """

    presets: Mapping[str, Target] | None = field(default_factory=dict)
    """The targets that the operator has set up, by name."""
    backends: tuple[str, ...] = ()
    """Names of the build backends; the first is the default (`sandbox` where none is known)."""
    short_backends: Mapping[str, str] = field(default_factory=dict)
    """Other names of theirs, and what each means."""
    koji_hubs: Mapping[str, KojiHub] | None = None
    """The Koji hubs that the operator has set up, by name."""
    coprs: Mapping[str, str] | None = None
    """The Coprs that the operator has set up, by name: the address under which their results are."""
    dist_gits: Mapping[str, Mapping[str, DistGitInstance]] | None = None
    """By backend: the dist-gits that it knows, by name."""
    arch: str = "x86_64"
    """The architecture of targets that name none."""
    allowed_hosts: tuple[str, ...] = ANY_HOST
    """Hosts that repositories and lookaside caches may be on (`bot.domain.hosts`)."""
    allow_file: bool = True
    """Whether a repository may be a `file:` address: not where the configuration is somebody else's."""


@dataclass(slots=True, kw_only=True)
class Reading:
    """A file being read: everything wrong with it ends up in `flaws`."""

    root: Node
    wrong: frozenset[Path]
    """Paths of values that the schema refuses."""
    specs: tuple[str, ...]
    offer: Offer
    flaws: list[Flaw] = field(default_factory=list)

    def sound(self, path: Path) -> bool:
        """Whether nothing at the path or below was refused."""
        return not any(wrong[: len(path)] == path for wrong in self.wrong)

    def sound_items(self, key: str) -> Iterator[Node]:
        """Yield those items of a list at the top that are worth a closer look."""
        if key in self.root.items and (key,) not in self.wrong:
            for index, item in self.root.items[key].items.items():
                if self.sound((key, index)):
                    yield item

    def complain(self, place: Place, message: str) -> None:
        """Note something wrong."""
        self.flaws.append(Flaw(place, message))

    def check_address(self, node: Node, url: str) -> None:
        """Complain about an address that cannot be used, or whose host the operator does not allow."""
        try:
            parts = checked(url)
        except ValueError as error:
            # The address itself is left out: it may carry a password.
            self.complain(node.place, str(error))
            return
        if parts.scheme == "file":
            if not self.offer.allow_file:
                self.complain(node.place, "this service takes no repositories from its own disk; use an https: address")
        elif not is_allowed(parts, self.offer.allowed_hosts):
            message = f"host {quoted(str(parts.hostname))} is not among those that this service's operator allows"
            self.complain(node.place, f"{message}; ask the operator to add it, or use another")


def text(node: Node | None) -> str | None:
    """Return a value that the schema knows to be text, None where there is none."""
    return None if node is None else str(node.scalar)


def texts(node: Node | None) -> tuple[str, ...]:
    """Return a list that the schema knows to be of texts, empty where there is none."""
    return () if node is None else tuple(str(item.scalar) for item in node.items.values())
