"""The main job: an account, a login, a real program with data, its result. Every field that the contract names."""

import hashlib
import json
import re
import unittest

import harness

PROGRAM = """BEGIN { FS = "," }
NR > 1 { n[$1]++; sum[$1] += $2; total += $2 }
END {
    for (name in n) printf "%s %d %.2f\\n", name, n[name], sum[name] / n[name] | "sort"
    close("sort")
    printf "{\\"rows\\": %d, \\"total\\": %.1f}\\n", NR - 1, total > "out/results.json"
    printf "kept\\n" > "out/note.txt"
    print "read " NR - 1 " rows" > "/dev/stderr"
}
"""
DATA = "station,celsius\nharbour,12.5\nhill,7.0\nharbour,13.5\nhill,8.0\nhill,6.0\n"
DURATION = re.compile(r"^\d+\.\d{3}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


class MainChain(harness.OnDatabase):
    def both_forms(self, client, method, path, body=None, **more):
        """The answer in the form with the slash, after the one without gave the same status and shape."""
        bare = client.ask(method, path.rstrip("/"), body, **more)
        slash = client.ask(method, path, body, **more)
        self.assertEqual(bare.status, slash.status, path)
        self.assertNotIn(bare.status, range(300, 400), f"{path} must not redirect")
        if isinstance(slash.json, dict):
            self.assertEqual(set(bare.json), set(slash.json), path)
        return slash

    def assert_problem(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json", answer)
        self.assertLessEqual({"type", "title", "status", "detail", "request_id"}, set(answer.json), answer)
        self.assertEqual(answer.json["status"], status)

    def test_a_real_program_with_data_runs_from_submit_to_result(self):
        user = self.new_user("ada")
        submitted = user.post(
            "/api/jobs/submit/",
            {
                "code": PROGRAM,
                "data": DATA,
                "running_commands": "awk -f code data",
                "name": "stations",
                "priority": 5,
                "timeout_s": 60,
                "max_attempts": 2,
                "env": {"LC_ALL": "C"},
                "limits": {"cpus": 1, "memory_bytes": 256 << 20},
            },
        )
        self.assertEqual(submitted.status, 200, submitted)
        job = submitted.json["id"]
        self.assertEqual(list(submitted.json), ["id"])
        self.assertIsInstance(job, str)
        self.assertEqual(submitted.headers["Location"], f"/api/jobs/{job}/")
        self.assertEqual(submitted.headers["Content-Type"].split(";")[0], "application/json")

        ended = user.wait(job)
        self.assertEqual(ended["status"], "succeeded", ended)
        self.assertEqual(ended["id"], job)
        self.assertRegex(ended["duration"], DURATION)
        self.assertEqual(
            (ended["name"], ended["priority"], ended["timeout_s"], ended["max_attempts"]), ("stations", 5, 60, 2)
        )
        self.assertEqual(ended["limits"]["memory_bytes"], 256 << 20)
        for key in ("submitted", "started", "finished"):
            self.assertRegex(ended[key], TIME, key)

        answer = self.both_forms(user, "GET", f"/api/results/{job}/")
        self.assertEqual(set(answer.json), {"id", "duration", "results"})
        self.assertEqual(answer.json["id"], job)
        self.assertRegex(answer.json["duration"], DURATION)
        results = answer.json["results"]
        self.assertEqual(results["outcome"], "exited")
        self.assertEqual(results["exit_code"], 0)
        self.assertNotIn("signal", results)
        self.assertEqual(results["stdout"], "harbour 2 13.00\nhill 3 7.00\n")
        self.assertEqual(results["stderr"], "read 5 rows\n")
        self.assertEqual(results["value"], {"rows": 5, "total": 47.0})
        usage = results["usage"]
        self.assertLessEqual({"wall_s", "cpu_s", "peak_memory_bytes", "read_bytes", "written_bytes"}, set(usage))
        self.assertGreater(usage["wall_s"], 0)
        self.assertGreater(usage["cpu_s"], 0)
        self.assertGreater(usage["peak_memory_bytes"], 0)
        self.assertAlmostEqual(float(answer.json["duration"]), usage["wall_s"], delta=0.0011)
        files = {file["path"]: file for file in results["files"]}
        self.assertEqual(files["note.txt"]["size"], 5)
        self.assertEqual(files["note.txt"]["sha256"], hashlib.sha256(b"kept\n").hexdigest())

        log = self.both_forms_text(user, f"/api/jobs/{job}/log/")
        self.assertEqual(log, results["stdout"])
        events = self.both_forms(user, "GET", f"/api/jobs/{job}/events/").json
        self.assertEqual([event["event"] for event in events], ["submit", "lease", "start", "finish"])
        attempts = self.both_forms(user, "GET", f"/api/jobs/{job}/attempts/").json
        self.assertEqual([attempt["attempt"] for attempt in attempts], [1])
        self.assertEqual(self.both_forms(user, "GET", f"/api/jobs/{job}/why/").json["status"], "succeeded")

    def both_forms_text(self, client, path):
        bare, slash = client.get(path.rstrip("/")), client.get(path)
        self.assertEqual((bare.status, bare.body), (slash.status, slash.body))
        return slash.body.decode()

    def test_accounts_are_created_listed_and_deleted(self):
        anonymous = harness.Client(self.dev.url)
        person = {
            "name": "Grace",
            "username": f"grace-{id(self)}",
            "email": f"g{id(self)}@example.org",
            "company": "Navy",
        }
        made = anonymous.post("/api/users/create", {**person, "password": "correct horse battery"})
        self.assertEqual(made.status, 201, made)
        self.assertEqual(list(made.json), ["id"])
        self.assertIn(made.json["id"], made.headers["Location"])
        for path in ("/api/users/create", "/api/users/create/"):
            self.assert_problem(anonymous.post(path, {**person, "email": "other@example.org"}), 409)
            self.assert_problem(anonymous.post(path, {**person, "username": "other-name"}), 409)
        missing = anonymous.post("/api/users/create/", {"name": "Nobody"})
        self.assert_problem(missing, 400)
        self.assertLessEqual(
            {"/username", "/email", "/company"}, {error["pointer"] for error in missing.json["errors"]}
        )

        for path in ("/api/users/authenticate", "/api/users/authenticate/"):
            login = anonymous.post(path, {"username": person["username"], "password": "correct horse battery"})
            self.assertEqual(login.status, 200, login)
            self.assertEqual(set(login.json), {"token", "expires_in"})
            self.assertIsInstance(login.json["expires_in"], int)
            self.assertIn("HttpOnly", login.headers["Set-Cookie"])
        self.assert_problem(
            anonymous.post("/api/users/authenticate/", {"username": person["username"], "password": "wrong"}), 401
        )
        self.assert_problem(
            anonymous.post("/api/users/authenticate/", {"username": f"nobody-{id(self)}", "password": "wrong"}), 404
        )

        listed = [
            user for user in self.both_forms(self.admin, "GET", "/api/users/").json if user["id"] == made.json["id"]
        ]
        self.assertEqual(listed, [{"id": made.json["id"], **person}])
        grace = harness.Client(self.dev.url, login.json["token"])
        self.assert_problem(grace.get("/api/users/"), 403)
        self.assert_problem(anonymous.get("/api/users/"), 401)

        stranger = self.new_user("stranger")
        self.assert_problem(stranger.ask("DELETE", f"/api/users/delete/{made.json['id']}/"), 404)
        gone = grace.ask("DELETE", f"/api/users/delete/{made.json['id']}")
        self.assertEqual((gone.status, gone.json), (200, {"id": made.json["id"]}))
        self.assert_problem(self.admin.ask("DELETE", f"/api/users/delete/{made.json['id']}/"), 404)
        self.assert_problem(grace.get("/api/jobs/"), 401)

    def test_lists_show_ones_own_jobs_and_an_admin_all(self):
        user, other = self.new_user("lists"), self.new_user("other")
        jobs = [user.submit("echo $N", env={"N": str(i)}) for i in range(3)]
        for job in jobs:
            user.wait(job)
        # The one path whose form without the slash is another family's (monitoring): no redirect from there either.
        self.assertNotIn(user.get("/api/jobs").status, range(300, 400))
        listed = user.get("/api/jobs/").json
        self.assertEqual([job["id"] for job in listed], jobs[::-1], "newest first")
        for job in listed:
            self.assertEqual(set(job), {"id", "duration", "status"})
            self.assertEqual(job["status"], "succeeded")
            self.assertRegex(job["duration"], DURATION)
        results = self.both_forms(user, "GET", "/api/results/").json
        self.assertEqual(
            [(r["id"], r["results"]["stdout"]) for r in results],
            [(job, f"{i}\n") for i, job in reversed(list(enumerate(jobs)))],
        )
        self.assertEqual(other.get("/api/jobs/").json, [])
        self.assertEqual(other.get("/api/results/").json, [])
        self.assertLessEqual(set(jobs), {job["id"] for job in self.admin.get("/api/jobs/").json})
        for path in (f"/api/jobs/{jobs[0]}/", f"/api/results/{jobs[0]}/", f"/api/jobs/{jobs[0]}/events/"):
            self.assert_problem(other.get(path), 404)
            self.assertEqual(self.admin.get(path).status, 200)
        self.assert_problem(other.ask("DELETE", f"/api/jobs/{jobs[0]}/"), 404)

        seen, path = [], "/api/jobs/?limit=2"
        while path:
            page = user.get(path)
            seen += [job["id"] for job in page.json]
            link = re.match(r'<([^>]*)>; rel="next"', page.headers.get("Link") or "")
            path = link and link[1]
        self.assertEqual(seen, jobs[::-1])

    def test_the_queue_is_listed_oldest_first_and_reading_does_not_take(self):
        user = self.new_user("queue")
        blockers = [user.submit("exec sleep 60", priority=100) for _ in range(self.slots)]
        waiting = [user.submit(f"echo {i}", code=f"code {i}", data=f"data {i}") for i in range(3)]
        expected = [{"code": f"code {i}", "data": f"data {i}", "running_commands": f"echo {i}"} for i in range(3)]

        def queue():
            listed = [
                job
                for job in self.both_forms(user, "GET", "/api/jobs/getqueue/").json
                if job["running_commands"] != "exec sleep 60"
            ]
            return listed == expected

        harness.until(queue, "the three waiting jobs are listed")
        self.assertTrue(queue(), "a second time")
        why = user.get(f"/api/jobs/{waiting[0]}/why/").json
        self.assertEqual((why["id"], why["status"]), (waiting[0], "queued"))
        self.assertTrue(why["why"].strip())
        unfinished = user.get(f"/api/results/{waiting[0]}/").json
        self.assertEqual((unfinished["duration"], unfinished["results"]), ("", {}))
        for job in blockers:
            self.assertIn(user.ask("DELETE", f"/api/jobs/{job}").status, (200, 202))
        for job in waiting:
            self.assertEqual(user.wait(job)["status"], "succeeded")

    def test_a_batch_gives_one_answer_per_item_in_order(self):
        user = self.new_user("batch")
        good = [{"code": "", "data": str(i), "running_commands": "cat data"} for i in range(3)]
        bad = {"code": "", "data": "", "running_commands": "true", "colour": "blue"}
        for path in ("/api/jobs/submit/batch", "/api/jobs/submit/batch/"):
            answers = user.post(path, [good[0], bad, good[1]]).json
            self.assertEqual([list(answer) for answer in answers], [["id"], ["error"], ["id"]])
            self.assertIn("colour", json.dumps(answers[1]))
        lines = "\n".join(json.dumps(item) for item in good) + "\n"
        answers = user.post("/api/jobs/submit/batch/", lines, headers={"Content-Type": "application/x-ndjson"}).json
        for i, answer in enumerate(answers):
            self.assertEqual(user.wait(answer["id"])["status"], "succeeded")
            self.assertEqual(user.result(answer["id"])["stdout"], str(i))
        before = len(user.get("/api/jobs/").json)
        refused = user.post("/api/jobs/submit/batch/?all_or_nothing=true", [good[0], bad])
        self.assertEqual(refused.status, 422, refused)
        self.assertEqual(len(user.get("/api/jobs/").json), before)

    def test_endings_are_told_apart(self):
        user = self.new_user("endings")
        cases = {
            "fails": (
                dict(commands="echo no >&2; exit 3"),
                "failed",
                {"outcome": "exited", "exit_code": 3, "stderr": "no\n"},
            ),
            "signal": (dict(commands="kill -SEGV $$"), "failed", {"outcome": "signalled", "signal": 11}),
            "too long": (dict(commands="sleep 60", timeout_s=0.3), "timed_out", {"outcome": "out_of_time"}),
            "not found": (dict(commands="./nothing-here"), "failed", {"outcome": "exited", "exit_code": 127}),
        }
        jobs = {name: user.submit(**case[0]) for name, case in cases.items()}
        for name, (_, status, expected) in cases.items():
            self.assertEqual(user.wait(jobs[name])["status"], status, name)
            results = user.result(jobs[name])
            self.assertEqual({key: results.get(key) for key in expected}, expected, name)

    def test_a_failing_job_is_tried_as_often_as_it_asked_for(self):
        user = self.new_user("attempts")
        job = user.wait(user.submit("exit 9", max_attempts=3))
        self.assertEqual((job["status"], job["attempt"]), ("failed", 3))
        attempts = user.get(f"/api/jobs/{job['id']}/attempts/").json
        self.assertEqual([(a["attempt"], a["exit_code"]) for a in attempts], [(1, 9), (2, 9), (3, 9)])

    def test_a_job_sees_what_the_contract_says_and_no_more(self):
        user = self.new_user("inside")
        script = """set -e
ls; test -w . ; test -d out; cat code; cat data
test "$(pwd)" = "$HOME"; case "$TMPDIR" in "$HOME"|"$HOME"/*) echo tmpdir ok;; esac
test -z "$(cat)" && echo stdin empty
echo "$GREETING"
ls /proc/net/dev >/dev/null 2>&1 && grep -c : /proc/net/dev
if touch /usr/x 2>/dev/null; then echo system writable; fi
"""
        job = user.wait(user.submit(script, code="the code\n", data="the data\n", env={"GREETING": "hello"}))
        out = user.result(job["id"])
        self.assertEqual(job["status"], "succeeded", out)
        lines = out["stdout"].splitlines()
        self.assertEqual(lines[:6], ["code", "data", "out", "the code", "the data", "tmpdir ok"], out)
        self.assertEqual(lines[6:8], ["stdin empty", "hello"], out)
        self.assertNotIn("system writable", lines)

    def test_a_long_poll_ends_when_the_job_ends(self):
        user = self.new_user("poll")
        job = user.submit("sleep 1")
        answer = user.get(f"/api/jobs/{job}/?wait=60")
        self.assertEqual(answer.json["status"], "succeeded", answer)
        result = user.get(f"/api/results/{job}?wait=60")
        self.assertEqual(result.json["results"]["exit_code"], 0)
        job = user.submit("sleep 30")
        answer = user.get(f"/api/jobs/{job}/?wait=0.2")
        self.assertIn(answer.json["status"], ("queued", "starting", "running"))
        user.ask("DELETE", f"/api/jobs/{job}/")

    def test_health_and_figures_are_there(self):
        anonymous = harness.Client(self.dev.url)
        for path in ("/healthz", "/readyz", "/metrics"):
            self.assertEqual(anonymous.get(path).status, 200, path)
        self.assertIn(b"# TYPE", anonymous.get("/metrics").body)

    def test_wrong_methods_and_unknown_paths_say_so(self):
        for method, path in (
            ("GET", "/api/jobs/submit/"),
            ("PUT", "/api/jobs/"),
            ("POST", "/api/users/"),
            ("DELETE", "/api/results/1/"),
        ):
            answer = self.admin.ask(method, path, {} if method in ("PUT", "POST") else None)
            if (method, path) == ("GET", "/api/jobs/submit/"):
                # "submit" could be an id to GET /api/jobs/{id}/: both 404 and 405 are honest, a 200 is not.
                self.assertIn(answer.status, (404, 405))
                continue
            self.assert_problem(answer, 405)
            self.assertTrue(answer.headers["Allow"])
        self.assert_problem(self.admin.get("/api/nothing/here/"), 404)


class MainChainOnSqlite(MainChain, unittest.TestCase):
    make_database = harness.Sqlite


class MainChainOnPostgreSQL(MainChain, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
