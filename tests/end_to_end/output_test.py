"""A job that prints a gigabyte: bounded memory everywhere, whatever it does."""

import pathlib
import unittest

import harness

MIB = 1 << 20
LIMIT = 64 * MIB  # api.max_output_bytes as it is by default
GIGABYTE = 1 << 30

FLOOD_LIMIT = LIMIT // 4

# What each process may have had in memory at its peak, in terms of what the two jobs below may print. BASE is what it
# needs without any job, generously; PAYLOADS is scheduler.payload_cache_bytes as it is by default.
BASE = 32 * MIB
PAYLOADS = 32 * MIB
KEPT = LIMIT + 2 * FLOOD_LIMIT
BOUND = {
    # What is kept, once, and at most 16 MiB on their way to the scheduler, whose buffer may have doubled.
    "windlass-worker": BASE + KEPT + 2 * 16 * MIB,
    # Chunks that wait for the commit before theirs, and those that are being written.
    "windlass-scheduler": BASE + PAYLOADS + 2 * KEPT,
    # One answer with the whole output: its rows (PostgreSQL: as hexadecimal text, too), the text, the JSON while it
    # grows, the body.
    "windlass-api": BASE + 8 * LIMIT,
    "windlass-spawner": BASE,
    "windlass": BASE,
}


def peak(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


class Output(harness.OnDatabase):
    def peaks(self):
        """Of `windlass dev` and all that it started, by the name of the program; the largest of each."""
        found = {}
        for pid in [self.dev.process.pid, *harness.descendants_of(self.dev.process.pid)]:
            try:
                name = pathlib.Path(f"/proc/{pid}/exe").readlink().name
                found[name] = max(found.get(name, 0), peak(pid))
            except OSError:
                continue  # ended while we looked
        return found

    def test_a_gigabyte_costs_bounded_memory_everywhere(self):
        user = self.new_user("flood")
        # One byte less than 16 times its limit: cut, but not ended.
        job = user.submit(f"/usr/bin/yes | /usr/bin/head -c {GIGABYTE - 1}", limits={"output_bytes": LIMIT})
        # Faster than the scheduler can store it, on both streams, and without end.
        flood = user.submit("/usr/bin/yes >&2 & exec /usr/bin/yes", limits={"output_bytes": FLOOD_LIMIT})
        self.assertEqual(user.wait(job)["status"], "succeeded")
        self.assertEqual(user.wait(flood)["outcome"], "output_limit")
        log = user.get(f"/api/jobs/{job}/log/").body
        self.assertEqual(len(log), LIMIT)
        self.assertEqual(log[-2:], b"y\n")
        del log
        result = user.result(job)
        self.assertTrue(result["stdout_truncated"])
        self.assertEqual(len(result["stdout"]), LIMIT)
        peaks = self.peaks()
        for program, bound in BOUND.items():
            self.assertIn(program, peaks)
            if harness.MEMORY_COUNTS:
                self.assertLess(peaks[program], bound, f"{program}: {peaks[program] / MIB:.0f} MiB")
        print({program: f"{size / MIB:.0f} MiB" for program, size in peaks.items()}, flush=True)


class OutputOnSqlite(Output, unittest.TestCase):
    make_database = harness.Sqlite


class OutputOnPostgreSQL(Output, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
