"""What mock's supervisor needs to know: the job, and the settings that held when it was submitted."""

from bot.adapters.jobs.settled import Format, SettledJob
from bot.adapters.mock.settings import MockSettings

Job = SettledJob[MockSettings]
FORMAT = Format(MockSettings)
