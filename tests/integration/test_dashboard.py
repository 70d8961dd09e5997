"""The pages say what is stored, whatever stands in it, and give out nothing else."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from bot.adapters.gitlab.parlance import MERGE_REQUESTS
from bot.domain.build import BuildState, CandidateKey, Failed, FailureReason, Phase, Purpose
from bot.domain.config import ConfigProblem
from bot.domain.difference import RootChange
from bot.domain.ids import BuildKey, WorkspaceRef
from bot.domain.packages import Link, PackageChange
from bot.domain.plan import Effect, Uninstallable
from bot.domain.report.assemble import Stored
from bot.domain.report.values import Forecast
from bot.domain.run import Alone, ChangeRef, Conclusion, Part, Pause, Problem, RepoRef, RunState, StopReason
from bot.domain.verdict import Blame, Verdict
from bot.web.dashboard import PageSettings
from bot.web.run_page import PAGE_SIZE, Query, coded
from tests.fakes.pages import renamed, site
from tests.fakes.reports import (
    INIT_MISSING,
    RUN,
    TARGET,
    build,
    difference,
    entry,
    finding,
    run,
    run_target,
    story,
    subject_build,
    twice,
)

BAR = CandidateKey(run=RUN, package="bar", target=TARGET.name, attempt=2).text
HTML = {"Accept": "text/html"}
NASTY = "<script>alert(1)</script>\x1b[31m&\"'"


def active() -> Stored:
    """A run that goes on."""
    return Stored(
        run=run(state=RunState.ACTIVE, conclusion=None, finished_at=None),
        targets=(run_target(), run_target("el10")),
        entries=(entry("bar"), entry("baz", needs=("bar",))),
        builds=(subject_build(), build("bar", None), replace(build("baz", None), state=BuildState.QUEUED)),
    )


class Outline(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


async def page(directory: Path, stored: Stored, path: str = "/runs/r1f00", **options: object) -> str:
    async with site(directory, stored, **options) as client:  # type: ignore[arg-type]
        answer = await client.get(path, headers=HTML)
        assert answer.status == 200
        return await answer.text()


async def test_the_run_page_has_every_package_with_its_verdict(tmp_path: Path) -> None:
    text = await page(tmp_path, story(), logs={BAR: b"gcc\nundefined symbol: foo_init\n"})
    rows = re.findall(
        r'<tr>\s*<th scope="row"><span class="name">(.*?)</span>.*?<span class="badge v-([a-z-]+)"', text, re.DOTALL
    )
    assert dict(rows) == {
        "bar": "regressed",
        "quux": "regressed",
        "flaskish": "regressed",
        "corge": "needs-rebuild",
        "grault": "needs-rebuild",
        "baz": "blocked",
        "other": "changed-failure",
        "moody": "flaky",
        "cloudy": "inconclusive",
        "happy": "fixed",
        "old-1": "still-failing",
        "old-2": "still-failing",
        "fine": "still-passing",
        "arm-only": "not-tested",
        "far": "not-tested",
    }
    assert "3 packages regress" in text
    assert "214 dependents" in text
    assert "<code>bar-devel</code> needs <code>libfoo-devel(x86-64)</code>" in text
    assert "undefined symbol: foo_init</pre>" in text
    assert f'href="/runs/r1f00/log/{BAR}"' in text


async def test_a_change_that_cannot_be_installed_itself_stands_first_and_in_no_order_of_rebuilds(
    tmp_path: Path,
) -> None:
    problem = "nothing provides libquux.so.9 needed by foo-tools-1.9-1.fc44.x86_64"
    broken = (Uninstallable(package="foo-tools-1.9-1.fc44.x86_64", source="libfoo", problem=problem),)
    waits = entry("waits", effect=Effect.UNAFFECTED, uninstallable=broken)
    stored = Stored(
        run=run(),
        targets=(run_target(),),
        entries=(
            entry("bar", dependents=9),
            entry("libfoo", effect=Effect.UNAFFECTED, uninstallable=broken, own=True),
            entry("tool"),
            waits,
        ),
        findings=(
            finding("bar", Verdict.REGRESSED),
            finding("libfoo", Verdict.REGRESSED, cause=problem, own=True),
            finding("tool", Verdict.NEEDS_REBUILD),
            finding("waits", Verdict.NEEDS_REBUILD, cause=problem),
        ),
        builds=(subject_build(),),
    )
    text = await page(tmp_path, stored)
    names = re.findall(r'<span class="name">(.*?)</span><span class="sub">(.*?)</span>', text)
    assert names[:2] == [("libfoo", "the change itself"), ("bar", "9 dependents")]
    assert "libfoo itself cannot be installed; 1 package regresses" in text
    assert f"<h3>Cannot be installed</h3><p><code>{broken[0].package}</code></p>" in text
    assert re.findall(r'<ol class="steps">(.*?)</ol>', text) == ["<li><code>tool</code></li>"]


async def test_links_and_headings_are_in_order(tmp_path: Path) -> None:
    text = await page(tmp_path, story())
    outline = Outline(text)
    levels = [int(name[1]) for name, _ in outline.tags if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    identities = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(identities) == len(set(identities))
    assert all(header.get("scope") for header in outline.all("th"))


async def test_a_finished_run_does_not_refresh_itself(tmp_path: Path) -> None:
    assert "refresh" not in await page(tmp_path, story())


async def test_an_active_run_shows_how_far_it_is(tmp_path: Path) -> None:
    text = await page(tmp_path, active())
    assert 'data-refresh="10"' in text
    assert "Rebuilding: 2 to go, 1 building now" in text
    assert "waits for bar" in text
    assert '<progress max="2" value="0"' in text
    assert "fedora-rawhide-x86_64" in text


async def test_a_run_tells_what_is_to_come_on_its_page_and_in_its_export(tmp_path: Path) -> None:
    told = Forecast(builds=2, wall=timedelta(hours=1), cpu=timedelta(hours=3))
    async with site(tmp_path, active(), forecast=told) as client:
        assert "2 builds to go, about 3.0 CPU hours" in await (await client.get("/runs/r1f00")).text()
        exported = await (await client.get("/runs/r1f00/report.json")).json()
    assert exported["forecast"] == {"builds": 2, "build_seconds": 3600, "cpu_seconds": 10800, "ends_at": None}


async def test_a_run_is_given_out_for_viewers_of_test_results(tmp_path: Path) -> None:
    async with site(tmp_path, story()) as client:
        tests = await client.get("/runs/r1f00/junit.xml")
        assert (tests.status, tests.content_type) == (200, "application/xml")
        text = await tests.text()
    assert '<failure type="regressed" message="regressed: undefined symbol: foo_init">' in text


async def test_what_a_limit_left_out_is_shown_with_its_figures(tmp_path: Path) -> None:
    text = await page(tmp_path, story())
    assert "over the limit of packages: distance 3, 0 dependents, passed 12 hours ago: weight 138;" in text


async def test_a_failure_shows_what_differs_in_its_buildroot(tmp_path: Path) -> None:
    text = await page(tmp_path, story())
    assert text.count("What differs in the buildroot") == 3
    assert "bar, since its last good build (2026-02-28 09:00 UTC, without this change):" in text
    assert "old-1, with and without this change as resolved" in text
    listed = re.findall(r"<li><code>(.*?)</code>(.*?)</li>", text.partition("What differs")[2].partition("</ul>")[0])
    assert listed == [
        ("libfoo-devel 1.8-1.fc44 → 1.9-1.fc44.rd1", " (of this change, distance 1)"),
        ("libfoo 1.8-1.fc44 → 1.9-1.fc44.rd1", " (of this change, distance 2)"),
        ("zlib 1.3-1.fc44 → 1.3.1-1.fc44", " (distance 2)"),
        ("zlib-ng 2.2-1.fc44", " (added)"),
    ]
    assert "<li>and 41 more</li>" in text


async def test_a_change_that_does_not_build_shows_what_differs_too(tmp_path: Path) -> None:
    known = subject_build(INIT_MISSING)
    found = replace(difference("libfoo"), build=known.key)
    stored = Stored(run=run(), targets=(run_target(),), builds=(known,), differences=(found,))
    text = await page(tmp_path, stored)
    assert "libfoo, since its last good build (2026-02-28 09:00 UTC, without this change):" in text
    assert "<code>zlib 1.3-1.fc44 → 1.3.1-1.fc44</code> (distance 2)" in text


async def test_what_changed_in_the_package_is_told_up_to_a_length(tmp_path: Path) -> None:
    gone = PackageChange(package="libfoo", removed=("libfoo.so.1()(64bit)", NASTY))
    more = PackageChange(package="libfoo-devel", added=tuple(f"pkgconfig(foo-{number})" for number in range(60)))
    stored = Stored(run=run(), targets=(run_target(changes=(gone, more)),), builds=(subject_build(),))
    text = await page(tmp_path, stored)
    assert "<li><code>libfoo</code> no longer has <code>libfoo.so.1()(64bit)</code>, <code>" in text
    assert "<li><code>libfoo-devel</code> now has <code>pkgconfig(foo-0)</code>, " in text
    assert "<code>pkgconfig(foo-49)</code> and 10 more</li>" in text
    assert "<script>alert" not in text


async def test_several_changes_are_named_with_who_is_to_blame_and_the_builds_that_told(tmp_path: Path) -> None:
    other = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="other"), number=1)
    part = Part(change=other, head_sha="f" * 40, base_sha="", url="https://forge.example/octocat/other/pull/1")
    alone = Alone(workspace=WorkspaceRef("workspace/alone-1"))
    failing = build("bar", INIT_MISSING, attempt=3)
    failing = replace(
        failing,
        purpose=Purpose.BLAME,
        key=BuildKey(f"{failing.key}/blame-1"),
        request=replace(failing.request, workspace=alone.workspace),
    )
    stored = Stored(
        run=run(companions=(part, replace(part, change=replace(other, number=2), url="javascript:alert(1)"))),
        targets=(run_target(alone=(Alone(), alone)),),
        entries=(entry("bar"),),
        findings=(finding("bar", Verdict.REGRESSED, blame=Blame(culprits=(other,))),),
        builds=(subject_build(), build("bar", INIT_MISSING), failing),
    )
    text = await page(tmp_path, stored)
    assert '<a href="https://forge.example/octocat/other/pull/1" rel="noreferrer">octocat/other#1</a>' in text
    assert "octocat/other#2 at" in text
    assert "javascript:" not in text
    assert "caused by octocat/other#1" in text
    assert f'octocat/other#1, attempt 3: <a class="outcome failed" href="/runs/r1f00/log/{failing.key}">' in text


async def test_rows_are_filtered_by_verdict_and_text_without_a_script(tmp_path: Path) -> None:
    async with site(tmp_path, story()) as client:

        async def names(query: str) -> list[str]:
            text = await (await client.get(f"/runs/r1f00?{query}")).text()
            return re.findall(r'class="name">(.*?)<', text)

        assert await names("verdict=still-failing") == ["old-1", "old-2"]
        assert await names("q=FOO_OPEN") == ["other"]
        assert await names("verdict=fixed&q=bar") == []
        assert len(await names("verdict=nonsense&page=x")) == 15


async def test_thousands_of_packages_come_in_pages(tmp_path: Path) -> None:
    names = [f"p{number:04}" for number in range(PAGE_SIZE + 10)]
    many = Stored(
        run=run(conclusion=Conclusion.SUCCESS),
        targets=(run_target(),),
        entries=[entry(name) for name in names],
        findings=[finding(name, Verdict.STILL_PASSING) for name in names],
    )
    async with site(tmp_path, many) as client:
        first = await (await client.get("/runs/r1f00")).text()
        last = await (await client.get("/runs/r1f00?page=9")).text()
    assert "Page 1 of 2" in first
    assert "p0000" in first
    assert re.findall(r'class="name">(.*?)<', last) == names[-10:]


async def test_whatever_comes_from_outside_is_only_text(tmp_path: Path) -> None:
    path = (Link(package=NASTY, capability=NASTY, provider=NASTY),)
    stored = Stored(
        run=run(
            base_branch=NASTY,
            problem=Problem(what=NASTY, hint=f"`{NASTY}`"),
            config_problems=(ConfigProblem(path=NASTY, line=1, column=1, message=NASTY),),
        ),
        targets=(run_target(NASTY), run_target("other")),
        entries=(entry("bar", path=path, problem=NASTY), entry("evil", needs=(NASTY,))),
        findings=(finding("bar", Verdict.REGRESSED, cause=NASTY, root=NASTY),),
        builds=(build("bar", INIT_MISSING),),
        differences=(replace(difference("bar"), changes=(RootChange(name=NASTY, new=NASTY),), total=1),),
    )
    async with site(tmp_path, stored) as client:
        for address in ("/runs/r1f00", "/", "/runs/r1f00?q=%3Cscript%3Ealert(1)"):
            text = await (await client.get(address)).text()
            assert "<script>alert" not in text
            assert "\x1b" not in text


async def test_every_page_forbids_what_it_does_not_need(tmp_path: Path) -> None:
    async with site(tmp_path, story()) as client:
        given_out = ("/runs/r1f00/report.json", "/runs/r1f00/junit.xml")
        for address in ("/", "/runs/r1f00", "/runs/none", "/static/style.css", *given_out):
            answer = await client.get(address, headers=HTML)
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_log_is_plain_text_without_control_characters(tmp_path: Path) -> None:
    async with site(tmp_path, story(), logs={BAR: b"<b>one\n\x1b[31mtwo\x00" + b"x" * 5000}) as client:
        answer = await client.get(f"/runs/r1f00/log/{BAR}")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert await answer.read() == b"<b>one\n[31mtwo" + b"x" * 5000


async def test_the_log_of_a_running_build_comes_from_its_backend(tmp_path: Path) -> None:
    key = build("bar", None).key
    async with site(tmp_path, active(), running={key: b"compiling"}) as client:
        assert await (await client.get(f"/runs/r1f00/log/{key}")).read() == b"compiling"
        assert (await client.get(f"/runs/r1f00/log/{build('baz', None).key}")).status == 404


async def test_a_log_is_given_out_through_its_own_run_alone(tmp_path: Path) -> None:
    other = renamed(Stored(run=run()), "r2other")
    async with site(tmp_path, story(), other, logs={BAR: b"log"}) as client:
        assert (await client.get(f"/runs/r1f00/log/{BAR}")).status == 200
        assert (await client.get(f"/runs/r2other/log/{BAR}")).status == 404
        assert (await client.get("/runs/r1f00/log/../../etc/passwd")).status == 404


@pytest.mark.parametrize(
    "address", ["/runs/none", "/nothing", "/runs/r1f00/log/c/x", "/static/../dashboard.py", "/static/x"]
)
async def test_what_does_not_exist_is_told_in_a_page(tmp_path: Path, address: str) -> None:
    async with site(tmp_path, story()) as client:
        answer = await client.get(address, headers=HTML)
        assert answer.status == 404
        assert "<h1>Not found</h1>" in await answer.text()
        assert "<h1>" not in await (await client.get(address)).text()


async def test_webhooks_are_none_of_the_pages(tmp_path: Path) -> None:
    async def receive(_request: web.Request) -> web.Response:
        raise web.HTTPNotFound

    app = web.Application()
    app.router.add_post("/webhook/github", receive)
    async with site(tmp_path, story(), app=app) as client:
        assert (await client.get("/webhook/github", headers=HTML)).status == 405
        unknown = await client.post("/webhook/github", headers=HTML)
        assert (unknown.status, await unknown.text()) == (404, "404: Not Found")
        assert (await client.post("/webhooks/github")).status == 404


async def test_the_start_page_lists_runs_newest_first(tmp_path: Path) -> None:
    going_on = renamed(active(), "r2active")
    stopped = renamed(Stored(run=run()), "r3stopped", conclusion=Conclusion.CANCELLED, stop=StopReason.SUPERSEDED)
    late = renamed(Stored(run=run()), "r4late", conclusion=Conclusion.FAILURE, stop=StopReason.DEADLINE)
    async with site(tmp_path, story(), going_on, stopped, late) as client:
        text = await (await client.get("/")).text()
    assert re.findall(r'href="/runs/(\w+)"', text) == ["r4late", "r3stopped", "r2active", "r1f00"]
    told = ["regressed, out of time", "superseded by a newer commit", "running", "regressed"]
    assert re.findall(r'tone-[a-z-]+">(.*?)<', text) == told
    assert "Update to 1.9" in text


async def test_a_page_says_where_it_fails_and_with_what_a_changed_package_was_built(tmp_path: Path) -> None:
    first, again = subject_build(), subject_build()
    lib = replace(first, key=BuildKey("lib"), request=replace(first.request, package="lib", generation=-4))
    alone = replace(first, request=replace(first.request, generation=-4))
    again = replace(again, key=BuildKey("again"), attempt=2, request=replace(again.request, generation=-3))
    slow = Failed(reason=FailureReason.TIMEOUT, phase=Phase.CHECK, cause="too slow")
    stored = Stored(
        run=run(),
        targets=(run_target(),),
        entries=(entry("bar"),),
        findings=(finding("bar", Verdict.REGRESSED, cause="too slow"),),
        builds=(alone, lib, again, *twice("bar", slow)),
    )
    async with site(tmp_path, stored) as client:
        text = await (await client.get(f"/runs/{RUN}")).text()
    assert text.count("timed out in %check") == 3
    assert text.count("in 1 min, by itself") == 2
    assert text.count("in 1 min, with <code>lib</code> there") == 1


async def test_a_page_says_who_stopped_it_and_what_to_do_next(tmp_path: Path) -> None:
    stopped = renamed(active(), "r2", state=RunState.FINISHED, conclusion=Conclusion.CANCELLED, stopped_by=NASTY)
    late = renamed(active(), "r3", state=RunState.FINISHED, conclusion=Conclusion.TIMED_OUT, stop=StopReason.DEADLINE)
    async with site(tmp_path, stopped, late, story()) as client:
        pages = [await (await client.get(f"/runs/{run}")).text() for run in ("r2", "r3", "r1f00")]
    assert [text.count('aria-label="What to do next"') for text in pages] == [1, 1, 0]
    assert "<p>Stopped by &lt;script&gt;alert(1)" in pages[0]
    assert "<p><code>/revdeps run</code> tests this pull request anew.</p>" in pages[0]
    assert "a longer <code>timeout</code> or a <code>limit</code>" in pages[1]


async def test_what_waits_for_somebody_does_not_seem_to_go_on(tmp_path: Path) -> None:
    waiting = renamed(
        Stored(run=run(), targets=(run_target(),)),
        "r2",
        state=RunState.WAITING,
        conclusion=None,
        finished_at=None,
        changed_files=("libfoo.spec",),
    )
    pause = Pause(target=TARGET.name, signature="x", cause="x", packages=("bar",))
    paused = renamed(active(), "r3", pause=pause)
    async with site(tmp_path, waiting, paused, renamed(active(), "r4"), renamed(Stored(run=run()), "r5")) as client:
        start = await (await client.get("/")).text()
        page, ended = [await (await client.get(f"/runs/{name}")).text() for name in ("r2", "r5")]
    told = re.findall(r'tone-active">(.*?)<.*?"quiet">(.*?)<', start, re.DOTALL)
    assert told == [("running", "goes on"), ("paused", "waits"), ("waiting for approval", "waits")]
    assert "Read first: <code>libfoo.spec</code>." in page
    assert "Not built yet." in page
    assert "Not built." in ended


async def test_a_merge_request_is_called_so(tmp_path: Path) -> None:
    ref = ChangeRef(repo=RepoRef(forge="gitlab", owner="octocat/libs", name="libfoo"), number=7)
    closed = Stored(run=run(change=ref, conclusion=Conclusion.CANCELLED, stop=StopReason.CLOSED))
    async with site(tmp_path, closed, parlances={"gitlab": MERGE_REQUESTS}) as client:
        start, page = [await (await client.get(path)).text() for path in ("/", f"/runs/{closed.run.id}")]
        exported = await (await client.get(f"/runs/{closed.run.id}/report.json")).json()
    assert "the merge request was closed" in start
    assert "The merge request was closed</h1>" in page
    assert "<dt>Merge request</dt>" in page
    assert all("octocat/libs/libfoo!7" in text for text in (start, page))
    assert exported["headline"] == "The merge request was closed"
    assert exported["change"] == "octocat/libs/libfoo!7"


async def test_an_empty_service_says_so(tmp_path: Path) -> None:
    async with site(tmp_path) as client:
        assert "Nothing was tested yet" in await (await client.get("/")).text()


async def test_pages_that_are_not_public_do_not_exist(tmp_path: Path) -> None:
    async with site(tmp_path, story(), settings=PageSettings(public=False)) as client:
        assert [(await client.get(path)).status for path in ("/", "/runs/r1f00", f"/runs/r1f00/log/{BAR}")] == [404] * 3


async def test_the_report_is_there_as_json(tmp_path: Path) -> None:
    async with site(tmp_path, story()) as client:
        told = await (await client.get("/runs/r1f00/report.json")).json()
    assert {row["package"]: row["verdict"] for row in told["packages"]}["bar"] == "REGRESSED"


async def test_a_run_that_waits_or_was_never_planned_has_a_page(tmp_path: Path) -> None:
    waiting = Stored(run=run(state=RunState.WAITING, conclusion=None, finished_at=None, base_sha="", config=None))
    assert "Waiting for approval" in await page(tmp_path, waiting)


def test_a_query_is_read_with_care() -> None:
    assert Query.read({"verdict": "fixed", "page": "3", "q": " x "}) == Query(verdict="fixed", page=3, text="x")
    assert Query.read({"verdict": "'", "page": "٣"}) == Query()
    assert Query.read({"page": "0"}).page == 1


def test_words_between_backticks_are_code() -> None:
    assert str(coded("a `<b>` c")) == "a <code>&lt;b&gt;</code> c"
    assert str(coded("a ` c")) == "a ` c"
