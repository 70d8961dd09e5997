"""What each of the demo's pull requests changes, and how its check must end.

MarkupSafe 2.1 dropped `soft_unicode`, which Jinja2 before 3.0 imports: in 2022 that broke whatever had pinned the one
and not the other. The library's new soname is the everyday case: most dependents need nothing but a rebuild.
"""

from collections.abc import Mapping
from pathlib import Path

from bot.domain.verdict import Verdict
from demo.distro import package_files
from demo.sources import CACHE
from demo.story import PullRequest

STORY = (
    PullRequest(
        package="python-markupsafe",
        title="Update python-markupsafe to 2.1.5",
        conclusion="failure",
        verdicts={
            "python-jinja2": Verdict.REGRESSED,
            "python-flask": Verdict.REGRESSED,
            "python-mako": Verdict.STILL_PASSING,
            "python-wtforms": Verdict.STILL_PASSING,
            "python-dogpile-cache": Verdict.STILL_PASSING,
            "python-pdoc": Verdict.STILL_FAILING,
        },
        roots={"python-flask": "python-jinja2"},
        cause="ImportError: cannot import name 'soft_unicode' from 'markupsafe'",
        commands=("/revdeps retry python-jinja2", "/revdeps why python-flask"),
    ),
    PullRequest(
        package="libgreet",
        title="Move libgreet to libgreet.so.2",
        conclusion="failure",
        verdicts={
            "greeter": Verdict.NEEDS_REBUILD,
            "greeting-cards": Verdict.NEEDS_REBUILD,
            "oldgreet": Verdict.REGRESSED,
        },
        cause="implicit declaration of function",
    ),
)


def changed_files(package: str, sources: Path = CACHE / "sources") -> Mapping[str, bytes]:
    """Return the files that the package's pull request adds or changes; `sources` holds the released ones."""
    return package_files(Path(__file__).parent / package, sources)
