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
from pathlib import Path

from bot.adapters.sql.store import SqlStore
from bot.domain.report.words import WORDS
from bot.domain.run import ChangeRef, RepoRef, Run
from bot.domain.verdict import Finding, Verdict
from demo.backends import BACKENDS, Backend
from demo.distro import Distribution, make_distribution, repository_files
from demo.pull_requests import STORY, changed_files
from demo.screen import Screen
from demo.sources import DemoError
from demo.story import PullRequest
from tests.fakes.github.model import CheckRun, Comment
from tests.fakes.service import Service, service

CACHE = Path(__file__).parents[1] / ".cache/demo"
PATIENCE = 600.0
"""Seconds for one pull request."""


class Unexpected(Exception):
    """The story did not come out as it must."""


async def main(screen: Screen, *, keep: bool, backend: str) -> None:
    """Tell the whole story on a backend; raise `Unexpected` where it goes another way."""
    screen.heading("A distribution in miniature, made of real upstream releases")
    distribution = await asyncio.to_thread(make_distribution, CACHE, screen.step)
    state = CACHE / "bot"
    shutil.rmtree(state, ignore_errors=True)
    async with (
        BACKENDS[backend](CACHE / backend, distribution) as builders,
        service(state, REVDEPS_COMMENT_SECONDS="5", **builders.environment) as bot,
    ):
        screen.heading(f"A forge, and the bot as a process of its own; it builds in: {backend}")
        await _prepare(bot, distribution, builders)
        await bot.start()
        await bot.github.install("octocat")
        screen.step(f"the forge: {bot.github.url}   the bot: {bot.url}")
        found = {}
        for pull_request in STORY:
            found[pull_request.title] = await _tell(screen, bot, pull_request)
        if bot.github.violations:
            raise Unexpected("requests that GitHub would refuse:\n" + "\n".join(bot.github.violations))
        screen.heading("Verdicts, from the database")
        print(
            json.dumps({title: {name: verdict.name for name, verdict in each.items()} for title, each in found.items()})
        )
        if keep:
            screen.step(f"the bot and its pages go on at {bot.url}; Ctrl-C ends them")
            await asyncio.Event().wait()


async def _prepare(bot: Service, distribution: Distribution, builders: Backend) -> None:
    for pull_request in STORY:
        files = repository_files(pull_request.package, distribution, builders.configuration)
        await bot.github.create_repository(pull_request.repository, files)
        bot.github.set_permission(pull_request.repository, "hubot-packager", "write")


async def _tell(screen: Screen, bot: Service, story: PullRequest) -> dict[str, Verdict]:
    """Open one pull request, watch it, give the commands, and hold the end against what it must be."""
    screen.heading(f"{story.repository}: {story.title}")
    files = changed_files(story.package)
    branch = story.title.lower().replace(" ", "-")
    pull = await bot.github.open_pull_request(story.repository, branch, story.title, "hubot-packager", files=files)
    check = await _watch(screen, bot, story, pull.head_sha)
    _show(screen, bot, story, pull.number, check)
    for command in story.commands:
        await _command(screen, bot, story, pull.number, command)
        check = await _watch(screen, bot, story, pull.head_sha)
    findings = await _findings(bot, story, pull.number)
    comment = await _summary(bot, story, pull.number, check)
    _compare(story, check, findings, comment)
    return {finding.package: finding.judgement.verdict for finding in findings}


async def _watch(screen: Screen, bot: Service, story: PullRequest, sha: str) -> CheckRun:
    """Show how the check goes until it is completed."""
    with screen.progress() as tell:
        waited = 0.0
        while waited < PATIENCE:
            checks = bot.github.checks(story.repository, sha)
            if checks:
                tell(f"{checks[-1].name}: {checks[-1].title}")
                if checks[-1].status == "completed":
                    return checks[-1]
            await asyncio.sleep(0.2)
            waited += 0.2
    raise Unexpected(f"{story.title}: no result in {PATIENCE:.0f} s; the bot's log: {bot.log}")


def _show(screen: Screen, bot: Service, story: PullRequest, number: int, check: CheckRun) -> None:
    screen.panel(f"check run `{check.name}`: {check.conclusion}", f"{check.title}\n\n{check.summary}")
    for comment in _comments(bot, story, number, "revdeps:v1"):
        screen.panel(f"{comment.user.login} on {story.repository}#{number}", comment.body)


def _comments(bot: Service, story: PullRequest, number: int, marker: str) -> list[Comment]:
    return [comment for comment in bot.github.comments(story.repository, number) if marker in comment.body]


async def _command(screen: Screen, bot: Service, story: PullRequest, number: int, command: str) -> None:
    """Give a command as a maintainer, and show what comes back: reactions, and words where there are any."""
    answered = len(_comments(bot, story, number, "revdeps:answer"))
    comment = await bot.github.comment(story.repository, number, "hubot-packager", command)
    screen.step(f"hubot-packager: {command}")
    for _ in range(300):
        contents = [reaction.content for reaction in comment.reactions]
        if "rocket" in contents:
            break
        if "confused" in contents:
            raise Unexpected(f"{command} was refused")
        await asyncio.sleep(0.1)
    else:
        raise Unexpected(f"{command} was not answered")
    screen.step(f"revdeps[bot] reacts: {', '.join(contents)}")
    for answer in _comments(bot, story, number, "revdeps:answer")[answered:]:
        screen.panel(f"{answer.user.login} answers", answer.body)
    await asyncio.sleep(1.5)  # the check follows the command


async def _findings(bot: Service, story: PullRequest, number: int) -> Sequence[Finding]:
    """Read the newest run's verdicts from the bot's database."""
    store = await SqlStore.open(f"sqlite:///{bot.directory}/state/revdeps.db")
    ref = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name=story.package), number=number)
    try:
        async with store.transaction() as tx:
            runs: Sequence[Run] = await tx.runs.of_change(ref.id)
            return await tx.runs.findings(runs[0].id)
    finally:
        await store.close()


async def _summary(bot: Service, story: PullRequest, number: int, check: CheckRun) -> str:
    """Return the comment once it tells of the check's end: it is edited a moment later."""
    for _ in range(200):
        found = _comments(bot, story, number, "revdeps:v1")
        if found and "Rebuilding" not in found[0].body:
            return found[0].body
        await asyncio.sleep(0.1)
    raise Unexpected(f"{story.title}: the comment does not tell the end ({check.title})")


def _compare(story: PullRequest, check: CheckRun, findings: Sequence[Finding], comment: str) -> None:
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
    options = parser.parse_args()
    shown = Screen()
    try:
        asyncio.run(main(shown, keep=options.keep, backend=options.backend))
    except Unexpected as difference:
        print(f"demo: the story came out otherwise. {difference}", file=sys.stderr)
        sys.exit(1)
    except DemoError as trouble:
        print(f"demo: {trouble}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        pass
