"""How asking the service can fail.

PentimentoError
├── Unreachable   no answer from the URL, or one that is not Pentimento's
├── ApiError      the service refused; `problem` says why
└── JobFailed     the job was accepted but did not succeed; `job` says how it ended
"""

from api_schemas import Job, Problem


class PentimentoError(Exception):
    """Base of everything below; its text is meant for a person."""


class Unreachable(PentimentoError):
    """No usable answer came back."""


class ApiError(PentimentoError):
    """The service answered with a problem; `retry_after_s` is the wait that it asked for, if any."""

    def __init__(self, problem: Problem, retry_after_s: float | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.retry_after_s = retry_after_s

    @property
    def code(self) -> str:
        """The stable name of the error."""
        return self.problem.code.value


class JobFailed(PentimentoError):
    """A job ended without a result."""

    def __init__(self, job: Job) -> None:
        reason = f": {job.error.detail}" if job.error else ""
        super().__init__(f"the job {job.status.value}{reason}")
        self.job = job
