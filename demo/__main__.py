"""`make demo`: a distribution in miniature, a forge, the bot, and two pull requests, checked for real.

Ends with one line of JSON, `{"<title>": {"<package>": "<VERDICT>"}}`, read from the bot's database. The exit status is
0 only if the whole story came out as it must.
"""

import argparse
import asyncio
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.sql.store import SqlStore
from bot.domain.report.words import WORDS
from bot.domain.run import ChangeRef, RepoRef, Run
from bot.domain.verdict import Finding, Verdict
from demo.backends import BACKENDS, Backend
from demo.distro import Distribution, make_distribution, repository_files
from demo.forges import FORGES, DemoForge, Said, Shown
from demo.pull_requests import STORY, changed_files
from demo.screen import Screen
from demo.sources import DemoError
from demo.story import PullRequest
from tests.fakes.service import Process

CACHE = Path(__file__).parents[1] / ".cache/demo"
PATIENCE = 600.0
"""Seconds for one pull request."""


class Unexpected(Exception):
    """The story did not come out as it must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the story is told: on which forge, by which bot, and to whom."""

    screen: Screen
    forge: DemoForge
    bot: Process


async def main(screen: Screen, *, keep: bool, backend: str, forge: str) -> None:
    """Tell the whole story on a forge and a backend; raise `Unexpected` where it goes another way."""
    screen.heading("A distribution in miniature, made of real upstream releases")
    distribution = await asyncio.to_thread(make_distribution, CACHE, screen.step)
    state = CACHE / "bot"
    shutil.rmtree(state, ignore_errors=True)
    async with BACKENDS[backend](CACHE / backend, distribution) as builders, FORGES[forge]() as served:
        bot = Process(directory=state)
        bot.environment = {**served.register(bot), "REVDEPS_COMMENT_SECONDS": "5", **builders.environment}
        try:
            await _tell_all(Scene(screen=screen, forge=served, bot=bot), distribution, builders)
            if keep:
                screen.step(f"the bot and its pages go on at {bot.url}; Ctrl-C ends them")
                await asyncio.Event().wait()
        finally:
            await bot.stop()


async def _tell_all(scene: Scene, distribution: Distribution, builders: Backend) -> None:
    forge, screen = scene.forge, scene.screen
    screen.heading(f"A forge ({forge.name}), and the bot as a process of its own; it builds in: {builders.name}")
    for story in STORY:
        await forge.create(story.repository, repository_files(story.package, distribution, builders.configuration))
    await scene.bot.start()
    await forge.begin()
    screen.step(f"the forge: {forge.url}   the bot: {scene.bot.url}")
    found = {story.title: await _tell(scene, story) for story in STORY}
    if forge.violations:
        raise Unexpected(f"requests that {forge.name} would refuse:\n" + "\n".join(forge.violations))
    screen.heading("Verdicts, from the database")
    print(json.dumps({title: {name: verdict.name for name, verdict in each.items()} for title, each in found.items()}))


async def _tell(scene: Scene, story: PullRequest) -> dict[str, Verdict]:
    """Open one pull request, watch it, give the commands, and hold the end against what it must be."""
    scene.screen.heading(f"{story.repository}: {story.title}")
    pull = await scene.forge.open(story.repository, story.title, changed_files(story.package))
    check = await _watch(scene, story, pull.head_sha)
    _show(scene, story, pull.number, check)
    for command in story.commands:
        await _command(scene, story, pull.number, command)
        if command.startswith("/revdeps retry"):
            await _restarted(scene, story, pull.head_sha)
        check = await _watch(scene, story, pull.head_sha)
    findings = await _findings(scene, story, pull.number)
    comment = await _summary(scene, story, pull.number, check)
    _compare(story, check, findings, comment)
    return {finding.package: finding.judgement.verdict for finding in findings}


async def _watch(scene: Scene, story: PullRequest, sha: str) -> Shown:
    """Show how the check goes until it is completed."""
    with scene.screen.progress() as tell:
        waited = 0.0
        while waited < PATIENCE:
            check = scene.forge.check(story.repository, sha)
            if check is not None:
                tell(f"revdeps: {check.title}")
                if check.conclusion is not None:
                    return check
            await asyncio.sleep(0.2)
            waited += 0.2
    raise Unexpected(f"{story.title}: no result in {PATIENCE:.0f} s; the bot's log: {scene.bot.log}")


def _show(scene: Scene, story: PullRequest, number: int, check: Shown) -> None:
    scene.screen.panel(f"check `revdeps`: {check.conclusion}", f"{check.title}\n\n{check.text}")
    for comment in _comments(scene, story, number, "revdeps:v1"):
        scene.screen.panel(f"{comment.author} on {story.repository}#{number}", comment.body)


def _comments(scene: Scene, story: PullRequest, number: int, marker: str) -> list[Said]:
    return [comment for comment in scene.forge.comments(story.repository, number) if marker in comment.body]


async def _command(scene: Scene, story: PullRequest, number: int, command: str) -> None:
    """Give a command as a maintainer, and show what comes back: reactions, and words where there are any."""
    answered = len(_comments(scene, story, number, "revdeps:answer"))
    before = len(scene.forge.comments(story.repository, number))
    await scene.forge.say(story.repository, number, command)
    scene.screen.step(f"hubot-packager: {command}")
    for _ in range(300):
        reactions = scene.forge.comments(story.repository, number)[before].reactions
        if "rocket" in reactions:
            break
        if "confused" in reactions:
            raise Unexpected(f"{command} was refused")
        await asyncio.sleep(0.1)
    else:
        raise Unexpected(f"{command} was not answered")
    scene.screen.step(f"the bot reacts: {', '.join(reactions)}")
    for answer in _comments(scene, story, number, "revdeps:answer")[answered:]:
        scene.screen.panel(f"{answer.author} answers", answer.body)


async def _restarted(scene: Scene, story: PullRequest, sha: str) -> None:
    """Wait until the check, which was completed, goes on; what is over before it would be told of shows in its end."""
    for _ in range(150):
        check = scene.forge.check(story.repository, sha)
        if check is None or check.conclusion is None:
            return
        await asyncio.sleep(0.1)


async def _findings(scene: Scene, story: PullRequest, number: int) -> Sequence[Finding]:
    """Read the newest run's verdicts from the bot's database."""
    store = await SqlStore.open(f"sqlite:///{scene.bot.directory}/state/revdeps.db")
    ref = ChangeRef(repo=RepoRef(forge=scene.forge.name, owner="octocat", name=story.package), number=number)
    try:
        async with store.transaction() as tx:
            runs: Sequence[Run] = await tx.runs.of_change(ref.id)
            return await tx.runs.findings(runs[0].id)
    finally:
        await store.close()


async def _summary(scene: Scene, story: PullRequest, number: int, check: Shown) -> str:
    """Return the comment once it tells of the check's end: it is edited a moment later."""
    for _ in range(200):
        found = _comments(scene, story, number, "revdeps:v1")
        if found and "Rebuilding" not in found[0].body:
            return found[0].body
        await asyncio.sleep(0.1)
    raise Unexpected(f"{story.title}: the comment does not tell the end ({check.title})")


def _compare(story: PullRequest, check: Shown, findings: Sequence[Finding], comment: str) -> None:
    """Raise `Unexpected` with every difference between the story as it went and as it must go."""
    found = {finding.package: finding.judgement for finding in findings}
    wrong = [
        f"{name}: {found[name].verdict.name if name in found else 'no verdict'}, expected {verdict.name}"
        for name, verdict in story.verdicts.items()
        if name not in found or found[name].verdict is not verdict
    ]
    wrong += [
        f"{name}: {found[name].verdict.name}, not expected at all" for name in found if name not in story.verdicts
    ]
    wrong += [
        f"{name}: its root is {found[name].root}, expected {root}"
        for name, root in story.roots.items()
        if name in found and found[name].root != root
    ]
    if check.conclusion != story.conclusion:
        wrong.append(f"the check ended as {check.conclusion}, expected {story.conclusion}")
    if story.cause not in comment:
        wrong.append(f"the comment does not tell the cause {story.cause!r}")
    for name, judgement in found.items():
        quiet = judgement.verdict is Verdict.STILL_PASSING
        if not quiet and name not in comment:
            wrong.append(f"the comment does not name {name} ({WORDS[judgement.verdict].label})")
    if wrong:
        raise Unexpected(f"{story.title}:\n" + "\n".join(wrong))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the bot and its pages running")
    parser.add_argument("--backend", choices=list(BACKENDS), default="sandbox", help="what builds the packages")
    parser.add_argument("--forge", choices=list(FORGES), default="github", help="what the pull requests are opened on")
    options = parser.parse_args()
    shown = Screen()
    try:
        asyncio.run(main(shown, keep=options.keep, backend=options.backend, forge=options.forge))
    except Unexpected as difference:
        print(f"demo: the story came out otherwise. {difference}", file=sys.stderr)
        sys.exit(1)
    except DemoError as trouble:
        print(f"demo: {trouble}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        pass
