"""The promise: a job that was accepted is never lost, and ends exactly once.

A thousand jobs run while worker, scheduler and api, and PostgreSQL where it is the database, are killed with -9 in turn.
"""

import http.client
import itertools
import random
import threading
import unittest

import harness

JOBS = 1000
ROUNDS = 3
AHEAD = 250  # accepted and not yet ended, at most: so that jobs are sent, run and end during every kill
BETWEEN_KILLS = 25  # jobs that end between one kill and the next
COMMANDS = 'read n < data; sleep 0.$((n % 10 + 1)); echo "$n gives $((n * 7 + 3))"'


class Submitter(threading.Thread):
    """Sends jobs until enough were accepted.

    What was not acknowledged is not counted, and not sent again as it was: it may have been accepted all the same, so the
    next try has another number.
    """

    def __init__(self, test, numbers, batch):
        super().__init__(daemon=True)
        self.test, self.numbers, self.batch = test, numbers, batch
        self.refused = 0

    def run(self):
        while True:
            with self.test.changed:
                self.test.changed.wait_for(
                    lambda: len(self.test.accepted) < self.test.ended + AHEAD
                    or len(self.test.accepted) >= JOBS
                    or self.test.over,
                    5,
                )
                if len(self.test.accepted) >= JOBS or self.test.over:
                    return
                if len(self.test.accepted) >= self.test.ended + AHEAD:
                    continue
            numbers = [next(self.numbers) for _ in range(self.batch)]
            jobs = [
                {"code": "", "data": f"{n}\n", "running_commands": COMMANDS, "env": {"MARKER": self.test.marker}}
                for n in numbers
            ]
            try:
                if self.batch == 1:
                    answer = self.test.client.once("POST", "/api/jobs/submit/", jobs[0], timeout=40)
                else:
                    answer = self.test.client.once("POST", "/api/jobs/submit/batch/", jobs, timeout=40)
            except (OSError, http.client.HTTPException):
                answer = None
            if answer is None or answer.status == 503:
                self.refused += 1
                threading.Event().wait(0.05)
                continue
            if answer.status != 200:
                self.test.complaints.append(f"submit was answered with {answer}")
                return
            ids = [answer.json["id"]] if self.batch == 1 else [item["id"] for item in answer.json]
            with self.test.changed:
                self.test.accepted.update(zip(ids, numbers))
                self.test.changed.notify_all()


class Killing(harness.OnDatabase):
    slots = 16  # most of the time the jobs sleep

    def count_ended(self):
        try:
            return self.database.rows("select count(*) from job_now where state >= 4")[0][0]
        except Exception:  # the database may be the one that was killed
            return self.ended

    def watch_until(self, condition, what, patience=harness.PATIENCE):
        def look():
            ended = self.count_ended()
            with self.changed:
                self.ended = ended
                self.changed.notify_all()
            self.assertEqual(self.complaints, [])
            return condition()

        harness.until(look, what, patience)

    def kill(self, victim):
        if victim == "database":
            self.database.kill()
            self.database.start()
        else:
            old = self.dev.kill_daemon(victim)
            self.dev.wait_restarted(victim, old)

    def test_every_accepted_job_ends_exactly_once_whoever_is_killed(self):
        self.client, self.marker = self.new_user("killer"), f"killing-{random.randrange(10**12)}"
        self.accepted, self.complaints, self.changed, self.ended, self.over = {}, [], threading.Condition(), 0, False
        numbers = itertools.count(1)
        threads = [Submitter(self, numbers, batch) for batch in (1, 1, 10, 25)]
        try:
            for thread in threads:
                thread.start()
            victims = ["worker", "scheduler", "api"] + (["database"] if self.database.url else [])
            kills = 0
            for _ in range(ROUNDS):
                for victim in victims:
                    goal = self.ended + BETWEEN_KILLS
                    self.watch_until(
                        lambda: self.ended >= goal,
                        f"{goal} jobs have ended, to kill the {victim} among running ones ({len(self.accepted)} accepted)",
                    )
                    self.assertLess(self.ended, JOBS, "too few jobs for so many kills")
                    self.kill(victim)
                    kills += 1
            self.watch_until(lambda: len(self.accepted) >= JOBS, f"{JOBS} jobs are accepted")
        finally:
            self.over = True
            for thread in threads:
                thread.join(60)
        self.watch_until(
            lambda: self.ended >= len(self.accepted)
            and not self.database.rows("select id from job_state where state < 4 limit 1"),
            "every job has ended",
        )
        self.assertEqual(kills, ROUNDS * len(victims))
        self.check_every_job()
        self.check_the_tables()
        self.assertEqual(harness.processes_with(self.marker), [], "no process of a job is left")
        print(
            f"{len(self.accepted)} accepted, {self.ended} ended, {kills} kills, "
            f"{sum(t.refused for t in threads)} submits without an answer, "
            f"{self.database.rows('select count(*) from job_event where move = 6')[0][0]} attempts handed out again",
            flush=True,
        )

    def check_every_job(self):
        statuses = {job["id"]: job["status"] for job in self.client.get("/api/jobs/").json}
        self.assertEqual(set(self.accepted) - set(statuses), set(), "every acknowledged submit is there")
        wrong = {job: statuses[job] for job in self.accepted if statuses[job] != "succeeded"}
        self.assertEqual(wrong, {})
        results = {one["id"]: one["results"] for one in self.client.get("/api/results/").json}
        for job, n in self.accepted.items():
            self.assertEqual((results[job]["exit_code"], results[job]["stdout"]), (0, f"{n} gives {n * 7 + 3}\n"), job)
        for job in random.sample(sorted(self.accepted), 20):
            events = self.client.get(f"/api/jobs/{job}/events/").json
            self.assertEqual(
                [event["event"] for event in events if event["event"] in harness.FINAL_EVENTS], ["finish"], events
            )
            self.assertEqual(events[-1]["event"], "finish", events)

    def check_the_tables(self):
        final = ", ".join(map(str, harness.FINAL_MOVES))
        self.assertEqual(
            self.database.rows(
                f"select job, count(*) from job_event where move in ({final}) group by job having count(*) <> 1"
            ),
            [],
            "exactly one final event per job",
        )
        self.assertEqual(
            self.database.rows(
                f"select s.id from job_now s where not exists "
                f"(select 1 from job_event e where e.job = s.id and e.move in ({final}))"
            ),
            [],
            "every job has a final event",
        )
        self.assertEqual(
            self.database.rows(
                f"select e.job from job_event e join job_event f on f.job = e.job and f.seq > e.seq "
                f"where e.move in ({final})"
            ),
            [],
            "nothing happens to a job after its end",
        )
        self.assertEqual(
            self.database.rows(
                "select s.id from job_now s where s.state = 4 and not exists "
                "(select 1 from attempt_result r where r.job = s.id and r.attempt = s.attempt)"
            ),
            [],
            "the result of the accepted attempt is there",
        )
        self.assertEqual(
            self.database.rows("select s.id from job_now s left join job j on j.id = s.id where j.id is null"), []
        )


class KillingOnSqlite(Killing, unittest.TestCase):
    make_database = harness.Sqlite


class KillingOnPostgreSQL(Killing, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
