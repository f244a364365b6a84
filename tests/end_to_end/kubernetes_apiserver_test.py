"""A course that is launched through Kubernetes' own API server and controllers. No package has these programs, so this is
run by hand, with a directory that has etcd, kube-apiserver and kube-controller-manager in it:

    python3 -B kubernetes_apiserver_test.py DIRECTORY

They were built of Debian's source package kubernetes (1.20.2) by its golang-1.19, outside of modules (GO111MODULE=off, the
tree at $GOPATH/src/k8s.io/kubernetes), with -tags providerless; beforehand vendor/k8s.io/kube-openapi/cmd/openapi-gen makes
pkg/generated/openapi, and vendor/github.com/modern-go/reflect2 is replaced by 1.0.2 (golang-github-modern-go-reflect2-dev),
which this Go needs. etcd is of the package etcd-server.

There is no kubelet: the test binds the pod to a node, says that it runs, and takes it away. Services have addresses of the
loopback network, so that a program of the test can be behind one. The worker may do what docs/kubernetes-engine.md asks for.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from urllib.parse import quote

import harness
import kubernetes_cluster
from slurm_site import free_port

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")
DIRECTORY = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]) else None
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/kubernetes-engine.md"
IMAGE = "registry.example/lab@sha256:" + "a" * 64
CONTROLLERS = "deployment,replicaset,garbagecollector,namespace"


def rules():
    """Of the ClusterRole in the page."""
    found = re.findall(r"- \{apiGroups: \[(.*?)\], resources: \[(.*?)\], verbs: \[(.*?)\]\}", PAGE.read_text())
    assert len(found) >= 5, found
    words = [[[word.strip().strip('"') for word in part.split(",")] for part in rule] for rule in found]
    return [{"apiGroups": groups, "resources": resources, "verbs": verbs} for groups, resources, verbs in words]


class ControlPlane:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="windlass-kube-apiserver-"))
        self.processes = {}
        self.token, self.admin = os.urandom(16).hex(), os.urandom(16).hex()
        self.token_file, self.ca_file = self.directory / "token", self.directory / "ca.crt"
        self.token_file.write_text(self.token)
        (self.directory / "tokens.csv").write_text(f"{self.token},windlass,windlass\n{self.admin},admin,admin,system:masters\n")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                     "/CN=kube-apiserver", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out", "ca.crt")
        self.openssl("genrsa", "-out", "accounts.key", "2048")
        self.store, peers, self.port = (free_port() for _ in range(3))
        self.url = f"https://127.0.0.1:{self.port}"
        self.context = ssl.create_default_context(cafile=self.ca_file)
        self.start("etcd", f"--listen-client-urls=http://127.0.0.1:{self.store}", f"--advertise-client-urls=http://127.0.0.1:{self.store}",
                   f"--listen-peer-urls=http://127.0.0.1:{peers}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peers}",
                   f"--initial-cluster=default=http://127.0.0.1:{peers}", "--data-dir=etcd")
        self.start_api_server()
        (self.directory / "admin.conf").write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "one",
            "clusters": [{"name": "one", "cluster": {"server": self.url, "certificate-authority": str(self.ca_file)}}],
            "users": [{"name": "one", "user": {"token": self.admin}}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        }))
        knows = subprocess.run([DIRECTORY / "kube-controller-manager", "--help"], capture_output=True, text=True, check=True).stdout
        plain = ["--port=0"] if "--port int" in knows else []  # gone since 1.24: a door without a lock on every address
        self.start("kube-controller-manager", "--kubeconfig=admin.conf", f"--controllers={CONTROLLERS}", "--leader-elect=false", *plain,
                   f"--secure-port={free_port()}", "--bind-address=127.0.0.1", "--cert-dir=certificates")
        authorization = "/apis/rbac.authorization.k8s.io/v1"
        self.make(f"{authorization}/clusterroles", {"metadata": {"name": "windlass"}, "rules": rules()})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "windlass"}
        user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "windlass"}
        self.make(f"{authorization}/clusterrolebindings", {"metadata": {"name": "windlass"}, "roleRef": role, "subjects": [user]})

    def openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.directory, check=True, capture_output=True)

    def start(self, program, *arguments):
        with open(self.directory / f"{program}.log", "ab") as log:
            self.processes[program] = subprocess.Popen([DIRECTORY / program, *arguments], cwd=self.directory, stdout=log, stderr=log)

    def start_api_server(self):
        self.start("kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self.store}", "--bind-address=127.0.0.1", f"--secure-port={self.port}",
                   "--tls-cert-file=ca.crt", "--tls-private-key-file=tls.key", "--token-auth-file=tokens.csv", "--authorization-mode=RBAC",
                   "--service-cluster-ip-range=127.77.0.0/16", "--service-account-key-file=accounts.key",
                   "--service-account-signing-key-file=accounts.key", "--service-account-issuer=https://kubernetes.default.svc",
                   "--disable-admission-plugins=ServiceAccount")
        harness.until(self.is_ready, f"the API server is ready ({self.directory}/kube-apiserver.log)", 120)

    def is_ready(self):
        try:
            return self.ask("GET", "/readyz?verbose=false")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, kind="application/json"):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.admin}", "Content-Type": kind}
        request = urllib.request.Request(self.url + path, method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, text = refused.code, refused.read()
        return status, json.loads(text) if text.startswith(b"{") else text

    def make(self, path, body):
        status, answer = self.ask("POST", path, body)
        assert status == 201, answer
        return answer

    def kill(self, program):
        process = self.processes.pop(program)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self):
        for program in list(self.processes):
            self.kill(program)
        shutil.rmtree(self.directory, ignore_errors=True)


@unittest.skipUnless(DIRECTORY and all((DIRECTORY / program).exists() for program in PROGRAMS), "needs a directory with " + ", ".join(PROGRAMS))
class KubernetesApiServer(harness.OnDatabase, unittest.TestCase):
    make_database = harness.Sqlite
    slots = 16

    @classmethod
    def setUpClass(cls):
        cls.plane = ControlPlane()
        cls.addClassCleanup(cls.plane.close)
        cls.environment = kubernetes_cluster.worker_environment(cls.plane, f"lab={IMAGE}")
        super().setUpClass()
        cls.teacher = cls.new_user("teacher")
        assert cls.admin.ask("PUT", f"/v1/teacher/{quote(cls.teacher.username)}/").status == 200

    def launch(self, student):
        course = {"course_name": "Übung ∑", "image": "lab", "command": "true", "port": 8888}
        course_id = self.teacher.post(f"/v1/course/{quote(self.teacher.username)}", course).json["course_id"]
        class_id = self.teacher.post("/v1/class/", {"name": "one"}).json["class_id"]
        for path in (f"course/{course_id}/", f"member/{quote(student.username)}/"):
            self.assertEqual(self.teacher.ask("PUT", f"/v1/class/{class_id}/{path}").status, 200)
        return student.post(f"/v1/course/{quote(student.username)}", {"course_id": course_id}).json["job_id"]

    def status(self, student, job):
        jobs = student.get(f"/v1/job/{quote(student.username)}").json["jobs"]
        return next((one for one in jobs if str(one["job_id"]) == str(job)), {"status": "none"})

    def pods(self, space):
        return self.plane.ask("GET", f"/api/v1/namespaces/{space}/pods")[1]["items"]

    def left(self, space):
        kinds = {"/apis/apps/v1": ("deployments", "replicasets"), "/api/v1": ("pods", "services"), "/apis/networking.k8s.io/v1": ("networkpolicies",)}
        paths = [(kind, f"{base}/namespaces/{space}/{kind}") for base, all_of in kinds.items() for kind in all_of]
        return sorted(kind for kind, path in paths for _ in self.plane.ask("GET", path)[1]["items"])

    def worker_log(self):
        return "".join(path.read_text(errors="replace") for path in self.dev.data.glob("log/worker*.log"))

    def test_a_launch_from_pending_to_ready_to_nothing(self):
        student = self.new_user("anna")
        space = f"windlass-user-{student.id}"
        self.plane.make("/api/v1/namespaces", {"metadata": {"name": space}})
        job = self.launch(student)
        pod = harness.until(lambda: self.pods(space), "the controllers made a pod")[0]["metadata"]["name"]
        self.assertEqual(self.left(space), ["deployments", "networkpolicies", "pods", "replicasets", "services"])
        self.assertEqual(self.status(student, job)["status"], "Pending")

        made = self.plane.ask("GET", f"/api/v1/namespaces/{space}/services/windlass-{job}-1")[1]
        address = made["spec"]["clusterIP"]
        program = subprocess.Popen([sys.executable, "-m", "http.server", "8888", "--bind", address], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, cwd=self.plane.directory / "etcd")
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        path = f"/api/v1/namespaces/{space}/pods/{pod}"
        self.plane.make(f"{path}/binding", {"metadata": {"name": pod}, "target": {"kind": "Node", "name": "node"}})
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        container = {"name": "job", "image": IMAGE, "imageID": "", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": since}}}
        status = {"status": {"phase": "Running", "containerStatuses": [container]}}
        self.assertEqual(self.plane.ask("PATCH", f"{path}/status", status, "application/merge-patch+json")[0], 200)
        ready = harness.until(lambda: self.status(student, job)["status"] == "Ready" and self.status(student, job), "it is ready")
        service = "/" + ready["address"].split("/", 3)[3]
        self.assertEqual((student.get(service).status, self.teacher.get(service).status), (200, 404))

        policies = f"/apis/networking.k8s.io/v1/namespaces/{space}/networkpolicies"
        labels = {**made["metadata"]["labels"], "windlass.attempt": "999999.1"}
        half = {"metadata": {"name": "windlass-999999-1", "labels": labels}, "spec": {"podSelector": {}}}
        self.plane.make(policies, half)
        self.dev.wait_restarted("worker", self.dev.kill_daemon("worker"))
        harness.until(lambda: self.plane.ask("GET", f"{policies}/windlass-999999-1")[0] == 404, "what was left by halves is removed")
        harness.until(lambda: "of a former life are in Kubernetes" in self.worker_log(), "the next life goes on")
        self.plane.kill("kube-apiserver")
        harness.until(lambda: "is asked for again" in self.worker_log(), "the worker notices")
        self.plane.start_api_server()
        harness.until(lambda: "the API server answers again" in self.worker_log(), "the worker finds it again")
        self.assertEqual(student.get(service).status, 200)
        self.assertEqual(self.admin.get(f"/api/jobs/{job}/").json["attempt"], 1)

        student.ask("DELETE", f"/v1/job/{quote(student.username)}/{job}")
        harness.until(lambda: "deletionTimestamp" in self.plane.ask("GET", path)[1]["metadata"], "its pod is to go")
        self.assertIn("networkpolicies", self.left(space), "no pod is ever without its policy")
        self.assertEqual(self.plane.ask("DELETE", path, {"gracePeriodSeconds": 0})[0], 200)
        self.assertEqual(self.admin.wait(job)["status"], "cancelled")
        harness.until(lambda: not self.left(space), "nothing of it is left")


if __name__ == "__main__":
    harness.main()
