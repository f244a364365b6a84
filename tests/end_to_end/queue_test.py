"""What a batch user expects of a queue, over HTTP: keys, batches, arrays, dependencies, retries, times, lists, files.

Who runs the site (named queues, quotas, workers) is in operators_test.py.
"""

import datetime
import hashlib
import http.client
import json
import random
import threading
import time
import unittest

import harness


def job(commands="true", **more):
    return {"code": "", "data": "", "running_commands": commands, **more}


def moment(seconds_from_now):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def time_of(event):
    return datetime.datetime.fromisoformat(event["at"])


def pointers(answer):
    return [error["pointer"] for error in answer.json.get("errors", [])]


class Queue(harness.OnDatabase):
    environment = {
        "WINDLASS_SCHEDULER_CRASH_LIMIT": "2",
        "WINDLASS_WORKER_PREFETCH": "0",
        "WINDLASS_WORKER_ADOPT": "false",  # a worker that dies is to lose what it runs
    }

    def setUp(self):
        self.user = self.new_user("batch")

    def events(self, job_id):
        return self.user.get(f"/api/jobs/{job_id}/events/").json

    def moves(self, job_id):
        return [event["event"] for event in self.events(job_id)]

    def refused(self, body, status, pointer=None, path="/api/jobs/submit/", **more):
        answer = self.user.post(path, body, **more)
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        if pointer is not None:
            self.assertIn(pointer, pointers(answer), answer)
        return answer

    def hold(self):
        """A queue of its own from which nothing starts until release()."""
        name = f"held-{random.randrange(10**9)}"
        made = self.admin.ask("PUT", f"/api/queues/{name}/", {"held": True})
        self.assertEqual(made.status, 201, made)
        return name

    def release(self, name):
        self.assertEqual(self.admin.post(f"/api/queues/{name}/release/", {}).status, 200)

    def why(self, job_id):
        return self.user.get(f"/api/jobs/{job_id}/why/").json

    def running(self, job_id):
        harness.until(lambda: self.user.get(f"/api/jobs/{job_id}/").json["status"] == "running", f"{job_id} runs")

    # --- doing it once

    def post_until_answered(self, path, body, key):
        def post():
            answer = self.user.post(path, body, headers={"Idempotency-Key": key})
            if answer.status != 409:
                return answer
            self.assertIn("Retry-After", answer.headers, answer)
            return None

        return harness.until(post, f"{path} is answered, not only refused because the same is under way")

    def test_a_key_makes_one_job_however_often_and_at_once_it_is_sent(self):
        key, answers = f"key-{random.random()}", []
        threads = [
            threading.Thread(target=lambda: answers.append(self.post_until_answered("/api/jobs/submit/", job(), key)))
            for _ in range(64)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([answer.status for answer in answers], [200] * 64)
        self.assertEqual(len({answer.json["id"] for answer in answers}), 1)
        self.assertEqual(sum("Idempotency-Replayed" not in answer.headers for answer in answers), 1)
        self.assertEqual(len(self.user.get("/api/jobs/").json), 1)
        other = self.user.post("/api/jobs/submit/", job("false"), headers={"Idempotency-Key": key})
        self.assertEqual((other.status, other.json["type"]), (422, "urn:windlass:problem:key-of-another-request"))
        stranger = self.new_user("stranger").post("/api/jobs/submit/", job(), headers={"Idempotency-Key": key})
        self.assertNotEqual(stranger.json["id"], answers[0].json["id"])
        self.refused(job(), 400, headers={"Idempotency-Key": ""})
        self.refused(job(), 400, headers={"Idempotency-Key": "x" * 256})

    def test_a_key_is_remembered_across_a_restart_of_api_and_scheduler(self):
        batch = [job(name="a"), job(name="b", after=[{"name": "a"}])]
        first = self.post_until_answered("/api/jobs/submit/batch/", batch, "over a restart")
        self.assertEqual(first.status, 200, first)
        for daemon in ("api", "scheduler"):
            self.dev.wait_restarted(daemon, self.dev.kill_daemon(daemon))
        again = self.post_until_answered("/api/jobs/submit/batch/", batch, "over a restart")
        self.assertEqual((again.status, again.json), (200, first.json))
        self.assertEqual(again.headers["Idempotency-Replayed"], "true")
        self.assertEqual(len(self.user.get("/api/jobs/").json), 2)

    # --- batches

    def test_a_batch_with_names_is_a_graph_that_runs_in_its_order(self):
        batch = [
            job("cat data", name="report", after=[{"name": "left"}, {"name": "right", "when": "any"}]),
            job(name="left", after=[{"name": "root"}]),
            job("false", name="right", after=[{"name": "root"}]),
            job("sleep 0.2", name="root"),
        ]
        answer = self.user.post("/api/jobs/submit/batch/", batch)
        self.assertEqual(answer.status, 200, answer)
        report, left, right, root = (item["id"] for item in answer.json)
        self.assertEqual(self.user.wait(report)["status"], "succeeded")
        self.assertEqual(self.user.wait(right)["status"], "failed")
        start = {name: time_of(self.events(name)[-2]) for name in (report, left, right)}
        end = {name: time_of(self.events(name)[-1]) for name in (left, right, root)}
        self.assertLessEqual(end[root], min(start[left], start[right]))
        self.assertLessEqual(max(end[left], end[right]), start[report])
        self.assertEqual(self.moves(report), ["submit", "release", "lease", "start", "finish"])
        shown = self.user.get(f"/api/jobs/{report}/").json["after"]
        self.assertEqual(shown, [{"job": left, "when": "ok"}, {"job": right, "when": "any"}])

    def test_circles_and_unknown_names_are_refused_with_who_waits_for_them(self):
        batch = [
            job(name="a", after=[{"name": "b"}]),
            job(name="b", after=[{"name": "c"}]),
            job(name="c", after=[{"name": "a"}]),
            job(name="d", after=[{"name": "a"}]),
            job(name="self", after=[{"name": "self"}]),
            job(name="alone", after=[{"name": "nobody"}]),
            job(name="good"),
        ]
        answer = self.user.post("/api/jobs/submit/batch/", batch)
        self.assertEqual([sorted(item) for item in answer.json], [["error"]] * 6 + [["id"]])
        self.assertRegex(answer.json[0]["error"]["detail"], "a.*b.*c")
        self.assertEqual(len(self.user.get("/api/jobs/").json), 1)
        whole = self.user.post("/api/jobs/submit/batch/?all_or_nothing=true", batch)
        self.assertEqual(whole.status, 422, whole)
        self.assertTrue(all(pointer.startswith("/") for pointer in pointers(whole)), whole)
        self.assertEqual(len(self.user.get("/api/jobs/").json), 1)
        lines = "\n".join(json.dumps(job(name=name)) for name in "xy")
        sent = self.user.post("/api/jobs/submit/batch/?all_or_nothing=true", lines)
        self.assertEqual([sorted(item) for item in sent.json], [["id"], ["id"]])

    # --- arrays

    def test_an_array_counts_its_members_and_each_knows_who_it_is(self):
        array = self.user.submit(
            'echo "$WINDLASS_ARRAY_ID $WINDLASS_ARRAY_INDEX of $WINDLASS_ARRAY_COUNT"', array={"count": 5}
        )
        ended = self.user.wait(array)
        self.assertEqual(ended["status"], "succeeded", ended)
        self.assertEqual((ended["array"]["count"], ended["array"]["succeeded"], ended["array"]["queued"]), (5, 5, 0))
        members = self.user.get(f"/api/jobs/{array}/members/").json
        self.assertEqual([member["index"] for member in members], list(range(5)))
        self.assertEqual([int(member["id"]) for member in members], [int(array) + 1 + i for i in range(5)])
        for member in members:
            self.assertEqual(self.user.result(member["id"])["stdout"], f"{array} {member['index']} of 5\n")
        self.assertEqual(self.moves(members[0]["id"]), ["submit", "lease", "start", "finish"])
        one = self.user.get(f"/api/jobs/{members[3]['id']}/").json
        self.assertEqual((one["array_id"], one["array_index"]), (array, 3))
        self.assertEqual([line["id"] for line in self.user.get("/api/jobs/").json], [array])
        page = self.user.get(f"/api/jobs/{array}/members/?limit=2&status=succeeded")
        self.assertEqual(len(page.json), 2)
        self.assertIn('rel="next"', page.headers["Link"])

    def test_an_array_of_a_list_gives_each_member_its_strings(self):
        array = self.user.submit('echo "$COLOUR"; [ "$COLOUR" != red ]', array=[{"COLOUR": "blue"}, {"COLOUR": "red"}])
        ended = self.user.wait(array)
        self.assertEqual((ended["status"], ended["array"]["succeeded"], ended["array"]["failed"]), ("failed", 1, 1))
        self.assertEqual(self.user.result(int(array) + 1)["stdout"], "blue\n")
        again = self.user.post(f"/api/jobs/{array}/rerun/", {"only": "failed", "running_commands": "env"})
        self.assertEqual(again.status, 200, again)
        rerun = self.user.wait(again.json["id"])
        self.assertEqual((rerun["status"], rerun["array"]["count"], rerun["rerun_of"]), ("succeeded", 1, array))
        said = self.user.result(int(again.json["id"]) + 1)["stdout"].splitlines()
        self.assertLessEqual({"COLOUR=red", "WINDLASS_ARRAY_INDEX=1"}, set(said))
        alone = self.user.post(f"/api/jobs/{int(array) + 2}/rerun/", {"running_commands": "echo $COLOUR"})
        self.user.wait(alone.json["id"])
        self.assertEqual(self.user.result(alone.json["id"])["stdout"], "red\n")
        none = self.user.post(f"/api/jobs/{rerun['id']}/rerun/", {"only": "failed"})
        self.assertEqual(none.status, 422, none)
        self.assertEqual(self.user.post(f"/api/jobs/{alone.json['id']}/rerun/", {"only": "failed"}).status, 400)

    def test_an_array_is_cancelled_and_one_of_its_members_alone(self):
        queue = self.hold()
        array = self.user.submit("sleep 60", array={"count": 1000}, queue=queue)
        self.assertEqual(self.user.get(f"/api/jobs/{int(array) + 7}/").json["status"], "queued")
        alone = self.user.ask("DELETE", f"/api/jobs/{int(array) + 7}/")
        self.assertEqual((alone.status, alone.json["status"]), (202, "cancelled"))
        shown = self.user.get(f"/api/jobs/{array}/").json["array"]
        self.assertEqual((shown["cancelled"], shown["queued"]), (1, 999))
        self.release(queue)
        harness.until(lambda: self.user.get(f"/api/jobs/{array}/").json["array"]["running"] == 2, "two members run")
        self.assertEqual(self.user.get(f"/api/jobs/{array}/").json["status"], "running")
        self.assertEqual(self.user.ask("DELETE", f"/api/jobs/{array}/").status, 202)
        ended = self.user.wait(array)
        self.assertEqual((ended["status"], ended["array"]["cancelled"]), ("cancelled", 1000), ended)
        self.assertEqual(self.user.ask("DELETE", f"/api/jobs/{array}/").status, 200)

    def test_an_array_with_too_many_failures_stops(self):
        array = self.user.submit("exit 3", array={"count": 200, "max_fails": 2})
        ended = self.user.wait(array)
        self.assertEqual(ended["status"], "failed", ended)
        counts = ended["array"]
        self.assertGreater(counts["failed"], 2)
        self.assertLess(counts["failed"], 10)
        self.assertEqual(counts["failed"] + counts["cancelled"], 200)
        self.assertEqual(len(self.user.get(f"/api/jobs/{array}/members/?status=failed").json), counts["failed"])

    def test_arrays_that_make_no_sense_are_refused(self):
        for array, pointer in (
            ({"count": 0}, "/array/count"),
            ({"count": 2, "max_fails": -1}, "/array/max_fails"),
            ({"members": 2}, "/array/members"),
            ([], "/array"),
            ([{"A": 1}], "/array/0/A"),
            ([{"1A": "x"}], "/array/0/1A"),
            (7, "/array"),
        ):
            with self.subTest(array=array):
                self.refused(job(array=array), 400, pointer)
        self.refused(job(array={"count": 1_000_001}), 422, "/array/count")

    # --- dependencies

    def test_dependencies_wait_for_success_failure_or_any_end(self):
        queue = self.hold()
        good, bad = self.user.submit("true", queue=queue), self.user.submit("exit 9", queue=queue)
        jobs = {
            (on, when): self.user.submit("true", after=[{"job": on, "when": when}])
            for on in (good, bad)
            for when in ("ok", "any", "failed")
        }
        why = self.why(jobs[good, "ok"])
        self.assertEqual((why["status"], why["reason"], why["waits_for"]), ("blocked", "dependencies", [good]))
        self.assertIn(good, why["text"])
        chain = self.user.submit("true", after=[{"job": jobs[bad, "ok"]}])
        self.release(queue)
        ends = {which: self.user.wait(each)["status"] for which, each in jobs.items()}
        wanted = ["succeeded", "succeeded", "cancelled", "cancelled", "succeeded", "succeeded"]
        self.assertEqual(list(ends.values()), wanted, ends)
        detail = self.events(jobs[bad, "ok"])[-1]["detail"]
        self.assertIn(f"job {bad} ended failed", detail)
        self.assertEqual(self.user.wait(chain)["status"], "cancelled")
        self.assertIn(f"job {jobs[bad, 'ok']} ended cancelled", self.events(chain)[-1]["detail"])
        late = self.user.submit("true", after=[{"job": good}])
        self.assertEqual(self.user.wait(late)["status"], "succeeded")
        never = self.user.submit("true", after=[{"job": bad}])
        self.assertEqual(self.user.wait(never)["status"], "cancelled")

    def test_dependencies_on_what_is_not_ones_own_are_refused(self):
        strangers = self.new_user("stranger").submit("true")
        for dependency, status, pointer in (
            ({"job": strangers}, 422, "/after/0/job"),
            ({"job": "1"}, 422, "/after/0/job"),
            ({"job": "x"}, 400, "/after/0/job"),
            ({"job": strangers, "when": "maybe"}, 400, "/after/0/when"),
            ({"when": "ok"}, 400, "/after/0"),
        ):
            with self.subTest(dependency=dependency):
                self.refused(job(after=[dependency]), status, pointer)

    def test_a_job_waits_for_an_array_and_for_a_member(self):
        array = self.user.submit("true", array={"count": 3})
        after_all = self.user.submit("true", after=[{"job": array}])
        after_one = self.user.submit("true", after=[{"job": str(int(array) + 3)}])
        self.assertEqual(self.user.wait(after_all)["status"], "succeeded")
        self.assertEqual(self.user.wait(after_one)["status"], "succeeded")

    # --- tries

    def test_only_what_was_asked_for_is_tried_again_after_a_pause(self):
        other = self.user.submit("exit 1", max_attempts=3, retry_on={"exit_codes": [7]}, retry_delay_s=0.1)
        self.assertEqual(self.user.wait(other)["attempt"], 1)
        shown = self.user.submit("exit 7", max_attempts=3, retry_on={"exit_codes": [7]}, retry_delay_s=1)
        harness.until(lambda: self.moves(shown).count("retry") == 1, "the first try has failed")
        why = self.why(shown)
        self.assertEqual((why["status"], why["reason"]), ("queued", "backoff"), why)
        self.assertIn("tried again", why["text"])
        ended = self.user.wait(shown)
        self.assertEqual((ended["status"], ended["attempt"], ended["attempts_failed"]), ("failed", 3, 3))
        events = self.events(shown)
        self.assertEqual(
            [event["event"] for event in events],
            ["submit", "lease", "start", "retry", "lease", "start", "retry", "lease", "start", "finish"],
        )
        pauses = [(time_of(events[i + 1]) - time_of(events[i])).total_seconds() for i in (3, 6)]
        self.assertGreaterEqual(pauses[0], 0.5)  # a second, less the half that chance may take
        self.assertGreaterEqual(pauses[1], 1.0)
        killed = self.user.submit(
            'kill -USR1 $$', max_attempts=2, retry_on={"signals": [10]}, retry_delay_s=0.1
        )
        self.assertEqual(self.user.wait(killed)["attempt"], 2)
        late = self.user.submit("sleep 9", timeout_s=0.2, max_attempts=2, retry_on={"timeout": True}, retry_delay_s=0.1)
        self.assertEqual(self.user.wait(late)["attempt"], 2)
        for body, pointer in (
            (job(retry_on={"exit_codes": [0]}), "/retry_on/exit_codes/0"),
            (job(retry_on={"exit_codes": 7}), "/retry_on/exit_codes"),
            (job(retry_on={"signals": [65]}), "/retry_on/signals/0"),
            (job(retry_on={"codes": [1]}), "/retry_on/codes"),
            (job(retry_delay_s=0), "/retry_delay_s"),
            (job(max_attempts=0), "/max_attempts"),
        ):
            with self.subTest(pointer=pointer):
                self.refused(body, 400, pointer)

    def test_a_job_whose_worker_dies_too_often_is_lost_and_put_back_with_one_call(self):
        lost = self.user.submit("sleep 60")
        for attempt in (1, 2):
            harness.until(
                lambda number=attempt: self.moves(lost).count("start") == number, f"attempt {attempt} runs"
            )
            self.dev.wait_restarted("worker", self.dev.kill_daemon("worker"))
        ended = self.user.wait(lost)
        self.assertEqual((ended["status"], ended["attempts_lost"], ended["attempts_failed"]), ("lost", 2, 0))
        self.assertEqual(self.moves(lost)[-1], "give_up")
        self.assertEqual([line["id"] for line in self.user.get("/api/jobs/?status=lost").json], [lost])
        again = self.user.post(f"/api/jobs/{lost}/rerun/", {"running_commands": "echo back"})
        self.assertEqual(again.status, 200, again)
        self.assertEqual(self.user.wait(again.json["id"])["status"], "succeeded")

    # --- times

    def test_nothing_starts_before_its_time_or_goes_on_after_its_deadline(self):
        later = self.user.submit("true", not_before=moment(1.5), deadline=moment(60))
        why = self.why(later)
        self.assertEqual((why["status"], why["reason"]), ("queued", "not_before"))
        self.assertEqual(why["estimated_start"], why["not_before"])
        queue = self.hold()
        waiting = self.user.submit("true", queue=queue, deadline=moment(0.7))
        running = self.user.submit("sleep 60", deadline=moment(2), timeout_s=6)
        for expired in (waiting, running):
            self.assertEqual(self.user.wait(expired)["status"], "timed_out")
        self.assertEqual(self.moves(waiting), ["submit", "expire"])
        self.assertIn("deadline", self.events(waiting)[-1]["detail"])
        result = self.user.result(running)
        self.assertEqual(result["outcome"], "out_of_time", result)
        self.assertIn("deadline", result["detail"])
        shown = self.user.wait(later)
        self.assertGreaterEqual(shown["started"], shown["not_before"])
        for body, pointer in (
            (job(not_before="tomorrow"), "/not_before"),
            (job(not_before="2030-01-01T00:00:00"), "/not_before"),
            (job(not_before=moment(9), deadline=moment(5)), "/deadline"),
        ):
            with self.subTest(pointer=pointer):
                self.refused(body, 400, pointer)

    # --- finding, cancelling, doing again

    def test_jobs_are_found_by_tag_queue_and_state_and_cancelled_together(self):
        queue = self.hold()
        red = [self.user.submit("true", tags=["red", "all"], queue=queue) for _ in range(3)]
        blue = self.user.submit("true", tags=["blue", "all"], name="the blue one")
        self.user.wait(blue)

        def listed(query, path="/api/jobs/"):
            return [line["id"] for line in self.user.get(f"{path}?{query}").json]

        self.assertEqual(listed("tag=red"), red[::-1])
        self.assertEqual(listed("tag=all"), [blue, *red[::-1]])
        self.assertEqual(listed("tag=all&status=succeeded"), [blue])
        self.assertEqual(listed(f"queue={queue}"), red[::-1])
        self.assertEqual(listed("queue=default"), [blue])
        self.assertEqual(listed("status=queued"), red[::-1])
        self.assertEqual(listed("q=BLUE"), [blue])
        self.assertEqual(listed("tag=all", "/api/results/"), [blue])
        first = self.user.get("/api/jobs/?tag=all&limit=3")
        self.assertEqual([line["id"] for line in first.json], [blue, red[2], red[1]])
        self.assertIn("tag=all", first.headers["Link"])
        for query, pointer in (("tag=", "?tag"), ("queue=a/b", "?queue"), ("status=odd", "?status"), ("x=1", "?x")):
            self.assertIn(pointer, pointers(self.user.get(f"/api/jobs/?{query}")), query)

        wish = {"filter": {"tag": "red", "status": "queued"}, "reason": "not needed"}
        done = self.user.post("/api/jobs/cancel/", wish)
        self.assertEqual(done.json, {"cancelled": 3, "requested": 0, "not_active": 0}, done)
        self.assertEqual({self.user.wait(each)["status"] for each in red}, {"cancelled"})
        self.assertIn("not needed", self.events(red[0])[-1]["detail"])
        strangers = self.new_user("stranger").submit("sleep 60")
        ids = self.user.post("/api/jobs/cancel/", {"ids": [red[0], strangers]})
        self.assertEqual(ids.json, {"cancelled": 0, "requested": 0, "not_active": 1, "not_found": 1})
        self.admin.ask("DELETE", f"/api/jobs/{strangers}/")
        for body, pointer in (({}, ""), ({"filter": {}}, "/filter"), ({"filter": {"colour": 1}}, "/filter/colour")):
            self.refused(body, 400, pointer, path="/api/jobs/cancel/")

    def test_a_rerun_keeps_everything_but_what_is_changed(self):
        first = self.user.submit(
            'echo "$A $B"; cat data', code="c", data="first\n", env={"A": "1", "B": "2"}, tags=["kept"], priority=3
        )
        self.user.wait(first)
        answer = self.user.post(f"/api/jobs/{first}/rerun/", {"env": {"A": "9"}, "data": "second\n"})
        self.assertEqual(answer.status, 200, answer)
        again = self.user.wait(answer.json["id"])
        self.assertEqual((again["rerun_of"], again["tags"], again["priority"]), (first, ["kept"], 3))
        self.assertEqual(self.user.result(again["id"])["stdout"], "9 \nsecond\n")
        self.assertEqual(self.user.post(f"/api/jobs/{first}/rerun/", {"colour": 1}).status, 400)
        self.assertEqual(self.user.post("/api/jobs/1/rerun/", {}).status, 404)

    # --- files

    def test_bytes_are_stored_once_however_many_jobs_have_them(self):
        text = f"the same {random.random()}\n" * 50
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        stored = f"select count(*) from blob where sha256 = '{sha256}'"
        piece = self.user.ask(
            "PUT", f"/api/blobs/{sha256}/", text[:100], headers={"Content-Range": f"bytes 0-99/{len(text)}"}
        )
        self.assertEqual((piece.status, piece.json["received"]), (202, 100), piece)
        there = self.user.once("HEAD", f"/api/blobs/{sha256}/")
        self.assertEqual((there.status, there.headers["Upload-Offset"]), (404, "100"))
        rest = self.user.ask(
            "PUT",
            f"/api/blobs/{sha256}/",
            text[100:],
            headers={"Content-Range": f"bytes 100-{len(text) - 1}/{len(text)}"},
        )
        self.assertEqual(rest.status, 201, rest)
        batch = [job("cat in/a", files={"in/a": {"sha256": sha256}}) for _ in range(20)]
        batch += [job("cat in/a", files={"in/a": text}) for _ in range(20)]
        batch += [job("cat code", code=text, files={"empty": ""}) for _ in range(20)]
        ids = [item["id"] for item in self.user.post("/api/jobs/submit/batch/", batch).json]
        for each in ids:
            self.assertEqual(self.user.wait(each)["status"], "succeeded")
        self.assertEqual(self.user.result(ids[0])["stdout"], text)
        self.assertEqual(self.user.result(ids[30])["stdout"], text)
        self.assertEqual([tuple(row) for row in self.database.rows(stored)], [(1,)])
        self.assertEqual(self.user.ask("DELETE", f"/api/blobs/{sha256}/").status, 409)

        stranger = self.new_user("stranger")
        self.assertEqual(stranger.get(f"/api/blobs/{sha256}/").status, 404)
        foreign = stranger.post("/api/jobs/submit/", job(files={"a": {"sha256": sha256}}))
        self.assertEqual((foreign.status, pointers(foreign)), (422, ["/files/a/sha256"]), foreign)
        wrong = self.user.ask("PUT", f"/api/blobs/{'0' * 64}/", "other bytes")
        self.assertEqual(wrong.status, 422, wrong)
        self.assertEqual(self.user.ask("PUT", "/api/blobs/abc/", "x").status // 100, 4)
        for files, pointer in (({"../a": "x"}, "/files/..~1a"), ({"/a": "x"}, "/files/~1a"), ({"a": 1}, "/files/a")):
            self.refused(job(files=files), 400, pointer)

    def test_chosen_files_are_kept_beside_out(self):
        one = self.user.submit("echo a > a.txt; mkdir sub; echo b > sub/b.txt; echo c > c.log", outputs=["*.txt", "sub/*"])
        self.user.wait(one)
        files = {file["path"] for file in self.user.result(one)["files"]}
        self.assertEqual(files, {"a.txt", "sub/b.txt"})
        self.assertEqual(self.user.get(f"/api/results/{one}/files/sub/b.txt").body, b"b\n")

    # --- following

    def test_events_go_on_where_they_broke_off_across_a_restart_of_the_scheduler(self):
        one = self.user.submit("sleep 1", max_attempts=1)
        self.running(one)

        def follow(last_id):
            connection = http.client.HTTPConnection(self.user.host, self.user.port, timeout=60)
            headers = {"Accept": "text/event-stream", "Authorization": "Bearer " + self.user.token}
            if last_id:
                headers["Last-Event-ID"] = last_id
            connection.request("GET", f"/api/jobs/{one}/events/", headers=headers)
            return connection, connection.getresponse()

        connection, answer = follow(None)
        first = [answer.readline() for _ in range(4)]
        self.assertEqual(first[2:], [b"event: state\n", b"id: 1\n"], first)
        connection.close()
        self.dev.wait_restarted("scheduler", self.dev.kill_daemon("scheduler"))
        self.user.wait(one)
        answer = harness.until(lambda: next((a for a in [follow("1")[1]] if a.status == 200), None), "followed again")
        text = answer.read().decode()
        self.assertEqual([line for line in text.splitlines() if line.startswith("id:")][:2], ["id: 2", "id: 3"])
        self.assertIn("event: end", text)
        self.assertEqual(follow("777")[1].status, 400)


class QueueOnSqlite(Queue, unittest.TestCase):
    make_database = harness.Sqlite


class QueueOnPostgreSQL(Queue, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
