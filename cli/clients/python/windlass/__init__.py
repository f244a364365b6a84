"""A client of Windlass, an asynchronous job scheduler. Python 3.9 or later; the standard library alone.

    import windlass

    site = windlass.Site()                                  # WINDLASS_URL and WINDLASS_TOKEN, or `windlass login`
    job = site.submit("sort data | uniq -c", data="b\\na\\nb\\n")
    print(job.result().stdout)

    squares = site.map("echo $((N * N))", [{"N": n} for n in range(100)])
    print([int(result.stdout) for result in squares])

Whatever may be sent again is sent again until the server answers (`patience_s`), and a submit carries an
Idempotency-Key, so that it makes one job however often it is sent.
"""

from windlass.errors import (
    Conflict,
    Denied,
    JobDidNotSucceed,
    NotFound,
    Refused,
    ServerAway,
    TooMuch,
    WindlassError,
)
from windlass.job import Array, Job
from windlass.result import LeftFile, Result
from windlass.site import Site

__all__ = [
    "Array",
    "Conflict",
    "Denied",
    "Job",
    "JobDidNotSucceed",
    "LeftFile",
    "NotFound",
    "Refused",
    "Result",
    "ServerAway",
    "Site",
    "TooMuch",
    "WindlassError",
]
__version__ = "0.1.0"
