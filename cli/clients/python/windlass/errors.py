"""What can go wrong, by what to do about it."""


class WindlassError(Exception):
    """The root of all of them."""


class ServerAway(WindlassError):
    """No whole answer, or "not now", for as long as we were patient: nothing is wrong with the request."""


class Refused(WindlassError):
    """The server said no. `status` is its HTTP status, `problem` the JSON it said it with, `errors` the faults of the
    input as (JSON pointer, sentence)."""

    def __init__(self, status, message, problem=None):
        super().__init__(message)
        self.status = status
        self.problem = problem if isinstance(problem, dict) else {}
        self.errors = [
            (error.get("pointer", ""), error.get("detail", ""))
            for error in self.problem.get("errors") or []
            if isinstance(error, dict)
        ]


class Denied(Refused):
    """401 or 403: no credential, a bad one, or one that may not."""


class NotFound(Refused):
    """404: not there, or somebody else's."""


class Conflict(Refused):
    """409: the state of things does not allow it."""


class TooMuch(Refused):
    """429: a quota or a rate; `retry_after_s` says when it may be worth another try."""

    def __init__(self, status, message, problem=None, retry_after_s=None):
        super().__init__(status, message, problem)
        self.retry_after_s = retry_after_s


class JobDidNotSucceed(WindlassError):
    """A job ended otherwise than one wanted. `job` is the Job, `result` what it left."""

    def __init__(self, job, status, result):
        text = f"job {job.id} {status.replace('_', ' ')}"
        if result is not None and result.exit_code is not None:
            text += f" with exit code {result.exit_code}"
        elif result is not None and result.outcome:
            text += f" ({result.outcome.replace('_', ' ')})"
        last = result.stderr.strip().splitlines()[-1:] if result is not None else []
        super().__init__(text + (f": {last[0]}" if last else ""))
        self.job = job
        self.status = status
        self.result = result
