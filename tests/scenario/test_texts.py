"""Everything that the bot says in a conversation, side by side in one file, for whoever reviews the words.

Each situation is played, and what people see afterwards stands in `snapshots/texts.md`, and as people on a GitLab see
it in `snapshots/texts-gitlab.md`. After a wanted change: `UPDATE_SNAPSHOTS=1 .venv/bin/python -m pytest
tests/scenario/test_texts.py`, then read the difference as those who get it would: is it short, kind, exact, and does it
say what to do next?
"""

import os
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.adapters.gitlab import statuses
from bot.adapters.gitlab.notes import NOTE_LIMIT
from bot.adapters.gitlab.parlance import MERGE_REQUESTS
from bot.domain.build import Failed, FailureReason, Outcome, Phase, Succeeded
from bot.domain.permission import Permission
from bot.domain.publication import Capabilities, Check
from bot.domain.run import ChangeRef
from tests.fakes.builder import failed
from tests.fakes.forge import FakeForge
from tests.fakes.resolver import affected, unresolvable
from tests.scenario.harness import CONFIG, Stage, stage
from tests.scenario.outcomes import breaks
from tests.scenario.several import both, impacts, push_other
from tests.scenario.several import breaks as breaks_together
from tests.scenario.test_conversations import answers, rebuilding
from tests.scenario.test_conversations import tested as regressed
from tests.scenario.test_lifecycle import press

SNAPSHOTS = Path(__file__).parent / "snapshots"
GITHUB = FakeForge().limits
GITLAB = Capabilities(
    buttons=False,
    annotations=False,
    comment_limit=NOTE_LIMIT,
    text_limit=NOTE_LIMIT,
    rich_checks=False,
    parlance=MERGE_REQUESTS,
)
_FOREIGN = re.compile(r"\bpull\b|\bPRs?\b|[A-Za-z]#\u200b?\d|OWNER|\b(read|triage|write|no) permission|\brepository,")
"""What nobody on GitLab says, or not of this."""
LONGEST = 600
"""Characters of an answer; what is asked for as a list may be longer."""
_LISTS = ("help", "config", "why", "logs", "status")
_HARSH = re.compile(r"\b(error|invalid|illegal|failed to|unable|fatal|abort|must|please|sorry|oops)\b", re.IGNORECASE)

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


async def incomplete(revdeps: Stage) -> ChangeRef:
    trouble = Failed(reason=FailureReason.INFRASTRUCTURE, phase=Phase.BUILDROOT, signature="x", cause="mirror is gone")
    revdeps.builder.outcome_for = lambda request: trouble if request.package == "bar" else Succeeded()
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
    ref = await settled(revdeps)
    for _ in range(4):
        revdeps.clock.pass_time(hours=1)
        await revdeps.settle()
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
    for _ in range(4):
        revdeps.clock.pass_time(hours=1)
        await revdeps.settle()
    return ref


WAITING = "A stranger's change waits"
SITUATIONS = [
    Situation(title="Nothing breaks", begin=passes, check=True),
    Situation(title="A package breaks", begin=regressed, check=True),
    Situation(title="A package cannot be built any more, which is known before", begin=not_resolvable, check=True),
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
    Situation(
        title="What anybody may ask",
        begin=regressed,
        said=me("/revdeps help", "/revdeps status", "/revdeps why bar", "/revdeps logs bar", "/revdeps config"),
    ),
    Situation(
        title="Slips of the pen",
        begin=regressed,
        said=me(
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
    ),
    Situation(
        title="Nothing to do",
        begin=passes,
        said=me("/revdeps retry", "/revdeps cancel", "/revdeps revoke", "/revdeps baseline", "/revdeps priority bar 5"),
    ),
    Situation(
        title="What is being done already",
        begin=rebuilding,
        said=me("/revdeps retry bar", "/revdeps rebuild bar", "/revdeps skip baz\n/revdeps skip baz", "/revdeps run"),
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
    Situation(
        title="Too many commands, and other languages",
        begin=regressed,
        said=me("/revdeps status\n" * 2 + "/revdeps help me\n" + "/revdeps nope\n" * 30, "/revdeps пересобрать bar"),
    ),
]


def plain(text: str) -> str:
    """Return a text without what is another one every time."""
    text = re.sub(r"runs/[0-9a-f]{12}", "runs/RUN", text)
    text = re.sub(r"run=[0-9a-f]{12}", "run=RUN", text)
    return re.sub(r"/log/[a-z]/[^)\s]+", "/log/LOG", text)


async def played(revdeps: Stage, situation: Situation) -> str:
    """Play a situation, and return what people see of it."""
    for user, permission in situation.permissions.items():
        revdeps.forge.grant(user, permission)
    ref = await situation.begin(revdeps)
    lines = [f"## {situation.title}\n"]
    if situation.check:
        lines += shown(revdeps, ref)
    if situation.companion:
        lines.append("On the other change:\n")
        lines += shown(revdeps, next(other for other in revdeps.forge.changes if other.repo.name == "other"))
    for author, text in situation.said:
        before = len(answers(revdeps, ref))
        comment = await revdeps.say(ref, text, author)
        reactions = " ".join(reaction.value for reaction in comment.reactions)
        written = text if len(text) < 120 else f"{text[:100]}…"
        lines.append(f"{author}: `{written!r}` → {reactions or 'nothing'}\n")
        lines += [f"{quoted(body)}\n" for body in answers(revdeps, ref)[before:]]
        for body in answers(revdeps, ref)[before:]:
            examine(text, body)
    for button, user in situation.pressed:
        before = len(answers(revdeps, ref))
        await press(revdeps, ref, button, user)
        await revdeps.settle()
        lines.append(f"{user} presses `{button}`\n")
        lines += [f"{quoted(body)}\n" for body in answers(revdeps, ref)[before:]]
    return plain("\n".join(lines))


def shown(revdeps: Stage, ref: ChangeRef) -> list[str]:
    """Return a check as people see it: with its summary, or as one line, with what stands in the comment instead."""
    check = revdeps.check(ref)
    if revdeps.forge.capabilities.rich_checks:
        return [f"check: {state_of(check)}: {check.title}\n", f"{quoted(check.summary)}\n"]
    status = statuses.body(check)
    notes = [note for note in (revdeps.comment(ref),) if note]
    return [f"status: {status['state']}: {status['description']}\n", *(f"{quoted(note)}\n" for note in notes)]


def state_of(check: Check) -> str:
    return check.conclusion.value if check.conclusion else check.status.value


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def examine(asked: str, body: str) -> None:
    """Hold an answer against the rules that every answer keeps."""
    words = body.partition("\n")[2].strip()
    outside_code = re.sub(r"```.*?```|`[^`]*`", "", words, flags=re.DOTALL)
    assert words
    assert not _HARSH.search(outside_code), (asked, words)
    if "\n" not in asked and not asked.startswith(tuple(f"/revdeps {verb}" for verb in _LISTS)):
        assert len(words) <= LONGEST, (asked, len(words))
        assert words.endswith((".", "`", "?", "```")), (asked, words)


@pytest.mark.parametrize(
    ("forge", "name"), [(GITHUB, "texts.md"), (GITLAB, "texts-gitlab.md")], ids=["GitHub", "GitLab"]
)
async def test_what_people_read(tmp_path: Path, forge: Capabilities, name: str) -> None:
    parts = []
    for number, situation in enumerate(SITUATIONS):
        directory = tmp_path / str(number)
        directory.mkdir()
        async with stage(directory) as revdeps:
            revdeps.forge.limits = forge
            parts.append(await played(revdeps, situation))
    text = "# What the bot says\n\n" + "\n".join(parts)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        (SNAPSHOTS / name).write_text(text, encoding="utf-8")
    assert text == (SNAPSHOTS / name).read_text(encoding="utf-8")


def test_nobody_on_gitlab_reads_the_words_of_another_forge() -> None:
    said_by_the_bot = [
        line for line in (SNAPSHOTS / "texts-gitlab.md").read_text(encoding="utf-8").splitlines() if line[:1] == ">"
    ]
    addresses = re.compile(r"https://\S+")
    assert len(said_by_the_bot) > 300
    assert [line for line in said_by_the_bot if _FOREIGN.search(addresses.sub("", line))] == []
