"""Courses that are launched in Kubernetes, through an API server of the test (kubernetes_cluster.py) that is strict about
every field and keeps to the watch protocol. No API server of Kubernetes itself has seen these requests.
"""

import os
import re
import unittest
from urllib.parse import quote

import harness
import kubernetes_cluster

IMAGE = "registry.example/lab@sha256:" + "a" * 64
BROKEN = "registry.example/broken@sha256:" + "b" * 64
SERVE = 'echo "serving $GREETING"; exec python3 -m http.server "$PORT" --bind "$POD_IP"'


class KubernetesEngine(harness.OnDatabase):
    slots = 16

    @classmethod
    def setUpClass(cls):
        if missing := kubernetes_cluster.missing():
            raise unittest.SkipTest(missing)
        cls.cluster = kubernetes_cluster.Cluster()
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.unknown_images.add(BROKEN)
        cls.environment = {
            **kubernetes_cluster.worker_environment(cls.cluster, f"lab={IMAGE},broken={BROKEN}"),
            "WINDLASS_WORKER_KUBERNETES_DATASETS": "mnist=mnist-claim",
            "WINDLASS_WORKER_KILL_GRACE_MS": "1000",
            "WINDLASS_WORKER_DRAIN_MS": "100",
            "WINDLASS_API_COURSE_ATTEMPTS": "2",
        }
        super().setUpClass()
        cls.teacher = cls.person("teacher")
        assert cls.admin.ask("PUT", f"/v1/teacher/{quote(cls.teacher.username)}/").status == 200

    @classmethod
    def person(cls, stem):
        client = cls.new_user(stem)
        cls.cluster.namespaces.add(f"windlass-user-{client.id}")
        return client

    def setUp(self):
        self.log_before = 0
        self.log_before = len(self.worker_log())

    def make_course(self, student, **more):
        course = {"course_name": self.id(), "image": "lab", "command": SERVE, "port": 8888, **more}
        made = self.teacher.post(f"/v1/course/{quote(self.teacher.username)}", course)
        self.assertEqual(made.status, 200, made)
        course_id = made.json["course_id"]
        class_id = self.teacher.post("/v1/class/", {"name": self.id()}).json["class_id"]
        for path in (f"course/{course_id}/", f"member/{quote(student.username)}/"):
            self.assertEqual(self.teacher.ask("PUT", f"/v1/class/{class_id}/{path}").status, 200)
        return course_id

    def launch(self, student, course):
        answer = student.post(f"/v1/course/{quote(student.username)}", {"course_id": course})
        self.assertEqual(answer.status, 200, answer)
        return answer.json["job_id"]

    def ready(self, student, job):
        def found():
            jobs = student.get(f"/v1/job/{quote(student.username)}").json["jobs"]
            return next((one for one in jobs if str(one["job_id"]) == str(job) and one["status"] == "Ready"), None)

        try:
            return "/" + harness.until(found, f"{job} is ready")["address"].split("/", 3)[3]
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.admin.get(f'/api/jobs/{job}/attempts/').body} {self.cluster.refused}") from None

    def pods_of(self, job):
        with self.cluster.lock:
            return [pod for pod in self.cluster.pods if pod.object["metadata"]["labels"]["windlass.attempt"].split(".")[0] == str(job)]

    def objects_named(self, name):
        with self.cluster.lock:
            return [key for key in self.cluster.objects if key[2] == name]

    def left_of(self, job):
        with self.cluster.lock:
            return [key for key in self.cluster.objects if f"-{job}-" in key[2]] + self.pods_of(job)

    def test_a_launch_is_a_deployment_a_service_and_a_policy_in_its_owners_namespace(self):
        student = self.person("anna")
        job = self.launch(student, self.make_course(student, dataset=["mnist"]))
        path = self.ready(student, job)
        self.assertEqual(student.get(path).status, 200)
        self.assertEqual(self.teacher.get(path).status, 404)
        space, name = f"windlass-user-{student.id}", f"windlass-{job}-1"
        with self.cluster.lock:
            self.assertEqual(
                sorted(key for key in self.cluster.objects if key[2] == name),
                [(kind, space, name) for kind in ("deployments", "networkpolicies", "services")],
            )
            deployment = self.cluster.objects[("deployments", space, name)]
            policy = self.cluster.objects[("networkpolicies", space, name)]
        pod = deployment["spec"]["template"]["spec"]
        self.assertIs(pod["automountServiceAccountToken"], False)
        self.assertEqual(pod["containers"][0]["image"], IMAGE)
        self.assertEqual(pod["containers"][0]["resources"]["limits"]["cpu"], "1000m")
        self.assertEqual(pod["volumes"][-1]["persistentVolumeClaim"], {"claimName": "mnist-claim", "readOnly": True})
        self.assertEqual(policy["spec"]["ingress"][0]["from"], [{"ipBlock": {"cidr": "10.0.3.7/32"}}])
        self.assertTrue(all(self.cluster.is_isolated(one) for one in self.pods_of(job)))
        made = [line.rsplit("/", 1)[1] for line in self.cluster.requests if line.startswith("POST") and f"/{space}/" in line]
        self.assertEqual(made[:3], ["networkpolicies", "services", "deployments"], "no pod is ever without its policy")
        student.ask("DELETE", f"/v1/job/{quote(student.username)}/{job}")
        self.assertEqual(self.admin.wait(job)["status"], "cancelled")
        harness.until(lambda: not self.left_of(job), "nothing of it is left")
        self.assertIn("serving", self.admin.result(job)["stdout"])

    def test_what_a_launch_says_stays_text(self):
        student = self.person("bob")
        awkward = 'echo "$$ $(PORT) \\" \\\\ {} \'x\' ∑"; '
        job = self.launch(student, self.make_course(student, command=awkward + SERVE))
        self.ready(student, job)
        command = self.pods_of(job)[0].container["command"]
        self.assertEqual(command, ["/bin/sh", "-c", awkward + SERVE])
        self.assertEqual(self.cluster.refused, [])

    def test_a_program_that_fails_is_tried_again_and_then_given_up_with_its_exit_code(self):
        student = self.person("carl")
        job = self.launch(student, self.make_course(student, command="echo broken; exit 7"))
        ended = self.admin.wait(job)
        self.assertEqual((ended["status"], ended["attempt"], ended["exit_code"]), ("failed", 2, 7), ended)
        self.assertEqual(self.admin.result(job)["stdout"], "broken\n")
        harness.until(lambda: not self.left_of(job), "nothing of it is left")

    def test_an_image_that_cannot_be_had_is_told_with_the_clusters_words(self):
        student = self.person("dora")
        job = self.launch(student, self.make_course(student, image="broken"))
        harness.until(lambda: b"ImagePullBackOff" in self.admin.get(f"/api/jobs/{job}/attempts/").body, "the reason is told")
        student.ask("DELETE", f"/v1/job/{quote(student.username)}/{job}")
        self.admin.wait(job)
        harness.until(lambda: not self.left_of(job), "nothing of it is left")

    def test_a_namespace_that_is_missing_is_told(self):
        student = self.new_user("emil")
        job = self.launch(student, self.make_course(student))
        wanted = f'namespaces \\"windlass-user-{student.id}\\" not found'.encode()
        harness.until(lambda: wanted in self.admin.get(f"/api/jobs/{job}/attempts/").body.replace(b'\\\\"', b'\\"'), "it is told")
        student.ask("DELETE", f"/v1/job/{quote(student.username)}/{job}")
        self.admin.wait(job)

    def test_a_watch_that_is_too_old_and_an_api_server_that_is_away_lose_nothing(self):
        student = self.person("fred")
        first = self.launch(student, self.make_course(student))
        self.ready(student, first)
        self.cluster.forget_the_past()
        self.cluster.down = True
        harness.until(lambda: "asked for again" in self.worker_log(), "the worker notices")
        self.cluster.down = False
        self.pods_of(first)[0].kill()
        harness.until(lambda: self.admin.get(f"/api/jobs/{first}/").json["attempt"] == 2, "the end of its program was seen")
        self.ready(student, first)
        self.delete(student, first)

    def test_an_api_server_that_is_started_again_is_found_again(self):
        student = self.person("hugo")
        first = self.launch(student, self.make_course(student))
        path = self.ready(student, first)
        self.cluster.close_listener()
        later = self.launch(student, self.make_course(student))
        harness.until(lambda: f"attempt {later}.1 is not launched yet" in self.worker_log(), "the worker tries")
        self.assertEqual(student.get(path).status, 200, "the service needs no API server")
        self.cluster.open_listener()
        self.ready(student, later)
        for job in (first, later):
            self.delete(student, job)

    def test_a_launch_is_pending_while_no_node_has_room(self):
        student = self.person("ida")
        self.cluster.has_room = False
        self.addCleanup(self.cluster.make_room)
        job = self.launch(student, self.make_course(student))
        harness.until(lambda: self.pods_of(job), "there is a pod")
        jobs = student.get(f"/v1/job/{quote(student.username)}").json["jobs"]
        self.assertEqual([one["status"] for one in jobs if str(one["job_id"]) == str(job)], ["Pending"])
        self.cluster.make_room()
        self.ready(student, job)
        self.delete(student, job)

    def test_answers_that_pass_are_waited_for(self):
        student = self.person("jana")
        course = self.make_course(student)
        words = {401: "Unauthorized", 403: 'is forbidden: User "windlass"', 409: "object is being deleted", 429: "too many requests"}
        for kind, (status, message) in zip(("networkpolicies", "services", "deployments", "networkpolicies"), words.items()):
            self.cluster.answers.append(("POST", f"/{kind}", status, message))
        job = self.launch(student, course)
        self.ready(student, job)
        self.assertEqual(self.cluster.answers, [])
        self.assertEqual(self.admin.get(f"/api/jobs/{job}/").json["attempt"], 1)
        for message in list(words.values())[:2] + [words[429]]:
            self.assertIn(f"attempt {job}.1 is not launched yet: {message}", self.worker_log())
        for status in (401, 403, 409, 429, 500):
            self.cluster.answers.append(("DELETE", f"/deployments/windlass-{job}-1", status, "not now"))
        self.delete(student, job)
        self.assertEqual(self.cluster.answers, [])

    def test_an_object_that_is_refused_is_told(self):
        student = self.person("kurt")
        course = self.make_course(student)
        self.cluster.answers.append(("POST", "/deployments", 422, "Deployment is invalid: spec"))
        job = self.launch(student, course)
        told = b"Deployment is invalid: spec"
        harness.until(lambda: told in self.admin.get(f"/api/jobs/{job}/attempts/").body, "the reason is told")
        harness.until(lambda: not self.objects_named(f"windlass-{job}-1"), "its policy and service are gone")
        self.delete(student, job)

    def test_a_new_token_is_read_and_another_authority_is_not_believed(self):
        student = self.person("lea")
        course = self.make_course(student)
        self.cluster.rotate_token()
        job = self.launch(student, course)
        self.ready(student, job)
        self.cluster.pretend()
        self.addCleanup(self.cluster.be_oneself)
        harness.until(lambda: "certificate" in self.worker_log(), "the worker does not believe it")
        asked = len(self.cluster.requests)
        student.ask("DELETE", f"/v1/job/{quote(student.username)}/{job}")
        harness.until(lambda: f"attempt {job}.1: the API server gave no answer" in self.worker_log(), "it gets no request")
        self.assertEqual(len(self.cluster.requests), asked)
        self.cluster.be_oneself()
        self.delete(student, job)

    def test_a_killed_worker_goes_on_with_what_it_launched_and_removes_the_rest(self):
        student = self.person("gerd")
        job = self.launch(student, self.make_course(student))
        path = self.ready(student, job)
        pod = self.pods_of(job)[0].name
        with self.cluster.lock:
            space = f"windlass-user-{student.id}"
            worker = self.cluster.objects[("services", space, f"windlass-{job}-1")]["metadata"]["labels"]["windlass.worker"]
        orphan = self.cluster.leave_policy(space, "windlass-999999-1", {"windlass.worker": worker, "windlass.attempt": "999999.1"})
        foreign = self.cluster.leave_policy(space, "windlass-999999-2", {"windlass.worker": "0", "windlass.attempt": "999999.2"})
        self.dev.wait_restarted("worker", self.dev.kill_daemon("worker"))
        harness.until(lambda: "of a former life are in Kubernetes" in self.worker_log(), "it goes on")
        harness.until(lambda: orphan not in self.cluster.objects, "the orphan is removed")
        self.assertIn(foreign, self.cluster.objects)
        harness.until(lambda: student.get(path).status == 200, "its service is reached again")
        self.ready(student, job)
        self.assertEqual([one.name for one in self.pods_of(job)], [pod], "it is the same pod")
        self.assertEqual(self.admin.get(f"/api/jobs/{job}/").json["attempt"], 1)
        self.delete(student, job)

    def delete(self, student, job):
        student.ask("DELETE", f"/v1/job/{quote(student.username)}/{job}")
        self.assertEqual(self.admin.wait(job)["status"], "cancelled")
        harness.until(lambda: not self.left_of(job), "nothing of it is left")

    def test_other_jobs_wait_for_another_worker_and_are_told_so(self):
        job = self.admin.submit("true")
        harness.until(lambda: "`only`" in self.admin.get(f"/api/jobs/{job}/why/").json["text"], "why it waits is told")
        self.admin.ask("DELETE", f"/api/jobs/{job}/")
        self.admin.wait(job)

    def worker_log(self):
        """What it said during this test."""
        return self.whole_log()[self.log_before :]

    def whole_log(self):
        return "".join(path.read_text(errors="replace") for path in sorted(self.dev.data.glob("log/worker*.log")))

    def test_the_token_is_in_no_log_and_no_environment(self):
        self.assertNotIn(self.cluster.token, self.whole_log())
        self.assertFalse([pid for pid in harness.processes_with(self.cluster.token) if pid != os.getpid()])
        self.assertRegex(self.whole_log(), re.escape(self.cluster.url))


class KubernetesEngineOnSqlite(KubernetesEngine, unittest.TestCase):
    make_database = harness.Sqlite


class KubernetesEngineOnPostgreSQL(KubernetesEngine, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
