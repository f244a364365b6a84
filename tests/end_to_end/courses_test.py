"""Courses on a real site of two workers: three students launch one at once, each talks to his own service through the
api and is refused at the others'; one is deleted, one loses its worker and comes back elsewhere, the course is deleted;
and nothing of it is left on the host."""

import asyncio
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import threading
import unittest
from urllib.parse import quote

import websockets

import harness
import small_image
from daemon import Daemon

PROGRAM = (pathlib.Path(__file__).parent / "service_program.py").read_text()
MARKER = f"service-{os.getpid()}.py"  # of these services, not of those of a test beside this one
COMMAND = "exec python3 -c " + shlex.quote(PROGRAM)


class CoursesSite:
    """A site of two workers with an image and data sets, and what people do there."""

    make_database = None
    lease_ttl_ms = 6000

    @classmethod
    def setUpClass(cls):
        if why := small_image.missing():
            raise unittest.SkipTest("no image can be brought onto a worker here: " + why)
        cls.directory = tempfile.mkdtemp(prefix="windlass-courses-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.database = cls.make_database(cls.directory)
        cls.addClassCleanup(cls.database.close)
        (pathlib.Path(cls.directory) / "data").mkdir()
        secret = pathlib.Path(cls.directory) / "secret"
        secret.write_text("of the whole site, for tests\n")
        secret.chmod(0o600)
        cls.common = {
            "DATABASE_URL": cls.database.url or f"sqlite:{cls.database.file}",
            "SCHEDULER_LISTEN": f"unix:{cls.directory}/scheduler.sock",
            "SCHEDULER_SECRET_FILE": str(secret),
        }
        credentials = pathlib.Path(cls.directory) / "credentials"
        credentials.mkdir(mode=0o700)
        cls.scheduler = cls.daemon(
            "scheduler", "scheduler", {"SCHEDULER_LEASE_TTL_MS": str(cls.lease_ttl_ms), "SCHEDULER_LEASE_GRACE_MS": "1000"}
        )
        cls.scheduler.wait_said("listening on")
        cls.workers = {}
        # One by a unix socket, one by TCP.
        for number, listen in enumerate((f"unix:{cls.directory}/left.sock", "127.0.0.1:0")):
            settings = {
                "WORKER_NAME": f"courses-{number}-{os.getpid()}",
                "WORKER_STATE_DIRECTORY": f"{cls.directory}/worker-{number}",
                "WORKER_SLOTS": "1",
                "WORKER_PREFETCH": "0",
                "WORKER_FIRST_UID": str(int(harness.FIRST_UID) + 200 * number),
                "WORKER_SERVICE_LISTEN": listen,
                "WORKER_KILL_GRACE_MS": "500",
            }
            cls.provide(settings)
            if harness.weaker():
                settings["WORKER_ALLOW_WEAKER"] = harness.weaker()
            worker = cls.daemon(f"worker-{number}", "worker", settings)
            worker.wait_said("connected to the scheduler")
            cls.workers[settings["WORKER_NAME"]] = worker
        api = {
            "API_LISTEN": "127.0.0.1:0",
            "API_CREDENTIALS_DIRECTORY": str(credentials),
            "API_COURSE_CPU_MILLIS": "200",
            "API_COURSE_MEMORY_BYTES": str(256 << 20),
        }
        cls.api = cls.daemon("api", "api", api)
        cls.url = cls.api.wait_said(r"listening on (http://\S+)")[1]
        cls.api.wait_said("connected to the scheduler")
        cls.admin = harness.Client(cls.url, (credentials / "admin.token").read_text().strip())
        cls.teacher = cls.new_user("lehrer")
        cls.admin.ask("PUT", f"/v1/teacher/{quote(cls.teacher.username)}/")

    @classmethod
    def daemon(cls, name, kind, settings):
        variables = {f"WINDLASS_{key}": value for key, value in {**cls.common, **settings}.items()}
        made = Daemon(name, kind, cls.directory, variables)
        cls.addClassCleanup(made.stop)
        made.start()
        return made

    @classmethod
    def new_user(cls, name):
        anonymous = harness.Client(cls.url)
        body = {"name": name, "username": name, "email": f"{name}@example.org", "company": "Example"}
        made = anonymous.post("/api/users/create/", {**body, "password": "correct horse battery"})
        assert made.status == 201, made
        login = anonymous.post("/v1/login", {"username": name, "password": "correct horse battery"})
        client = harness.Client(cls.url, login.json["token"])
        client.username = name
        return client

    @classmethod
    def provide(cls, settings):
        """The image and two data sets, for the node of a worker with these settings."""
        made = pathlib.Path(cls.directory) / "image"
        if not made.exists():
            config = {"Env": ["PATH=/usr/bin:/bin"], "Entrypoint": ["python3"], "Cmd": [f"/srv/{MARKER}"], "WorkingDir": "/srv"}
            cls.digest = small_image.make_layout(made, {f"srv/{MARKER}": PROGRAM}, config)
            for name in ("Maße", "mnist"):
                data = pathlib.Path(cls.directory) / f"data of {name}"
                data.mkdir(mode=0o755)
                (data / f"{name}.csv").write_text("1,2\n")
            os.chmod(cls.directory, 0o755)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("WINDLASS_")}
        variables = {f"WINDLASS_{key}": value for key, value in {**cls.common, **settings}.items()}
        words = [["image", "import", "Übung", f"oci:{made}", "--digest", cls.digest]]
        words += [["dataset", "add", name, f"{cls.directory}/data of {name}"] for name in ("Maße", "mnist")]
        for each in words:
            command = [str(harness.BIN / "windlass"), *each]
            done = subprocess.run(command, env={**clean, **variables}, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (command, done)

    # ---- what people do

    def make_course(self, name, students, **more):
        course = {"course_name": name, "image": "Übung", "dataset": ["Maße", "mnist"], "command": COMMAND, "check_path": "/health", **more}
        made = self.teacher.post(f"/v1/course/{quote(self.teacher.username)}", course)
        self.assertEqual(made.status, 200, made)
        course_id = made.json["course_id"]
        class_id = self.teacher.post("/v1/class/", {"name": "Klasse " + name}).json["class_id"]
        given = self.teacher.ask("PUT", f"/v1/class/{class_id}/course/{course_id}/")
        self.assertEqual(given.status, 200, given)
        for student in students:
            added = self.teacher.ask("PUT", f"/v1/class/{class_id}/member/{quote(student.username)}/")
            self.assertEqual(added.status, 200, added)
        return course_id

    def launch(self, student, course):
        answer = student.post(f"/v1/course/{quote(student.username)}", {"course_id": course})
        self.assertEqual(answer.status, 200, answer)
        return answer.json["job_id"]

    def jobs_of(self, student):
        return {job["job_id"]: job for job in student.get(f"/v1/job/{quote(student.username)}").json["jobs"]}

    def wait_ready(self, student, job):
        seen = {}

        def ready():
            seen.update(self.jobs_of(student).get(job, {"status": "gone"}))
            return seen["status"] == "Ready"

        try:
            harness.until(ready, f"{job} is ready")
        except AssertionError as late:
            events = self.admin.get(f"/api/jobs/{job}/events/").body
            raise AssertionError(f"{late}: {seen} {events} {self.admin.get(f'/api/jobs/{job}/log/').body}") from None
        return seen["address"].split("/", 3)[3]

    def worker_of(self, job):
        events = self.admin.get(f"/api/jobs/{job}/events/").json
        return [event["worker"] for event in events if event.get("worker")][-1]

    def gone(self, marker):
        return not harness.processes_with(marker)


class Courses(CoursesSite):
    def test_a_class_of_three_launches_uses_and_loses_its_services(self):
        students = [self.new_user(name) for name in ("anna", "björk", "чехов")]
        # Without a command: what runs is the entry point of the image.
        course = self.make_course("Statistik für alle ∑", students, command="")
        for student in students:
            listed = student.get(f"/v1/course/{quote(student.username)}").json["courses"]
            self.assertEqual([one["course_name"] for one in listed], ["Statistik für alle ∑"])
        jobs = [None] * 3

        def launch(number):
            jobs[number] = self.launch(students[number], course)

        threads = [threading.Thread(target=launch, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        paths = ["/" + self.wait_ready(student, job) for student, job in zip(students, jobs)]
        again = students[0].post("/v1/job/launch", {"user": students[0].username, "course_id": course})
        self.assertEqual(again.status, 409, again)

        # Each his own, and nobody else's.
        boots = []
        for number, student in enumerate(students):
            answer = student.get(paths[number] + "lab/x?q=1")
            self.assertEqual(answer.status, 200, answer)
            about = answer.json
            self.assertEqual(about["path"], "/lab/x?q=1")
            self.assertEqual(about["data"], {"Maße": ["Maße.csv"], "mnist": ["mnist.csv"]})
            self.assertNotIn(student.token, answer.body.decode() if isinstance(answer.body, bytes) else answer.body)
            self.assertEqual(about["headers"]["X-Forwarded-Prefix"], paths[number].rstrip("/"))
            self.assertIn("sandbox", answer.headers["Content-Security-Policy"])
            self.assertIn(f"Path={paths[number]}", answer.headers["Set-Cookie"])
            boots.append(about["boot"])
            for other in range(3):
                if other != number:
                    self.assertEqual(student.get(paths[other]).status, 404)
            self.assertEqual(self.admin.get(paths[number]).status, 404)
            self.assertEqual(harness.Client(self.url).get(paths[number]).status, 401)
        self.assertEqual(len(set(boots)), 3)
        posted = students[1].ask("POST", paths[1] + "echo", "abc" * 50_000)
        self.assertEqual(posted.status, 200, posted)
        large = students[1].get(paths[1] + "large")
        self.assertEqual(len(large.body), 200 * 65536)
        self.check_websocket(students[2], paths[2])

        # One is deleted by its student.
        deleted = students[0].ask("DELETE", f"/v1/job/{quote(students[0].username)}/{jobs[0]}")
        self.assertEqual(deleted.json["message"], f"job {jobs[0]} delete successfully")
        self.assertEqual(self.jobs_of(students[0]), {})
        self.assertEqual(self.admin.wait(jobs[0])["status"], "cancelled")
        self.assertEqual(students[0].get(paths[0]).status, 404)

        # One loses its worker and comes back at the other one.
        before = self.worker_of(jobs[1])
        self.workers[before].kill()
        harness.until(lambda: self.worker_of(jobs[1]) != before, "it goes to the other worker")
        self.wait_ready(students[1], jobs[1])
        self.assertNotIn(students[1].get(paths[1]).json["boot"], boots)
        self.workers[before].start()

        # The scheduler is killed: what is ready stays so.
        self.wait_ready(students[2], jobs[2])
        self.scheduler.kill()
        self.scheduler.start()
        self.scheduler.wait_said("listening on")
        self.assertEqual(self.jobs_of(students[2])[jobs[2]]["status"], "Ready")
        self.assertEqual(students[2].get(paths[2]).status, 200)

        # The course goes, and all of it.
        gone = harness.until(
            lambda: (answer := self.teacher.ask("DELETE", f"/v1/course/{quote(self.teacher.username)}/{course}")).status == 200
            and answer,
            "the course is deleted",
        )
        self.assertEqual(gone.json["message"], "course Statistik für alle ∑ delete successfully")
        for job in jobs[1:]:
            self.assertEqual(self.admin.wait(job)["status"], "cancelled")
        self.assert_nothing_is_left()

    def check_websocket(self, student, path):
        async def talk():
            headers = {"Authorization": "Bearer " + student.token}
            url = f"ws://{student.host}:{student.port}{path}ws"
            async with websockets.connect(url, extra_headers=headers) as socket:
                for message in ("hello ∑", b"\x00\xff" * 100, "x" * 60_000):
                    await socket.send(message)
                    self.assertEqual(await socket.recv(), message)
            with self.assertRaises(websockets.exceptions.InvalidStatusCode) as refused:
                stranger = {"Authorization": "Bearer " + self.teacher.token}
                async with websockets.connect(url, extra_headers=stranger):
                    pass
            self.assertEqual(refused.exception.status_code, 404)

        asyncio.run(talk())

    def test_a_service_that_fails_is_started_again_and_ends_after_the_last_attempt(self):
        student = self.new_user("dora")
        course = self.make_course("Absturz", [student])
        job = self.launch(student, course)
        path = "/" + self.wait_ready(student, job)
        self.assertEqual(student.get(path + "crash").status, 502)
        harness.until(
            lambda: [e["attempt"] for e in self.admin.get(f"/api/jobs/{job}/events/").json if e["event"] == "ready"]
            == [1, 2],
            "the second attempt is ready",
        )
        self.assertEqual(self.jobs_of(student)[job]["status"], "Ready")
        student.ask("DELETE", f"/v1/job/{quote(student.username)}/{job}")
        self.assertEqual(self.admin.wait(job)["status"], "cancelled")

    def assert_nothing_is_left(self):
        harness.until(lambda: self.gone(MARKER), "no process of a service is left")
        harness.until(lambda: not self.networks(), f"no network of a job is left: {self.networks()}")
        boxes = [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if self.directory in line]
        self.assertEqual(boxes, [])
        homes = [pathlib.Path(self.directory) / f"worker-{number}" for number in range(len(self.workers))]
        places = [home / place for home in homes for place in ("results", "blobs", "sandbox/root", "site/staging")]
        files = lambda: [str(file) for place in places for file in place.rglob("*")]
        harness.until(lambda: not files(), f"no file of a service is left: {files()}")

    def networks(self):
        found = []
        for worker in self.workers.values():
            for pid in harness.descendants_of(worker.process.pid):
                try:
                    name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                except OSError:
                    continue
                if name in ("windlass-net", "python3"):
                    found.append((pid, name))
        return found


class CoursesOnSqlite(Courses, unittest.TestCase):
    make_database = harness.Sqlite


class OutlivingOnSqlite(CoursesSite, unittest.TestCase):
    make_database = harness.Sqlite
    lease_ttl_ms = 60_000  # a worker that is started again at once is there before, however busy the machine is

    def test_services_are_reached_where_they_were_after_their_workers_were_killed(self):
        students = [self.new_user(name) for name in ("emma", "farid")]
        marker = f"outliving-{os.getpid()}"
        command = "exec python3 -c " + shlex.quote(PROGRAM + f"# {marker}\n")
        course = self.make_course("Überleben", students, command=command)
        jobs = [self.launch(student, course) for student in students]
        paths = ["/" + self.wait_ready(student, job) for student, job in zip(students, jobs)]
        boots = [student.get(path).json["boot"] for student, path in zip(students, paths)]
        workers = [self.workers[name] for name in {self.worker_of(job) for job in jobs}]
        for _ in range(2):
            for worker in workers:
                worker.kill()
                worker.start()
            for worker in workers:
                worker.wait_said("took over [12] boxes of the former worker")
            for student, path, boot in zip(students, paths, boots):
                answer = harness.until(lambda: (a := student.get(path)).status == 200 and a, f"{path} answers")
                self.assertEqual(answer.json["boot"], boot, "another process of the course")
        for student, job in zip(students, jobs):
            events = self.admin.get(f"/api/jobs/{job}/events/").json
            self.assertEqual([event["event"] for event in events].count("start"), 1, events)
            student.ask("DELETE", f"/v1/job/{quote(student.username)}/{job}")
            self.assertEqual(self.admin.wait(job)["status"], "cancelled")
        harness.until(lambda: self.gone(marker), "no process of a service is left")


class CoursesOnPostgreSQL(Courses, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
