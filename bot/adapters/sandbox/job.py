"""What the sandbox's supervisor needs to know: the job, and the settings that held when it was submitted."""

from bot.adapters.jobs.settled import Format, SettledJob
from bot.adapters.sandbox.settings import SandboxSettings

Job = SettledJob[SandboxSettings]
FORMAT = Format(SandboxSettings)
