"""What tests of Forgejo's adapter say to it, and what they look for."""

from dataclasses import replace

from bot.adapters.forgejo.forge import ForgejoForge
from bot.domain.ids import RunId
from bot.domain.publication import Check, CheckStatus
from bot.domain.run import ChangeRef
from tests.fakes.forgejo_stage import ForgejoStage

MARKER = "<!-- revdeps:v1 -->"
UNKNOWN = "0123456789" * 4


def another(stage: ForgejoStage, **settings: object) -> ForgejoForge:
    changed = replace(stage.settings, **settings)  # type: ignore[arg-type]
    return ForgejoForge(changed, stage.session, stage.clock)


def check(sha: str, run: str = "r1", **more: object) -> Check:
    plain = Check(
        name="revdeps",
        run=RunId(run),
        head_sha=sha,
        status=CheckStatus.IN_PROGRESS,
        title="Building",
        summary="It builds.",
        details_url=f"https://revdeps.example/runs/{run}",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


async def head(stage: ForgejoStage, ref: ChangeRef) -> str:
    return (await stage.forge.change(ref)).head_sha
