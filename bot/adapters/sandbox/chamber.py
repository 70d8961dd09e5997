"""A root with somebody watching: runs steps in it, with the console, the limits and the deadline of one build."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.adapters.jobs.console import Console
from bot.adapters.jobs.failing import BuildFailed, Stopped
from bot.adapters.sandbox.limits import ControlGroups
from bot.adapters.sandbox.process import Ended, Watch, run
from bot.adapters.sandbox.root import Root, Step
from bot.adapters.sandbox.settings import MIB
from bot.domain.build import Phase
from bot.domain.failure import OUT_OF_MEMORY, BuildEnd, classify


@dataclass(frozen=True, slots=True, kw_only=True)
class Chamber:
    """Where one build happens."""

    root: Root
    console: Console
    watch: Watch
    groups: ControlGroups

    def run(self, step: Step, phase: Phase | None = None) -> Ended:
        """Run a step and return how it ended; raise `Stopped`, or `BuildFailed` where it ran into a limit."""
        self.console.forget_tail()
        self.console.phase = phase
        rlimits = self.groups.rlimits(self.watch.limits, user=not step.as_root)
        command = self.root.arguments(step, self.groups.directories, rlimits)
        ended = run(command, self.console, self.watch)
        if ended.stopped:
            raise Stopped
        if ended.timed_out:
            self.console.say("\nstopped: the time limit is over")
            raise self.failure(timed_out=True, limit="the build did not end within its time limit")
        if ended.limit:
            self.console.say(f"\nstopped: {ended.limit}")
            raise self.failure(limit=ended.limit)
        return ended

    def must(self, step: Step, phase: Phase | None = None) -> None:
        """Run a step that has to succeed; raise `BuildFailed` with what its output says where it does not."""
        if self.run(step, phase).status != 0:
            raise self.failure()

    def failure(self, *, timed_out: bool = False, limit: str = "") -> BuildFailed:
        """Return the error for the step that ended last."""
        if not limit and self.groups.out_of_memory():
            limit = f"{OUT_OF_MEMORY}: the build needed more than its limit of {self.watch.limits.memory // MIB} MiB"
            self.console.say(limit)
        end = BuildEnd(tail=self.console.tail(), phase=self.console.phase, timed_out=timed_out, limit=limit)
        return BuildFailed(classify(end))

    def output(self, command: Sequence[str]) -> str:
        """Return what a short command of the building user prints, nothing where it fails; it is not part of the log.

        Raises Stopped where the build is to end.
        """
        reply = self.root.directory / "reply"
        with Console(reply, limit=4 * 2**20) as console:
            ended = run(self.root.arguments(Step(command=command), self.groups.directories), console, self.watch)
        text = reply.read_text(errors="replace")
        reply.unlink()
        if ended.stopped:
            raise Stopped
        return text if ended.status == 0 else ""
