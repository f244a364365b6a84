"""Each call that a daemon makes to its database, its files and its sockets fails once, in turn; and each is once the last
thing that it does. Nobody notices more than a careful client may: one that asks again, with the same key.

tests/faults/nth_call.c does the failing, inside the daemon. By default a sample of the calls is taken, always the same;
NTH_CALL=all takes every one, which scripts/nth-call does.
"""

import collections
import ctypes
import hashlib
import http.client
import mmap
import os
import pathlib
import random
import shutil
import tempfile
import time
import unittest

import harness
import pictures

LIBRARY = os.environ.get("NTH_CALL_LIBRARY", "")
EVERY_ONE = os.environ.get("NTH_CALL") == "all"
SAMPLE = int(os.environ.get("NTH_CALL_SAMPLE", "12"))
SEED = int(os.environ.get("NTH_CALL_SEED", "1"))


class Control(ctypes.Structure):
    """struct control of nth_call.c, mapped by this process and by the daemon."""

    _fields_ = [
        ("armed", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
        ("fail_at", ctypes.c_uint64),
        ("deadly", ctypes.c_uint64),
        ("name", ctypes.c_char * 64),
    ]


class NthCall(harness.OnDatabase):
    program = None  # "api", "scheduler", "worker"
    number = 0
    sample = SAMPLE

    @classmethod
    def setUpClass(cls):
        if not LIBRARY:
            raise unittest.SkipTest("NTH_CALL_LIBRARY names no library: run this by ctest or by scripts/nth-call")
        where = tempfile.mkdtemp(prefix="windlass-nth-")
        cls.addClassCleanup(shutil.rmtree, where, ignore_errors=True)
        cls.control_file = pathlib.Path(where) / "control"
        cls.control_file.write_bytes(bytes(ctypes.sizeof(Control)))
        cls.control_file.chmod(0o600)
        with open(cls.control_file, "r+b") as file:
            cls.memory = mmap.mmap(file.fileno(), ctypes.sizeof(Control))
        cls.control = Control.from_buffer(cls.memory)
        cls.environment = {
            "LD_PRELOAD": LIBRARY,
            "NTH_PROGRAM": f"windlass-{cls.program}",
            "NTH_CONTROL": str(cls.control_file),
        }
        super().setUpClass()

    # ---- a careful client

    def insist(self, method, path, body=None, headers=None, accept=(200,), timeout=30):
        """Asks until it is answered with one of these; the daemon may be away, may say so, may break off."""
        deadline = time.monotonic() + harness.PATIENCE
        while True:
            try:
                answer = self.client.once(method, path, body, headers, timeout)
                if answer.status in accept:
                    return answer
                self.refusals[answer.status] += 1
                last = answer
                # SQLite calls a file that cannot be read damaged: then nothing is known to be only for a while.
                unreadable = answer.status == 500 and self.control.name == b"pread"
                if answer.status not in (409, 429, 503) and not unreadable:
                    raise AssertionError(f"{method} {path}: {answer}")
            except (OSError, http.client.HTTPException) as broken:
                last = broken
                self.refusals["broken off"] += 1
            if time.monotonic() > deadline:
                raise AssertionError(f"{method} {path} was not answered with {accept}: {last!r}")
            time.sleep(0.02)

    def submit(self, number, **fields):
        body = {"code": "", "data": "", "name": f"flow {number}", **fields}
        key = {"Idempotency-Key": f"{fields['running_commands'][:9]} {number}"}
        return self.insist("POST", "/api/jobs/submit/", body, key).json["id"]

    def ended(self, job):
        deadline = time.monotonic() + harness.PATIENCE
        while True:
            seen = self.insist("GET", f"/api/jobs/{job}/?wait=5").json
            if seen["status"] in harness.FINAL:
                return seen["status"]
            if time.monotonic() > deadline:
                raise AssertionError(f"job {job} does not end: {seen}")

    def flow(self, number):
        """What is done while calls fail. Raises when an answer is not what it must be."""
        text = f"input of {number}\n".encode()
        digest = hashlib.sha256(text).hexdigest()
        self.insist("PUT", f"/api/blobs/{digest}/", text, accept=(200, 201, 204))
        job = self.submit(
            number,
            running_commands="cat in.txt; mkdir -p out; cp in.txt out/copy.txt; echo 'm v=1' > metrics; echo done >&2",
            files={"in.txt": {"sha256": digest}},
            max_attempts=5,
        )
        idle = self.submit(number, running_commands="sleep 600", name=f"cancelled {number}")
        self.insist("DELETE", f"/api/jobs/{idle}/", accept=(200, 202, 204))
        self.assertEqual(self.ended(job), "succeeded")
        self.assertEqual(self.ended(idle), "cancelled")
        result = self.insist("GET", f"/api/results/{job}/").json["results"]
        self.assertEqual(result["stdout"], text.decode(), result)
        self.assertEqual(result["stderr"], "done\n")
        self.assertEqual(self.insist("GET", f"/api/results/{job}/files/copy.txt").body, text)

    # ---- the loop

    def pid(self):
        return harness.until(lambda: self.dev.daemons().get(f"windlass-{self.program}"), f"{self.program} runs")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid()}/fd"))

    def with_failure(self, fail_at, deadly):
        """One flow; how many calls it had, and the name of the one that failed, if it came so far."""
        control = self.control
        control.name, control.count, control.fail_at, control.deadly = b"", 0, fail_at, int(deadly)
        control.armed = 1
        try:
            type(self).number += 1  # each flow has words and keys of its own
            self.flow(self.number)
        finally:
            control.armed = 0
        return control.count, control.name.decode()

    def every_call(self, deadly):
        self.client = self.admin
        self.refusals = collections.Counter()
        self.with_failure(0, False)  # what is made at first use is there
        calls, _ = self.with_failure(0, False)
        self.assertGreater(calls, 20, "hardly a call was counted: is the library loaded?")
        chosen = range(1, calls + 1)
        if not EVERY_ONE:
            chosen = sorted(random.Random(SEED).sample(chosen, min(self.sample, calls)))
        before = self.descriptors()
        failed, ended, deaths = collections.Counter(), [], 0
        for fail_at in chosen:
            old, said = self.pid(), len(self.dev.said())
            try:
                _, name = self.with_failure(fail_at, deadly)
            except BaseException:
                print(f"call {fail_at} of {calls} ({self.control.name.decode()}), flow {self.number}, seed {SEED}", flush=True)
                raise
            failed[name or "not reached"] += 1
            if deadly and name:
                self.dev.wait_restarted(self.program, old)
                deaths += 1
            elif not deadly and self.pid() != old:
                # It may end with a sentence, as when the database is damaged; never by a signal.
                self.assertNotIn("killed by signal", self.dev.said()[said:], f"call {fail_at}: {name}")
                ended.append(f"{name}: {self.dev.said()[said:].splitlines()[0]}")
                deaths += 1
            if deaths == 4:  # it would be started again later and later, and then not at all
                deaths = 0
                self.dev.stop()
                self.start_dev()
                self.client = self.admin
        self.with_failure(0, False)
        print(
            f"{self.program} on {self.database.name}, {'its last call' if deadly else 'one fails'}: {sum(failed.values())} of "
            f"{calls} calls: {dict(failed)}; the client saw {dict(self.refusals)}"
            + (f"; ended by itself: {ended}" if ended else ""),
            flush=True,
        )
        self.assertLess(self.descriptors(), before + 12, "descriptors are lost")
        self.check_tables()

    def check_tables(self):
        rows = self.database.rows("select name, count(*) from job where name like 'flow %' group by name having count(*) > 1")
        self.assertEqual(rows, [], "a job was made twice")
        moves = ", ".join(map(str, harness.FINAL_MOVES))
        rows = self.database.rows(f"select job from job_event where move in ({moves}) group by job having count(*) > 1")
        self.assertEqual(rows, [], "a job has ended twice")

    def test_1_one_call_fails(self):
        self.every_call(deadly=False)

    def test_2_a_call_is_the_last(self):
        self.every_call(deadly=True)


class Images(NthCall):
    """A picture, its thumbnail, its end, and a login: what stays is nothing."""

    program = "api"
    sample = (SAMPLE + 1) // 2  # each takes seconds

    def flow(self, number):
        login = {"username": "admin", "password": (self.dev.data / "admin.password").read_text().strip()}
        self.insist("POST", "/api/users/authenticate/", login)
        body, headers = pictures.form(pictures.random_png(8, 6, number), "a.png")
        headers["Idempotency-Key"] = f"picture {number}"
        image = self.insist("POST", "/api/user/images/", body, headers, accept=(200, 201)).json["id"]
        deadline = time.monotonic() + harness.PATIENCE
        while any(
            each["state"] == "waiting" for each in self.insist("GET", f"/api/images/{image}/").json["thumbnails"]
        ):
            self.assertLess(time.monotonic(), deadline, "the thumbnails are not made")
            time.sleep(0.02)
        self.insist("DELETE", f"/api/user/images/{image}/", accept=(200, 204, 404))

    def check_tables(self):
        count = lambda what: self.database.rows(f"select count(*) from {what}")[0][0]
        self.assertEqual(count("image"), 0, "a picture is there twice, or was not deleted")
        harness.until(lambda: count("image_blob") == 0, "the bytes of deleted pictures are gone")


class OnSqlite:
    make_database = harness.Sqlite


class OnPostgreSQL:
    make_database = harness.PostgreSQL


class SchedulerOnSqlite(OnSqlite, NthCall, unittest.TestCase):
    program = "scheduler"


class SchedulerOnPostgreSQL(OnPostgreSQL, NthCall, unittest.TestCase):
    program = "scheduler"


class WorkerOnSqlite(OnSqlite, NthCall, unittest.TestCase):
    program = "worker"


class ApiOnSqlite(OnSqlite, NthCall, unittest.TestCase):
    program = "api"


class ApiOnPostgreSQL(OnPostgreSQL, NthCall, unittest.TestCase):
    program = "api"


class ImagesOnSqlite(OnSqlite, Images, unittest.TestCase):
    pass


class ImagesOnPostgreSQL(OnPostgreSQL, Images, unittest.TestCase):
    pass


if __name__ == "__main__":
    harness.main()
