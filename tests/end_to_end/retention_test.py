"""Jobs that ended long ago are deleted, with all they left; younger ones stay (scheduler.keep_finished_days)."""

import hashlib
import unittest

import harness
from queue_test import job

DAY_US = 24 * 3600 * 1_000_000


class Retention(harness.OnDatabase):
    def rows_of(self, job_id):
        """How many rows each table has of this job."""
        columns = {
            "job": "id",
            "job_now": "id",
            "job_event": "job",
            "attempt_result": "job",
            "job_output": "job",
            "job_tag": "job",
        }
        return {
            table: self.database.rows(f"select count(*) from {table} where {column} = {job_id}")[0][0]
            for table, column in columns.items()
        }

    def has_blob(self, text):
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        return self.database.rows(f"select count(*) from blob where sha256 = '{sha256}'")[0][0] == 1

    def make_older(self, job_id, days):
        for table, column, key in (("job_state", "finished_us", "id"), ("job_past", "finished_us", "id"),
                                   ("job", "submitted_us", "id")):
            self.database.change(f"update {table} set {column} = {column} - {days * DAY_US} where {key} = {job_id}")

    def test_old_jobs_go_with_all_they_left_and_younger_ones_stay(self):
        user = self.new_user("keeper")
        left = {}

        def finished(name, **more):
            made = user.submit(f"echo said; cat input > out/{name}; echo {name} >> out/{name}", code=f"code of {name}",
                               files={"input": f"input of {name}\n"}, tags=[name], **more)
            self.assertEqual(user.wait(made)["status"], "succeeded")
            left[made] = f"input of {name}\n{name}\n"
            return made

        old, young = finished("old"), finished("young")
        array = int(user.submit("true", array={"count": 3}))
        self.assertEqual(user.wait(array)["status"], "succeeded")
        for each in (old, young):
            self.assertTrue(self.has_blob(left[each]), "the file it left is stored")
            self.assertGreater(min(self.rows_of(each).values()), 0, self.rows_of(each))
        self.assertEqual(self.dev.stop(), 0)
        for each in (old, *range(array, array + 4)):
            self.make_older(each, 3)
        self.make_older(young, 1)
        self.database.change(f"update blob_owner set created_us = created_us - {3 * DAY_US}")

        type(self).environment = {"WINDLASS_SCHEDULER_KEEP_FINISHED_DAYS": "2"}
        self.start_dev()
        user.host, user.port = self.admin.host, self.admin.port
        user.local = type(user.local)()
        for each in (old, array, array + 2):
            harness.until(lambda: user.get(f"/api/jobs/{each}/").status == 404, f"job {each} is gone")
            self.assertEqual(user.get(f"/api/results/{each}/").status, 404)
            self.assertEqual(set(self.rows_of(each).values()), {0}, self.rows_of(each))
        self.assertFalse(self.has_blob(left[old]), "nobody refers to the file any more")
        self.assertFalse(self.has_blob("input of old\n"))
        self.assertFalse(self.has_blob("code of old"))
        self.assertEqual(user.get(f"/api/jobs/{young}/").json["status"], "succeeded")
        self.assertEqual(user.result(young)["stdout"], "said\n")
        self.assertTrue(self.has_blob(left[young]) and self.has_blob("code of young"))
        self.assertEqual([each["id"] for each in user.get("/api/jobs/").json], [young])
        self.assertEqual(user.get(f"/api/results/{young}/files/young").status, 200)
        # What is gone is gone: ids are not used again, and a rerun of it is refused.
        self.assertEqual(user.post(f"/api/jobs/{old}/rerun/", {}).status, 404)
        self.assertGreater(int(user.submit("true")), array + 3)
        refused = user.post("/api/jobs/submit/", job(after=[{"job": old}]))
        self.assertEqual(refused.status, 422, refused)


class RetentionOnSqlite(Retention, unittest.TestCase):
    make_database = harness.Sqlite


class RetentionOnPostgreSQL(Retention, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
