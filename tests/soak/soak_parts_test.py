"""The parts of the soak that judge, judged: the plan is the seed's, and the outside check sees each breach it claims to."""

import base64
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "end_to_end")]

import faults  # noqa: E402
import plan  # noqa: E402


def first(number, seed, kinds=None):
    faults_of_plan = plan.plan(seed, kinds)
    return [next(faults_of_plan) for _ in range(number)]


class Plan(unittest.TestCase):
    def test_the_same_seed_gives_the_same_plan_in_another_process_too(self):
        program = f"import sys; sys.path.insert(0, {str(HERE)!r}); import plan; g = plan.plan('7'); print([str(next(g)) for _ in range(300)])"
        said = {
            subprocess.run([sys.executable, "-B", "-c", program], env={**os.environ, "PYTHONHASHSEED": str(hashes)}, capture_output=True, check=True).stdout
            for hashes in (1, 2)
        }
        self.assertEqual(said, {f"{[str(one) for one in first(300, '7')]}\n".encode()})

    def test_another_seed_gives_another_plan(self):
        self.assertNotEqual([one.kind for one in first(40, "7")], [one.kind for one in first(40, "8")])

    def test_every_kind_comes_once_before_any_comes_twice(self):
        kinds = [one.kind for one in first(2 * len(plan.KINDS), "7")]
        self.assertEqual(set(kinds[: len(plan.KINDS)]), set(plan.KINDS))
        self.assertEqual(set(kinds[len(plan.KINDS) :]), set(plan.KINDS))
        self.assertGreaterEqual(len(plan.KINDS), 20)

    def test_every_kind_can_be_done(self):
        for kind in plan.KINDS:
            self.assertTrue(callable(getattr(faults.Faults, kind, None)), kind)


NONCE = "abcdef012345"
SUM = "5" * 64


def printed(offset, text):
    return {"stream": "stdout", "attempt": 2, "offset": offset, "base64": base64.b64encode(text.encode()).decode()}


def good():
    """What two tenants and three jobs leave behind when all is well; the first job was lost once with its worker."""
    who = {"who": "ada-one", "tenant": "ada"}
    clients = []
    for number, (key, job) in enumerate((("a-1", "11"), ("a-2", "12"))):
        clients += [
            {**who, "what": "means", "key": key, "kind": "plain", "names": [key], "array": None},
            {**who, "what": "answered", "method": "POST", "path": "/api/jobs/submit/", "status": 503, "retry_after": "1"},
            {**who, "what": "answered", "method": "POST", "path": "/api/jobs/submit/", "status": 200, "retry_after": None},
            {**who, "what": "acknowledged", "key": key, "ids": [job]},
            {**who, "what": "saw", "id": job, "state": "running"},
        ]
    clients += [
        {**who, "what": "means", "key": "a-3", "kind": "cancelled", "names": ["a-3"], "array": None},
        {**who, "what": "acknowledged", "key": "a-3", "ids": ["13"]},
        {**who, "what": "cancel", "id": "13", "status": 202, "state": "running"},
        {**who, "what": "followed", "of": "events", "id": "11", "event": "state", "data": {"seq": 1, "attempt": 0}},
        {**who, "what": "followed", "of": "events", "id": "11", "event": "state", "data": {"seq": 2, "attempt": 1}},
        {**who, "what": "followed", "of": "events", "id": "11", "event": "end", "data": {"status": "succeeded"}},
        {**who, "what": "followed", "of": "log", "id": "11", "event": "output", "data": printed(0, "mark ")},
        {**who, "what": "followed", "of": "log", "id": "11", "event": "output", "data": printed(5, f"{NONCE}11b 2\n")},
        {**who, "what": "followed", "of": "log", "id": "11", "event": "end", "data": {"status": "succeeded"}},
        {**who, "what": "listed", "id": "11", "state": "succeeded", "name": "a-1"},
        {**who, "what": "listed", "id": "12", "state": "succeeded", "name": "a-2"},
        {**who, "what": "listed", "id": "13", "state": "cancelled", "name": "a-3"},
        {**who, "what": "result", "id": "11", "stdout": f"mark {NONCE}11b 2\n", "sha256": SUM},
        {**who, "what": "result", "id": "12", "stdout": f"mark {NONCE}12a 1\n", "sha256": SUM},
        {**who, "what": "file", "id": "12", "sha256": SUM},
    ]
    jobs = []
    for run, (at, job, attempt, nonce, uid, end) in enumerate(
        ((1.0, 11, 1, f"{NONCE}11a", 301256, None), (1.1, 12, 1, f"{NONCE}12a", 301257, 2.0), (20.0, 11, 2, f"{NONCE}11b", 302256, 21.0)), 1
    ):
        jobs.append({"at": at, "run": run, "uid": uid, "said": f"start {job} {attempt} {nonce} key"})
        if end:
            jobs.append({"at": end, "run": run, "uid": uid, "said": f"end {job} {attempt} {nonce} {SUM}"})
        jobs.append({"at": (end or 5.0) + 0.01, "run": run, "gone": True})
    return {"clients": clients, "jobs": jobs, "operator": [{"at": 0.5, "fault": 1}]}


def judge(history):
    with tempfile.TemporaryDirectory() as directory:
        paths = []
        for name in ("clients", "jobs", "operator"):
            path = pathlib.Path(directory) / name
            path.write_text("".join(json.dumps(line) + "\n" for line in history[name]))
            paths.append(str(path))
        done = subprocess.run(["perl", str(HERE / "check_from_outside.pl"), *paths], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


class Outside(unittest.TestCase):
    def breach(self, expected, change):
        history = copy.deepcopy(good())
        change(history)
        status, said = judge(history)
        self.assertEqual(status, 1, said)
        self.assertIn(expected, said)

    def line(self, history, what, **like):
        return next(
            line for line in history["clients"] if line["what"] == what and all(line.get(name) == value for name, value in like.items())
        )

    def test_a_good_history_is_good(self):
        status, said = judge(good())
        self.assertEqual(status, 0, said)
        self.assertIn("3 acknowledged, 2 results compared with what jobs wrote, 1 outputs followed", said)
        self.assertIn("0 breaches", said)

    def test_an_acknowledged_job_that_is_in_no_list_is_seen(self):
        def lose(history):
            history["clients"] = [line for line in history["clients"] if line.get("id") != "12"]

        self.breach("I1: job 12", lose)

    def test_a_second_final_state_is_seen(self):
        self.breach("I2: job 11 was seen succeeded and later failed",
                    lambda h: h["clients"].append({**self.line(h, "listed", id="11"), "state": "failed"}))

    def test_an_event_that_is_told_twice_or_left_out_is_seen(self):
        for seq in (1, 3):
            self.breach(f"heard event {seq} of job 11",
                        lambda h, seq=seq: self.line(h, "followed", of="events", data={"seq": 2, "attempt": 1}).update(data={"seq": seq, "attempt": 1}))

    def test_output_that_is_told_twice_or_left_out_is_seen(self):
        for offset in (1, 3):
            def move(history, offset=offset):
                line = [one for one in history["clients"] if one.get("of") == "log"][1]
                line["data"] = {**line["data"], "offset": offset}

            self.breach(f"I3: ada-one heard byte {offset}", move)

    def test_output_that_is_not_that_of_the_result_is_seen(self):
        def other(history):
            line = [one for one in history["clients"] if one.get("of") == "log"][1]
            line["data"] = printed(5, "something else\n")

        self.breach("I3: who followed job 11 heard another output", other)

    def test_a_result_that_no_run_wrote_is_seen(self):
        self.breach("I3: no run of job 12", lambda h: self.line(h, "result", id="12").update(stdout="mark 00 1\n"))

    def test_the_result_of_an_attempt_that_another_one_followed_is_seen(self):
        self.breach("I3: job 11: attempt 1 was accepted, 2 came later",
                    lambda h: self.line(h, "result", id="11").update(stdout=f"mark {NONCE}11a 1\n"))

    def test_a_file_of_other_bytes_is_seen(self):
        self.breach("another SHA-256", lambda h: self.line(h, "file", id="12").update(sha256="6" * 64))

    def overlap(self, history):
        history["jobs"] = [line for line in history["jobs"] if not (line["run"] == 1 and line.get("gone"))]
        history["jobs"].append({"at": 20.5, "run": 1, "gone": True})

    def test_two_runs_of_a_job_at_the_same_time_are_seen(self):
        self.breach("I5: job 11 ran twice at the same time", self.overlap)

    def test_a_run_beside_one_on_a_paused_node_is_counted_and_no_breach(self):
        history = good()
        self.overlap(history)
        history["operator"] += [{"at": 2.0, "paused": "worker-1"}, {"at": 20.4, "resumed": "worker-1"}]
        status, said = judge(history)
        self.assertEqual(status, 0, said)
        self.assertIn("1 at the same time as another one (1 of a node that was paused)", said)

    def test_the_pause_of_another_node_excuses_nothing(self):
        def pause(history):
            self.overlap(history)
            history["operator"] += [{"at": 2.0, "paused": "worker-2"}, {"at": 20.4, "resumed": "worker-2"}]

        self.breach("I5: job 11 ran twice at the same time", pause)

    def test_an_attempt_that_is_started_twice_is_seen(self):
        def again(history):
            history["jobs"] += [{"at": 30.0, "run": 9, "uid": 303256, "said": f"start 12 1 {NONCE}12b key"}, {"at": 31.0, "run": 9, "gone": True}]

        self.breach("I5: attempt 1 of job 12 was started twice", again)

    def test_a_key_with_two_answers_is_seen(self):
        self.breach("I7: the key a-1 was acknowledged as 11 and as 14",
                    lambda h: h["clients"].append({**self.line(h, "acknowledged", key="a-1"), "ids": ["14"]}))

    def test_two_jobs_of_one_submit_are_seen(self):
        self.breach("I7: a-2 is the name of the jobs 12 99",
                    lambda h: h["clients"].append({**self.line(h, "listed", id="12"), "id": "99"}))

    def test_two_jobs_in_one_slot_are_seen(self):
        self.breach("I8: two jobs had the same slot", lambda h: [line.update(uid=301256) for line in h["jobs"] if line["run"] == 2 and "uid" in line])

    def test_a_job_that_runs_on_is_seen(self):
        def stay(history):
            history["jobs"] = [line for line in history["jobs"] if not (line["run"] == 2 and line.get("gone"))]

        self.breach("I8: job 12.1 still runs", stay)

    def test_success_after_a_cancellation_is_seen(self):
        self.breach("I9: job 13", lambda h: self.line(h, "listed", id="13").update(state="succeeded"))

    def test_a_job_that_never_ended_is_seen(self):
        self.breach("I11: job 12", lambda h: self.line(h, "listed", id="12").update(state="queued"))

    def test_an_internal_error_is_seen(self):
        self.breach("was answered with 500", lambda h: self.line(h, "answered", status=200).update(status=500))

    def test_a_503_that_does_not_say_when_to_come_back_is_seen(self):
        self.breach("503 without Retry-After", lambda h: self.line(h, "answered", status=503).update(retry_after=None))

    def test_a_job_in_the_list_of_another_tenant_is_seen(self):
        self.breach("I13: job 12 of ada is in the list of bob", lambda h: self.line(h, "listed", id="12").update(tenant="bob"))

    def test_a_canary_in_the_wrong_answer_is_seen(self):
        self.breach("I13: ada-one was shown", lambda h: h["clients"].append({"who": "ada-one", "tenant": "ada", "what": "foreign", "path": "/api/jobs/"}))


if __name__ == "__main__":
    unittest.main(verbosity=2)
