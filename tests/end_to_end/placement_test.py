"""Where jobs run and when: labels and resources of two real workers, a worker kept free for a large job, recurring jobs
that really fire, and why a job waits (turn, resources, labels, scheduler away)."""

import datetime
import os
import pathlib
import shutil
import tempfile
import unittest

import harness
from queue_test import job, time_of
from daemon import Daemon


class Site:
    """A scheduler, an api and two workers with other labels and resources."""

    workers = {
        "left": {"SLOTS": "2", "LABELS": "zone=left,disk=fast", "RESOURCES": "gpu=1"},
        "right": {"SLOTS": "1", "LABELS": "zone=right", "RESOURCES": "licence=2"},
    }

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="windlass-site-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.database = cls.make_database(cls.directory)
        cls.addClassCleanup(cls.database.close)
        (pathlib.Path(cls.directory) / "data").mkdir()
        url = cls.database.url or f"sqlite:{cls.database.file}"
        common = {"DATABASE_URL": url, "SCHEDULER_LISTEN": f"unix:{cls.directory}/scheduler.sock"}
        credentials = pathlib.Path(cls.directory) / "credentials"
        credentials.mkdir(mode=0o700)

        def daemon(name, kind, settings):
            variables = {f"WINDLASS_{key}": value for key, value in {**common, **settings}.items()}
            made = Daemon(name, kind, cls.directory, variables)
            cls.addClassCleanup(made.stop)
            made.start()
            return made

        cls.scheduler = daemon("scheduler", "scheduler", {"SCHEDULER_KEEP_FINISHED_DAYS": "0"})
        cls.scheduler.wait_said("listening on")
        for number, (name, own) in enumerate(cls.workers.items()):
            settings = {
                "WORKER_NAME": f"{name}-{os.getpid()}",
                "WORKER_STATE_DIRECTORY": f"{cls.directory}/{name}",
                "WORKER_PREFETCH": "0",
                "WORKER_FIRST_UID": str(int(harness.FIRST_UID) + 200 * number),
                **{f"WORKER_{key}": value for key, value in own.items()},
            }
            if harness.weaker():
                settings["WORKER_ALLOW_WEAKER"] = harness.weaker()
            daemon(f"worker-{name}", "worker", settings).wait_said("connected to the scheduler")
        api = {"API_LISTEN": "127.0.0.1:0", "API_CREDENTIALS_DIRECTORY": str(credentials)}
        cls.api = daemon("api", "api", api)
        address = cls.api.wait_said(r"listening on (http://\S+)")[1]
        cls.api.wait_said("connected to the scheduler")
        cls.user = harness.Client(address, (credentials / "admin.token").read_text().strip())

    def restart_scheduler(self, meanwhile=lambda: None):
        self.scheduler.kill()
        meanwhile()
        self.scheduler.start()
        self.scheduler.wait_said("listening on")

    def worker_of(self, job_id):
        return self.user.get(f"/api/jobs/{job_id}/events/").json[1]["worker"].rsplit("-", 1)[0]

    def why(self, job_id, reason):
        seen = {}

        def waits():
            answer = self.user.get(f"/api/jobs/{job_id}/why/")
            seen.update(answer.json if answer.status == 200 else {})
            return seen.get("reason") == reason

        harness.until(waits, f"{job_id} waits for {reason}: {seen}", 30)
        return seen

    def running(self, job_id):
        harness.until(lambda: self.user.get(f"/api/jobs/{job_id}/").json["status"] == "running", f"{job_id} runs")

    def cancel(self, *jobs):
        for each in jobs:
            self.user.ask("DELETE", f"/api/jobs/{each}/")
        for each in jobs:
            self.user.wait(each)

    # --- labels and resources

    def test_a_job_runs_where_its_labels_and_resources_are(self):
        wishes = [
            ({"requires": {"zone": "right"}}, "right"),
            ({"requires": {"zone": "left"}}, "left"),
            ({"requires": {"disk": "fast"}}, "left"),
            ({"resources": {"gpu": 1}}, "left"),
            ({"resources": {"licence": 2}}, "right"),
            ({"requires": {"zone": "right"}, "resources": {"licence": 1}}, "right"),
            ({"limits": {"cpus": 2}}, "left"),
        ]
        jobs = [(self.user.submit("true", **wish), where) for wish, where in wishes for _ in range(2)]
        for each, where in jobs:
            self.assertEqual(self.user.wait(each)["status"], "succeeded")
            self.assertEqual(self.worker_of(each), where, each)
        for wish in ({"requires": {"zone": "left"}, "resources": {"licence": 1}}, {"resources": {"gpu": 2}}):
            nowhere = self.user.submit("true", **wish)
            self.why(nowhere, "no_suitable_worker")
            self.cancel(nowhere)

    def test_a_resource_is_held_by_one_job_at_a_time(self):
        jobs = [self.user.submit("sleep 0.3", resources={"gpu": 1}) for _ in range(3)]
        self.running(jobs[0])
        full = self.why(jobs[2], "workers_full")
        self.assertIn("gpu", full["text"])
        label = self.user.submit("sleep 30", requires={"zone": "right"})
        self.running(label)
        behind = self.user.submit("true", requires={"zone": "right"})
        self.assertIn("full", self.why(behind, "workers_full")["text"])
        self.cancel(label)
        self.user.wait(behind)
        spans = []
        for each in jobs:
            self.assertEqual(self.user.wait(each)["status"], "succeeded")
            events = self.user.get(f"/api/jobs/{each}/events/").json
            spans.append((time_of(events[1]), time_of(events[-1])))
        spans.sort()
        for before, after in zip(spans, spans[1:]):
            self.assertLessEqual(before[1], after[0], "two had the one gpu at a time")

    # --- a large job among small ones

    def test_a_large_job_is_not_starved_by_small_ones(self):
        # Two at a time, never ending together: without a worker kept free both cores are never free at once.
        left = {"zone": "left"}
        first = self.user.submit("sleep 1.5", requires=left)
        self.running(first)
        small = self.user.submit("sleep 2.7", array={"count": 400}, requires=left)
        large = self.user.submit("true", limits={"cpus": 2}, requires=left, priority=10)
        self.assertEqual(self.user.wait(large, patience=150)["status"], "succeeded")
        self.assertEqual(self.worker_of(large), "left")
        self.assertEqual(self.user.get(f"/api/jobs/{small}/").json["status"], "running")
        self.cancel(small, first)

    # --- why

    def test_why_while_the_scheduler_is_away_says_so_and_knows_again_afterwards(self):
        waiting = self.user.submit("true", requires={"zone": "nowhere"})
        self.why(waiting, "no_suitable_worker")
        asked = {}

        def ask():
            harness.until(
                lambda: asked.update(answer=self.user.once("GET", f"/api/jobs/{waiting}/why/"))
                or asked["answer"].status == 503
                or asked["answer"].json.get("reason") == "scheduler_away",
                "the api says that the scheduler is away",
                30,
            )

        self.restart_scheduler(ask)
        self.assertIn("scheduler", asked["answer"].body.decode().lower())
        self.why(waiting, "no_suitable_worker")
        self.cancel(waiting)

    def test_why_tells_one_whose_turn_comes_later_who_comes_first(self):
        right = {"zone": "right"}
        running = self.user.submit("sleep 60", requires=right)
        self.running(running)
        waiting = [self.user.submit("true", requires=right) for _ in range(3)]
        seen = self.why(waiting[2], "workers_full")
        self.assertEqual((seen["own_jobs_ahead"], seen["users_ahead"]), (2, 0))
        self.assertIn("2 jobs of the same owner come first", seen["text"])
        self.cancel(running)
        for each in waiting:
            self.assertEqual(self.user.wait(each)["status"], "succeeded")

    # --- recurring jobs

    def runs_of(self, schedule):
        return self.database.rows(f"select planned_us, id from job where schedule = {schedule} order by planned_us")

    def test_recurring_jobs_run_for_what_was_missed_as_they_say_and_once_for_each_moment(self):
        # Three moments some minutes ago, at which no scheduler was there; the next ones are tomorrow.
        last = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
        last -= datetime.timedelta(minutes=5)
        if last.minute < 2:
            last -= datetime.timedelta(minutes=3)
        planned = [int((last - datetime.timedelta(minutes=back)).timestamp()) * 1_000_000 for back in (2, 1, 0)]
        cron = f"{last.minute - 2}-{last.minute} {last.hour} * * *"
        schedules = {}
        for missed in ("skip", "once", "all"):
            body = {"name": missed, "cron": cron, "missed": missed, "overlap": "queue", "job": job("echo now")}
            made = self.user.post("/api/schedules/", body)
            self.assertEqual(made.status, 201, made)
            schedules[missed] = int(made.json["id"])

        def long_ago():
            self.database.change(f"update job_schedule set planned_us = {planned[0] - 600_000_000}")

        self.restart_scheduler(long_ago)
        expected = {"skip": [], "once": planned[2:], "all": planned}
        for missed, moments in expected.items():
            schedule = schedules[missed]
            harness.until(lambda: len(self.runs_of(schedule)) >= len(moments), f"what {missed} wants is run")
            runs = self.runs_of(schedule)
            self.assertEqual([at for at, _ in runs], moments, missed)
            for _, run in runs:
                self.assertEqual(self.user.wait(run)["status"], "succeeded")
                self.assertEqual(self.user.result(run)["stdout"], "now\n")
        harness.until(
            lambda: self.database.rows(f"select planned_us from job_schedule where id = {schedules['skip']}")
            == [(planned[2],)],
            "what is left out is dealt with too",
        )
        # And never again, whoever looks.
        before = {missed: self.runs_of(schedule) for missed, schedule in schedules.items()}
        self.restart_scheduler()
        self.user.wait(self.user.submit("true"))
        self.assertEqual({missed: self.runs_of(schedule) for missed, schedule in schedules.items()}, before)
        shown = self.user.get(f"/api/schedules/{schedules['once']}/").json
        self.assertEqual(int(shown["last_job"]), before["once"][0][1])
        for schedule in schedules.values():
            self.user.ask("DELETE", f"/api/schedules/{schedule}/")

    def test_a_recurring_job_fires_when_its_minute_comes(self):
        made = self.user.post("/api/schedules/", {"name": "each", "cron": "* * * * *", "job": job("echo tick")})
        schedule = int(made.json["id"])
        runs = harness.until(lambda: self.runs_of(schedule), "a minute begins", 75)
        self.assertEqual(runs[0][0] % 60_000_000, 0)
        self.assertEqual(self.user.wait(runs[0][1])["status"], "succeeded")
        submitted = self.database.rows(f"select submitted_us from job where id = {runs[0][1]}")[0][0]
        self.assertGreaterEqual(submitted, runs[0][0])
        self.user.ask("DELETE", f"/api/schedules/{schedule}/")

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for log in sorted(pathlib.Path(self.directory).glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}", flush=True)


class SiteOnSqlite(Site, unittest.TestCase):
    make_database = harness.Sqlite


class SiteOnPostgreSQL(Site, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
