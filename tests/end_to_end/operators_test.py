"""What people who run the site do with the queue, over HTTP: named queues, quotas, workers; and why a job waits."""

import hashlib
import os
import random
import signal
import unittest

import harness
from queue_test import job, moment, pointers, time_of

ROOM = 2  # the cores that the worker offers


class Operators(harness.OnDatabase):
    slots = ROOM
    environment = {"WINDLASS_WORKER_PREFETCH": "0"}

    def setUp(self):
        self.user = self.new_user("user")
        self.worker = self.workers()[0]["name"]

    def workers(self):
        return harness.until(lambda: self.admin.get("/api/workers/").json, "a worker is known")

    def operate(self, method, path, body=None, status=200):
        answer = self.admin.ask(method, path, body)
        self.assertEqual(answer.status, status, f"{method} {path}: {answer}")
        return answer.json if answer.body else None

    def drain(self):
        self.operate("POST", f"/api/workers/{self.worker}/drain/")
        self.addCleanup(self.operate, "POST", f"/api/workers/{self.worker}/resume/")

    def resume(self):
        self.operate("POST", f"/api/workers/{self.worker}/resume/")

    def why(self, job_id, reason):
        """Why it waits, once it is for this reason."""
        seen = {}

        def waits():
            seen.update(self.user.get(f"/api/jobs/{job_id}/why/").json)
            return seen["reason"] == reason

        harness.until(waits, f"{job_id} waits for {reason}: {seen}", 20)
        self.assertEqual(seen["why"], seen["text"])
        return seen

    def events(self, job_id):
        return self.user.get(f"/api/jobs/{job_id}/events/").json

    def running(self, job_id):
        harness.until(lambda: self.user.get(f"/api/jobs/{job_id}/").json["status"] == "running", f"{job_id} runs")

    def cancel(self, *jobs):
        for each in jobs:
            self.user.ask("DELETE", f"/api/jobs/{each}/")
        for each in jobs:
            self.user.wait(each)

    def never_together(self, jobs):
        """That they ran one after the other."""
        spans = sorted((time_of(self.events(each)[1]), time_of(self.events(each)[-1])) for each in jobs)
        for before, after in zip(spans, spans[1:]):
            self.assertLessEqual(before[1], after[0])

    # --- named queues

    def test_a_named_queue_is_made_held_limited_changed_and_removed(self):
        name = f"night-{random.randrange(10**9)}"
        path = f"/api/queues/{name}/"
        made = self.operate("PUT", path, {"weight": 2.5, "max_running": 1, "held": True, "description": "slow"}, 201)
        self.assertEqual((made["weight"], made["max_running"], made["held"]), (2.5, 1, True))
        jobs = [self.user.submit("sleep 0.3", queue=name) for _ in range(3)]
        self.assertIn(name, self.why(jobs[0], "queue_held")["text"])
        shown = self.operate("GET", path)
        self.assertEqual((shown["queued"], shown["running"]), (3, 0))
        self.assertNotIn("weight", self.user.get(path).json)
        refused = self.operate("DELETE", path, status=409)
        self.assertIn(name, refused["detail"])
        self.assertFalse(self.operate("POST", path + "release/")["held"])
        self.running(jobs[0])
        self.assertIn("1", self.why(jobs[2], "queue_limit")["text"])
        for each in jobs:
            self.assertEqual(self.user.wait(each)["status"], "succeeded")
        self.never_together(jobs)
        self.dev.wait_restarted("scheduler", self.dev.kill_daemon("scheduler"))
        changed = self.operate("PUT", path, {"max_running": None})
        self.assertEqual((changed["weight"], changed["max_running"], changed["description"]), (2.5, None, "slow"))
        self.assertTrue(self.operate("POST", path + "hold/")["held"])
        self.operate("DELETE", path, status=204)
        self.operate("GET", path, status=404)
        gone = self.user.post("/api/jobs/submit/", job(queue=name))
        self.assertEqual((gone.status, gone.json["type"]), (422, "urn:windlass:problem:no-such-queue"))

    def test_queues_share_the_room_by_their_weights(self):
        names = {f"{word}-{random.randrange(10**9)}": weight for word, weight in (("light", 1), ("heavy", 4))}
        for name, weight in names.items():
            self.operate("PUT", f"/api/queues/{name}/", {"weight": weight}, 201)
        self.drain()
        users = {name: self.new_user("sharer") for name in names}
        jobs = {}
        for name, user in users.items():
            # Five at a time: what runs is shared four to one.
            batch = [job("sleep 0.1", queue=name, limits={"cpus": ROOM / 5}) for _ in range(12)]
            answer = user.post("/api/jobs/submit/batch/", batch)
            jobs.update({item["id"]: name for item in answer.json})
        self.resume()
        for each, name in jobs.items():
            self.assertEqual(users[name].wait(each)["status"], "succeeded")
        light, heavy = names
        starts = sorted(
            (users[name].get(f"/api/jobs/{each}/events/").json[1]["at"], name) for each, name in jobs.items()
        )
        early = [name for _, name in starts[:10]]
        self.assertGreater(early.count(heavy), early.count(light) + 2, starts)
        self.assertGreater(early.count(light), 0, starts)

    def test_what_operators_ask_wrongly_is_refused(self):
        for body, pointer in (
            ({"weight": 0}, "/weight"),
            ({"weight": "much"}, "/weight"),
            ({"max_running": -1}, "/max_running"),
            ({"held": 1}, "/held"),
            ({"colour": 1}, "/colour"),
        ):
            refused = self.operate("PUT", "/api/queues/q/", body, 400)
            self.assertEqual(refused["errors"][0]["pointer"], pointer)
        self.operate("PUT", "/api/queues/a%20b/", {}, 400)
        self.operate("DELETE", "/api/queues/default/", status=409)
        self.operate("DELETE", "/api/queues/nowhere/", status=404)
        self.operate("POST", "/api/queues/nowhere/hold/", status=404)
        self.operate("POST", "/api/workers/nobody/drain/", status=404)
        self.operate("POST", f"/api/workers/{self.worker}/forget/", status=409)
        self.operate("PUT", "/api/quotas/user:nobody-of-this-name/", {}, 404)
        self.operate("PUT", "/api/quotas/tier:Basic/", {"queued": -1}, 400)
        for method, path in (("PUT", "/api/queues/q/"), ("GET", "/api/workers/"), ("GET", "/api/quotas/")):
            self.assertEqual(self.user.ask(method, path, {} if method == "PUT" else None).status, 403)

    # --- quotas

    def quota(self, **limits):
        path = f"/api/quotas/user:{self.user.username}/"
        self.operate("PUT", path, limits)
        self.addCleanup(self.admin.ask, "DELETE", path)

    def over_quota(self, answer, kind):
        self.assertEqual((answer.status, answer.json["type"]), (429, f"urn:windlass:problem:{kind}-quota"), answer)
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        return answer

    def test_more_waiting_jobs_than_the_quota_are_refused_as_a_whole(self):
        self.quota(queued=3)
        self.drain()
        waiting = [self.user.submit("true"), self.user.submit("true")]
        refused = self.over_quota(self.user.post("/api/jobs/submit/", job(array={"count": 2})), "queued")
        self.assertIn("3", refused.json["detail"])
        self.over_quota(self.user.post("/api/jobs/submit/batch/", [job(), job()]), "queued")
        waiting.append(self.user.submit("true"))
        self.over_quota(self.user.post("/api/jobs/submit/", job()), "queued")
        mine = self.user.get("/api/quotas/me/").json
        self.assertEqual((mine["quota"]["queued"], mine["usage"]["queued"]), (3, 3))
        self.resume()
        for each in waiting:
            self.user.wait(each)
        self.user.submit("true")

    def test_no_more_jobs_run_than_the_quota_says(self):
        self.quota(running=1)
        jobs = [self.user.submit("sleep 0.4") for _ in range(3)]
        self.running(jobs[0])
        self.assertIn("1", self.why(jobs[2], "user_limit")["text"])
        for each in jobs:
            self.user.wait(each)
        self.never_together(jobs)

    def test_processor_time_of_the_day_runs_out(self):
        self.quota(cpu_s_per_day=1)
        self.drain()
        long, waiting = self.user.submit("sleep 1.3", priority=1), self.user.submit("true", limits={"cpus": ROOM})
        self.resume()
        self.user.wait(long)
        refused = self.over_quota(self.user.post("/api/jobs/submit/", job()), "cpu")
        self.assertLessEqual(int(refused.headers["Retry-After"]), 86400)
        self.assertIn("processor time", self.why(waiting, "cpu_quota")["text"])
        self.assertGreaterEqual(self.user.get("/api/quotas/me/").json["usage"]["cpu_s_today"], 1)
        self.quota(cpu_s_per_day=None)
        self.assertEqual(self.user.wait(waiting)["status"], "succeeded")

    def test_stored_bytes_have_a_limit(self):
        self.quota(stored_bytes=1000)

        def put(text):
            return self.user.ask("PUT", f"/api/blobs/{hashlib.sha256(text.encode()).hexdigest()}/", text)

        self.assertEqual(put("a" * 600).status, 201)
        self.over_quota(put("b" * 600), "stored")
        self.over_quota(self.user.post("/api/jobs/submit/", job(files={"f": "c" * 600})), "stored")
        self.assertEqual(self.user.get("/api/quotas/me/").json["usage"]["stored_bytes"], 600)
        self.assertEqual(put("a" * 600).status, 200)
        self.user.ask("DELETE", f"/api/blobs/{hashlib.sha256(b'a' * 600).hexdigest()}/")
        self.assertEqual(put("b" * 600).status, 201)

    def test_a_tier_has_a_quota_until_a_user_has_his_own(self):
        self.operate("PUT", "/api/quotas/tier:Basic/", {"queued": 0})
        self.addCleanup(self.admin.ask, "DELETE", "/api/quotas/tier:Basic/")
        self.over_quota(self.user.post("/api/jobs/submit/", job()), "queued")
        self.quota(queued=5)
        self.user.wait(self.user.submit("true"))
        subjects = [line["subject"] for line in self.operate("GET", "/api/quotas/")]
        self.assertLessEqual({"tier:Basic", f"user:{self.user.username}"}, set(subjects))
        self.operate("DELETE", "/api/quotas/tier:Basic/", status=204)
        self.operate("GET", "/api/quotas/tier:Basic/", status=404)

    def test_a_changed_quota_of_a_tier_holds_at_once_for_those_who_wait(self):
        self.operate("PUT", "/api/quotas/tier:Basic/", {"running": 0})
        self.addCleanup(self.admin.ask, "DELETE", "/api/quotas/tier:Basic/")
        waiting = self.user.submit("true")
        self.why(waiting, "user_limit")
        self.operate("PUT", "/api/quotas/tier:Basic/", {"running": 1})
        self.assertEqual(self.user.wait(waiting)["status"], "succeeded")

    # --- workers

    def test_a_drained_worker_ends_what_it_has_and_gets_nothing_more_until_it_is_resumed(self):
        having = self.user.submit("sleep 1.5")
        self.running(having)
        self.drain()
        shown = next(worker for worker in self.workers() if worker["name"] == self.worker)
        self.assertTrue(shown["draining"] and shown["connected"], shown)
        self.assertEqual([attempt["job"] for attempt in shown["attempts"]], [having])
        self.assertEqual((shown["cpus"], shown["cpus_used"]), (ROOM, 1))
        waiting = self.user.submit("true")
        self.assertIn("draining", self.why(waiting, "no_worker")["text"])
        self.dev.wait_restarted("scheduler", self.dev.kill_daemon("scheduler"))
        self.assertEqual(self.user.wait(having)["status"], "succeeded")
        self.why(waiting, "no_worker")  # also after the restart
        self.resume()
        self.assertEqual(self.user.wait(waiting)["status"], "succeeded")

    def test_a_dead_worker_is_forgotten_and_its_jobs_go_on_at_once(self):
        having = self.user.submit("sleep 2; true")
        self.running(having)
        os.kill(self.dev.process.pid, signal.SIGSTOP)  # nobody starts it again
        try:
            os.kill(self.dev.daemons()["windlass-worker"], signal.SIGKILL)
            harness.until(
                lambda: not next(w for w in self.workers() if w["name"] == self.worker)["connected"], "it is away"
            )
            self.operate("POST", f"/api/workers/{self.worker}/forget/")
            moves = [event["event"] for event in self.events(having)]
            self.assertEqual(moves[-1], "requeue", moves)
            self.assertIn("No worker", self.why(having, "no_worker")["text"])
        finally:
            os.kill(self.dev.process.pid, signal.SIGCONT)
        self.assertEqual(self.user.wait(having)["status"], "succeeded")
        self.assertTrue(all(worker["connected"] for worker in self.workers()))

    # --- why

    def test_why_says_what_no_worker_has_and_who_is_first(self):
        label = self.user.submit("true", requires={"gpu": "a100"})
        self.assertIn("gpu=a100", self.why(label, "no_suitable_worker")["text"])
        resource = self.user.submit("true", resources={"licence": 2})
        self.assertIn("2 licence", self.why(resource, "no_suitable_worker")["text"])
        large = self.user.submit("true", limits={"cpus": 60})
        self.assertIn("60 cpus", self.why(large, "no_suitable_worker")["text"])
        self.cancel(label, resource, large)
        self.user.wait(self.user.submit("sleep 0.1"))  # so that there is something to estimate from
        first = [self.user.submit("sleep 60") for _ in range(ROOM)]
        for each in first:
            self.running(each)
        next_one, one_after = self.user.submit("true"), self.user.submit("true")
        full = self.why(one_after, "workers_full")
        self.assertEqual((full["own_jobs_ahead"], full["users_ahead"]), (1, 0))
        self.assertIn("is full", full["text"])
        self.assertIsNotNone(full["estimated_start"])
        self.cancel(*first)
        self.user.wait(one_after)
        self.user.wait(next_one)  # both start as soon as there is room; either may be the first to end
        self.assertEqual(self.why(next_one, "not_waiting")["status"], "succeeded")
        self.assertEqual(self.why(self.user.submit("true", not_before=moment(5)), "not_before")["status"], "queued")
        for body, pointer in (
            (job(requires={"": "x"}), "/requires/"),
            (job(requires={"gpu": 1}), "/requires/gpu"),
            (job(resources={"gpu": 0}), "/resources/gpu"),
        ):
            refused = self.user.post("/api/jobs/submit/", body)
            self.assertEqual((refused.status, pointers(refused)), (400, [pointer]), refused)


class OperatorsOnSqlite(Operators, unittest.TestCase):
    make_database = harness.Sqlite


class OperatorsOnPostgreSQL(Operators, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
