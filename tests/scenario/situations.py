"""What can be the case, as `test_texts` plays it: how it comes to be, and what people say then."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bot.domain.build import Failed, FailureReason, Outcome, Phase, Succeeded
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef
from tests.fakes.builder import failed
from tests.fakes.resolver import affected, uninstallable, unresolvable
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.outcomes import breaks
from tests.scenario.several import both, impacts, push_other
from tests.scenario.several import breaks as breaks_together
from tests.scenario.test_conversations import rebuilding
from tests.scenario.test_conversations import tested as regressed

Begin = Callable[[Stage], Awaitable[ChangeRef]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is the case, and what people say then, each in a comment of its own (author, text)."""

    title: str
    begin: Begin
    said: Sequence[tuple[str, str]] = ()
    pressed: Sequence[tuple[str, str]] = ()
    check: bool = False
    """Whether the check is shown as well."""
    permissions: dict[str, Permission] = field(default_factory=dict)
    companion: bool = False
    """Whether the check on the other change is shown as well."""


def me(*texts: str) -> Sequence[tuple[str, str]]:
    return [("octocat", text) for text in texts]


def asked(title: str, begin: Begin, *texts: str) -> Situation:
    """Return a situation of which nothing but the answers is shown."""
    return Situation(title=title, begin=begin, said=me(*texts))


async def passes(revdeps: Stage) -> ChangeRef:
    revdeps.builder.outcome_for = breaks()
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
    return await settled(revdeps)


async def settled(revdeps: Stage, **state: object) -> ChangeRef:
    ref = await revdeps.open(**state)  # type: ignore[arg-type]
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=2)
    await revdeps.settle()
    return ref


async def hours_pass(revdeps: Stage) -> None:
    """Let so much time pass that whatever is tried again was tried for the last time."""
    for _ in range(4):
        revdeps.clock.pass_time(hours=1)
        await revdeps.settle()


def fails(outcome: Outcome) -> Begin:
    async def begin(revdeps: Stage) -> ChangeRef:
        revdeps.builder.outcome_for = lambda request: outcome
        revdeps.resolver.script_impact(["libfoo"], affected("bar"), sources=10)
        return await settled(revdeps)

    return begin


def configured(text: str | None, **state: object) -> Begin:
    async def begin(revdeps: Stage) -> ChangeRef:
        revdeps.builder.outcome_for = breaks()
        return await settled(revdeps, config=text, **state)

    return begin


async def unaffected(revdeps: Stage) -> ChangeRef:
    revdeps.builder.outcome_for = breaks()
    revdeps.resolver.script_impact(["libfoo"], sources=10)
    return await settled(revdeps)


async def outsiders(revdeps: Stage) -> ChangeRef:
    return await settled(revdeps, author="mallory-octocat")


async def not_resolvable(revdeps: Stage) -> ChangeRef:
    revdeps.builder.outcome_for = breaks()
    problem = "nothing provides libfoo.so.1 needed by bar-1-1"
    revdeps.resolver.script_impact(["libfoo"], unresolvable("bar", problem), affected("baz"), sources=10)
    return await settled(revdeps)


async def not_installable(revdeps: Stage) -> ChangeRef:
    problem = "nothing provides libquux.so.9 needed by foo-tools-1-1.x86_64"
    revdeps.builder.outcome_for = breaks()
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), sources=10)
    revdeps.resolver.script_broken(["libfoo"], uninstallable("libfoo", problem, binary="foo-tools"))
    return await settled(revdeps)


async def broken_by_a_rebuild(revdeps: Stage) -> ChangeRef:
    gone = uninstallable("libbar", "nothing provides libfoo.so.1 needed by libbar-1-1.x86_64")
    wants = "package foo-tools-1-1.x86_64 requires libbar.so.1, but none of the providers can be installed"
    waits = uninstallable("libfoo", f"{gone.problem}\n{wants}", binary="foo-tools")
    moved = uninstallable("app", "nothing provides libbar.so.1 needed by app-1-1.x86_64")
    revdeps.builder.outcome_for = breaks()
    revdeps.resolver.script_impact(["libfoo"], affected("libbar"), sources=10, broken=[gone])
    revdeps.resolver.script_broken(["libfoo"], waits)
    revdeps.resolver.script_impact(["libfoo", "libbar"], sources=10, broken=[moved])
    revdeps.resolver.script_broken(["libfoo", "libbar"])
    return await settled(revdeps)


async def incomplete(revdeps: Stage) -> ChangeRef:
    trouble = Failed(reason=FailureReason.INFRASTRUCTURE, phase=Phase.BUILDROOT, signature="x", cause="mirror is gone")
    revdeps.builder.outcome_for = lambda request: trouble if request.package == "bar" else Succeeded()
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
    ref = await settled(revdeps)
    await hours_pass(revdeps)
    return ref


async def cancelled(revdeps: Stage) -> ChangeRef:
    ref = await rebuilding(revdeps)
    await revdeps.say(ref, "/revdeps cancel")
    return ref


async def closed(revdeps: Stage) -> ChangeRef:
    ref = await rebuilding(revdeps)
    revdeps.forge.close(ref)
    await revdeps.deliver_refresh(ref)
    await revdeps.settle()
    return ref


async def limited(revdeps: Stage) -> ChangeRef:
    revdeps.builder.outcome_for = breaks()
    names = [f"pkg{number}" for number in range(5)]
    revdeps.resolver.script_impact(["libfoo"], *(affected(name) for name in names), sources=10)
    return await settled(revdeps, config=CONFIG + "reverse-dependencies: {limit: 2}\n")


def together(where: dict[str, tuple[str, ...]]) -> Begin:
    """Let two changes be tested together, of which these packages fail in these places."""

    async def begin(revdeps: Stage) -> ChangeRef:
        lead, _ = await both(revdeps)
        impacts(revdeps, first=("app",), second=("app",))
        revdeps.builder.outcome_for = breaks_together(where)
        await revdeps.say(lead, "/revdeps with octocat/other!1")
        return lead

    return begin


async def moved_on(revdeps: Stage) -> ChangeRef:
    lead = await together({})(revdeps)
    other = next(ref for ref in revdeps.forge.changes if ref.repo.name == "other")
    await push_other(revdeps, other)
    await revdeps.settle()
    return lead


async def out_of_time(revdeps: Stage) -> ChangeRef:
    ref = await rebuilding(revdeps)
    revdeps.clock.pass_time(hours=13)
    await revdeps.settle()
    return ref


DISK_FULL = Failed(reason=FailureReason.INFRASTRUCTURE, phase=Phase.BUILDROOT, signature="x", cause="disk full")


async def elsewhere(revdeps: Stage) -> ChangeRef:
    return await settled(revdeps, config=CONFIG.replace("libfoo.spec", "rpm/libfoo.spec"), paths=("README.md",))


async def out_of_order(revdeps: Stage) -> ChangeRef:
    ref = await fails(DISK_FULL)(revdeps)
    await hours_pass(revdeps)
    return ref


WAITING = "A stranger's change waits"
SITUATIONS = [
    Situation(title="Nothing breaks", begin=passes, check=True),
    Situation(title="A package breaks", begin=regressed, check=True),
    Situation(title="A package cannot be built any more, which is known before", begin=not_resolvable, check=True),
    Situation(
        title="What the change brings cannot be installed",
        begin=not_installable,
        said=me(
            "/revdeps why libfoo",
            "/revdeps logs libfoo",
            "/revdeps retry libfoo",
            "/revdeps skip libfoo",
            "/revdeps waive libfoo -- quux comes tomorrow",
        ),
        check=True,
    ),
    Situation(
        title="A rebuilt package breaks another", begin=broken_by_a_rebuild, said=me("/revdeps why app"), check=True
    ),
    Situation(title="Nothing is affected", begin=unaffected, check=True),
    Situation(title="The change itself does not build", begin=fails(failed("libfoo.c:3: undeclared")), check=True),
    Situation(
        title="The service is at fault",
        begin=out_of_order,
        check=True,
    ),
    Situation(title="Too little could be tested", begin=incomplete, check=True),
    Situation(title="More is affected than may be built", begin=limited, check=True),
    Situation(
        title=WAITING,
        begin=outsiders,
        said=me("/revdeps status", "/revdeps with octocat/other!1"),
        check=True,
    ),
    Situation(title="There is no configuration", begin=configured(None), said=me("/revdeps config"), check=True),
    Situation(
        title="The configuration is wrong",
        begin=configured("version: 1\ntargets: [rawhid]\nmodee: auto\n"),
        said=me("/revdeps config"),
        check=True,
    ),
    Situation(
        title="No package is touched",
        begin=elsewhere,
        check=True,
    ),
    Situation(title="Drafts are not tested", begin=configured(CONFIG + "drafts: skip\n", draft=True), check=True),
    Situation(title="Only some labels are tested", begin=configured(CONFIG + "labels: [test-me]\n"), check=True),
    Situation(title="Somebody stops it", begin=cancelled, check=True),
    Situation(title="It is closed", begin=closed, check=True),
    Situation(title="While it goes on", begin=rebuilding, said=me("/revdeps status"), check=True),
    Situation(title="Its time is up", begin=out_of_time, said=me("/revdeps status"), check=True),
    Situation(title="Several changes together break nothing", begin=together({}), check=True, companion=True),
    Situation(
        title="One of several changes is to blame",
        begin=together({"app": ("together", "1")}),
        check=True,
        companion=True,
    ),
    Situation(
        title="Several changes break something only together",
        begin=together({"app": ("together",)}),
        check=True,
        companion=True,
    ),
    Situation(title="One of several changes moves on", begin=moved_on, check=True),
    asked(
        "What anybody may ask",
        regressed,
        "/revdeps help",
        "/revdeps status",
        "/revdeps why bar",
        "/revdeps logs bar",
        "/revdeps config",
    ),
    asked(
        "Slips of the pen",
        regressed,
        "/revdeps retyr bar",
        "/revdeps retest",
        "/revdeps why ba",
        "/revdeps why",
        "/revdeps why bar baz",
        "/revdeps rebuild",
        "/revdeps retry bra",
        "/revdeps retry 'rm -rf /'",
        "/revdeps run limt=3",
        "/revdeps run limit=lots",
        "/revdeps run limit=1 limit=2",
        "/revdeps run bar",
        "/revdeps run target=nowhere",
        "/revdeps ok @beef",
        "/revdeps status @a1b2c3d",
        "/revdeps priority bar",
        "/revdeps priority bar high",
        "/revdeps waive bar",
        "/revdeps waive bar until=yesterday -- why not",
        "/revdeps waive bar until=2020-01-01 -- why not",
        f"/revdeps waive bar -- {'because ' * 60}",
        "/revdeps waive nonsense -- why not",
        "/revdeps unwaive bar",
        "/revdeps with",
        "/revdeps with octocat/libfoo",
        "/revdeps with octocat/libfoo!1",
        "/revdeps with octocat/libfoo!7",
        "/revdeps with octocat/nowhere!1",
        "/revdeps with https://elsewhere.example/octocat/other/pull/1",
        "/revdeps with https://forge.example/octocat/other/wiki",
        "/revdeps with a/a!1 a/a!2 a/a!3 a/a!4 a/a!5 a/a!6",
        "/revdeps skip nonsense",
        "/revdeps include bar",
    ),
    asked(
        "Nothing to do",
        passes,
        "/revdeps retry",
        "/revdeps cancel",
        "/revdeps revoke",
        "/revdeps baseline",
        "/revdeps priority bar 5",
    ),
    asked(
        "What is being done already",
        rebuilding,
        "/revdeps retry bar",
        "/revdeps rebuild bar",
        "/revdeps skip baz\n/revdeps skip baz",
        "/revdeps run",
    ),
    Situation(
        title="Those who may not",
        begin=regressed,
        said=[("reader", f"/revdeps {words}") for words in ("run", "retry", "rebuild bar", "cancel", "skip bar")]
        + [("triager", f"/revdeps {words}") for words in ("ok", "revoke", "waive bar -- x", "unwaive bar")],
        permissions={"reader": Permission.READ, "triager": Permission.TRIAGE},
    ),
    Situation(
        title="Buttons",
        begin=regressed,
        pressed=[
            ("retry-failed", "octocat"),
            ("refresh-baseline", "octocat"),
            ("waive", "octocat"),
            ("approve", "octocat"),
            ("retry-failed", "passer-by"),
            ("nonsense", "octocat"),
        ],
    ),
    Situation(
        title="Waived, and taken back",
        begin=regressed,
        said=me("/revdeps waive bar until=2026-02-01 -- ported next week", "/revdeps unwaive bar"),
        check=True,
    ),
    asked(
        "Too many commands, and other languages",
        regressed,
        "/revdeps status\n" * 2 + "/revdeps help me\n" + "/revdeps nope\n" * 30,
        "/revdeps пересобрать bar",
    ),
]
