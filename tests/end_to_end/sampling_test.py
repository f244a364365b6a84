"""What a job uses is measured while it runs, kept, and shown by the monitoring family; so is what it says itself."""

import csv
import io
import unittest

import harness
from harness import OnDatabase, main, until

# A core that is busy and 100 MB that are held, for some seconds; and numbers of its own.
BURN = """
dd if=/dev/zero of=held bs=1M count=100 2>/dev/null
i=0
end=$(($(date +%s) + 5))
while [ "$(date +%s)" -lt "$end" ]; do
    i=$((i + 1)); echo "progress,phase=burn value=$i" >>metrics
    j=0; while [ "$j" -lt 200000 ]; do j=$((j + 1)); done
done
"""


class Sampling(OnDatabase):
    environment = {"WINDLASS_WORKER_SAMPLE_INTERVAL_S": "1"}

    def points(self, job, measurement):
        """Of the job's own series, as they are kept."""
        answer = self.admin.get(f"/api/job/{job}?raw=true")
        self.assertEqual(answer.status, 200, answer)
        found = []
        for metric in answer.json["MetricData"]:
            if metric["Config"]["Measurement"] == measurement:
                found += [float(row["_value"]) for row in csv.DictReader(io.StringIO(metric["RawData"]))]
        return found

    def test_a_job_that_burns_a_core_and_holds_memory_shows_it(self):
        job = self.admin.submit(BURN)
        self.assertEqual(self.admin.wait(job)["status"], "succeeded")
        cpu = until(lambda: len(found := self.points(job, "cpu_used")) >= 5 and found, "the samples are stored")
        print("cpu_used", [round(value, 2) for value in cpu], flush=True)
        # Of a busy machine it gets less than a core; what it got on the whole it got on some second at least.
        usage = self.admin.result(job)["usage"]
        self.assertGreater(max(cpu), 0.9 * usage["cpu_s"] / usage["wall_s"])
        # One core; a machine that lets the worker wait between reading a count and the clock shows somewhat more.
        self.assertLess(max(cpu), 4)
        memory = self.points(job, "mem_used")
        print("mem_used", [round(value / 1e6) for value in memory], flush=True)
        self.assertGreater(max(memory), 100e6)
        self.assertLess(max(memory), 200e6)
        self.assertGreaterEqual(max(self.points(job, "processes")), 1)
        # Its own numbers are no metric of the configuration; they are kept all the same.
        series = self.database.rows(f"select measurement, type, type_id from metric_series where job = {job} order by 1")
        self.assertIn(("user.progress", "node", "phase=burn"), series)

    def test_a_short_job_has_samples_too(self):
        job = self.admin.submit("true")
        self.admin.wait(job)
        until(lambda: self.points(job, "cpu_used"), "a sample is stored")


class SamplingOnSqlite(Sampling, unittest.TestCase):
    make_database = harness.Sqlite


class SamplingOnPostgreSQL(Sampling, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    main()
