"""Long work in processes of their own, with state that survives everything."""

from engine.jobs.job import DatasetRow, Job
from engine.jobs.keys import key_of
from engine.jobs.limits import Limits
from engine.jobs.runner import Runner, shared

__all__ = ["DatasetRow", "Job", "Limits", "Runner", "key_of", "shared"]
