"""An API server of Kubernetes for tests: TLS, tokens, namespaces, resourceVersion, label selectors, watches (with bookmarks
and 410 Gone), foreground deletion, strict fields (kubernetes_schema.py), and a node of sorts: the pod of a Deployment is a process on loopback
that has the container's command and environment. No more than launches need; what is asked beyond that is a 404 or a 405.
"""

import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

import kubernetes_schema

KINDS = {  # by the path
    "/apis/apps/v1": "deployments",
    "/api/v1": "services",
    "/apis/networking.k8s.io/v1": "networkpolicies",
}
COLLECTION = re.compile(r"^(/api/v1|/apis/[a-z0-9.]+/v1)(?:/namespaces/([^/]+))?/(deployments|services|networkpolicies|pods)(?:/([^/]+)(/log)?)?$")


def missing():
    """Why it cannot be started here, as a sentence; empty: it can."""
    return "" if shutil.which("openssl") else "not installed: apt-get install openssl"


def worker_environment(cluster, images):
    """What a worker that hands its launches to `cluster` is set to: this one, or the real programs."""
    return {
        "WINDLASS_WORKER_BACKEND": "kubernetes",
        "WINDLASS_WORKER_MEMORY_BYTES": str(64 << 30),
        "WINDLASS_WORKER_KUBERNETES_URL": cluster.url,
        "WINDLASS_WORKER_KUBERNETES_TOKEN_FILE": str(cluster.token_file),
        "WINDLASS_WORKER_KUBERNETES_CA_FILE": str(cluster.ca_file),
        "WINDLASS_WORKER_KUBERNETES_WORKER_CIDR": "10.0.3.7/32",
        "WINDLASS_WORKER_KUBERNETES_IMAGES": images,
    }


def selects(selector, labels):
    return all(labels.get(name) == value for name, value in selector.items())


class Pod:
    """A process, and what the API says of it."""

    def __init__(self, cluster, deployment):
        template = deployment["spec"]["template"]
        self.cluster = cluster
        self.spec = template["spec"]
        self.container = self.spec["containers"][0]
        self.space = deployment["metadata"]["namespace"]
        self.name = f"{deployment['metadata']['name']}-{cluster.number()}"
        self.object = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self.space, "labels": template["metadata"]["labels"]},
            "status": {"phase": "Pending"},
        }
        self.log = tempfile.TemporaryFile()
        self.process = None
        cluster.changed("ADDED", self)

    def start(self):
        image = self.container["image"]
        with self.cluster.lock:
            self.cluster.lock.wait_for(lambda: self.cluster.has_room)
            if self not in self.cluster.pods:
                return
        if image in self.cluster.unknown_images:
            self.says({"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}})
            return
        # What a kubelet does to $(NAME) and $$.
        environment = {one["name"]: one["value"].replace("$$", "$") for one in self.container["env"]}
        self.process = subprocess.Popen(
            self.container["command"],
            env={"PATH": os.environ["PATH"], "POD_IP": self.cluster.address_of(self), **environment},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            cwd=self.cluster.directory,
            start_new_session=True,
        )
        self.object["status"]["phase"] = "Running"
        self.says({"running": {"startedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}})
        threading.Thread(target=self.wait, daemon=True).start()

    def wait(self):
        code = self.process.wait()
        ended = {"exitCode": code if code >= 0 else 128 - code, "reason": "Completed" if code == 0 else "Error"}
        if code < 0:
            ended["signal"] = -code
        with self.cluster.lock:
            if self in self.cluster.pods:
                self.says({"waiting": {"reason": "CrashLoopBackOff"}}, {"terminated": ended}, 1)

    def says(self, state, last=None, restarts=0):
        with self.cluster.lock:
            status = {"name": "job", "state": state, "lastState": last or {}, "restartCount": restarts}
            self.object["status"]["containerStatuses"] = [status]
            self.cluster.changed("MODIFIED", self)

    def printed(self):
        self.log.seek(0)
        return self.log.read()

    def kill(self):
        if self.process and self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()


class Cluster:
    """An API server on loopback; close() ends it and its pods."""

    def __init__(self, namespaces=()):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="windlass-kubernetes-"))
        self.token = os.urandom(16).hex()
        self.token_file = self.directory / "token"
        self.token_file.write_text(self.token + "\n")
        self.ca_file = self.directory / "ca.crt"
        self.make_certificate(self.ca_file)
        shutil.copy(self.directory / "key", self.directory / "own-key")
        self.lock = threading.Condition(threading.RLock())
        self.version = 1
        self.oldest = 0  # watches from before this are told 410
        self.events = []  # (version, type, text of the pod)
        self.namespaces = set(namespaces)
        self.objects = {}  # (kind, namespace, name) -> object
        self.pods = []
        self.requests = []  # "METHOD path" of all that were let in
        self.refused = []  # what was wrong with an object
        self.unknown_images = set()
        self.count = 0
        # Each service has a loopback address of its own: its port is nobody else's.
        self.addresses = f"127.{random.randrange(16, 255)}.{random.randrange(256)}."
        self.down = False  # answers 503
        self.answers = []  # (method, end of the path, status, message): each is the answer to one request
        self.services = 0
        self.has_room = True  # else pods stay Pending

        cluster = self

        class Handler(Requests):
            pass

        Handler.cluster = cluster
        self.handler = Handler
        self.certificate = self.directory / "certificate"
        shutil.copy(self.ca_file, self.certificate)
        # Bound as long as this lives, and never listening: nobody else gets the port while no server is there.
        self.place = socket.socket()
        self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.place.bind(("127.0.0.1", 0))
        self.port = self.place.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self.server = self.listen()

    def close(self):
        self.close_listener()
        self.place.close()
        with self.lock:
            for pod in self.pods:
                pod.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def number(self):
        with self.lock:
            self.count += 1
            return f"{self.count:05x}"

    def changed(self, kind, pod):
        with self.lock:
            self.version += 1
            pod.object["metadata"]["resourceVersion"] = str(self.version)
            self.events.append((self.version, kind, json.dumps(pod.object)))
            self.lock.notify_all()

    def take_answer(self, method, path):
        with self.lock:
            for one in self.answers:
                if one[0] == method and path.endswith(one[1]):
                    self.answers.remove(one)
                    return one[2:]
        return None

    def make_room(self):
        with self.lock:
            self.has_room = True
            self.lock.notify_all()

    def rotate_token(self):
        """As the kubelet does with the token of a service account; the old one is worth nothing from now on."""
        fresh = self.directory / "fresh"
        token = os.urandom(16).hex()
        fresh.write_text(token + "\n")
        with self.lock:
            fresh.rename(self.token_file)
            self.token = token

    def pretend(self):
        """Somebody else at its address, whose certificate is of another authority."""
        self.close_listener()
        self.make_certificate(self.certificate)
        self.open_listener()

    def be_oneself(self):
        self.close_listener()
        shutil.copy(self.ca_file, self.certificate)
        shutil.copy(self.directory / "own-key", self.directory / "key")
        self.open_listener()

    def make_certificate(self, path):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
            + ["-subj", "/CN=kube-apiserver", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-keyout", str(self.directory / "key"), "-out", str(path)],
            check=True,
            capture_output=True,
        )

    def leave_policy(self, space, name, labels):
        """A policy as a worker leaves it that is killed before it makes the rest; its key."""
        key = ("networkpolicies", space, name)
        with self.lock:
            self.objects[key] = {"metadata": {"name": name, "namespace": space, "labels": labels}, "spec": {}}
        return key

    def close_listener(self):
        """Until open_listener() nothing listens at its address, and what was connected is cut off."""
        self.server.shutdown()
        self.server.server_close()
        self.server.hang_up()

    def open_listener(self):
        self.server = self.listen()

    def listen(self):
        server = Server(("127.0.0.1", self.port), self.handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.directory / "key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    def forget_the_past(self):
        """What an API server does after some minutes: who watches from before must list again."""
        with self.lock:
            self.version += 1
            self.oldest = self.version

    def remove(self, pod):
        pod.kill()
        with self.lock:
            if pod in self.pods:
                self.pods.remove(pod)
                self.changed("DELETED", pod)
            for key, item in list(self.objects.items()):
                if "deletionTimestamp" in item["metadata"] and not self.pods_of(item):
                    del self.objects[key]

    def address_of(self, pod):
        """That of the service that leads to it: there is nothing in between here."""
        labels = pod.object["metadata"]["labels"]
        leading = (one["spec"] for one in self.of("services") if selects(one["spec"]["selector"], labels))
        return next(leading)["clusterIP"]

    def pods_of(self, deployment):
        wanted = deployment["spec"]["selector"]["matchLabels"]
        space = deployment["metadata"]["namespace"]
        return [one for one in self.pods if one.space == space and selects(wanted, one.object["metadata"]["labels"])]

    def of(self, kind):
        with self.lock:
            return [item for (one, _, _), item in self.objects.items() if one == kind]

    def is_isolated(self, pod):
        """A policy selects it that lets one block in and nothing out."""
        labels = pod.object["metadata"]["labels"]
        for policy in self.of("networkpolicies"):
            spec = policy["spec"]
            if policy["metadata"]["namespace"] == pod.space and selects(spec["podSelector"]["matchLabels"], labels):
                return sorted(spec["policyTypes"]) == ["Egress", "Ingress"] and spec["egress"] == [] and all(
                    set(peer) == {"ipBlock"} for rule in spec["ingress"] for peer in rule["from"]
                )
        return False


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *arguments):
        self.connected = set()
        super().__init__(*arguments)

    def process_request(self, request, client_address):
        self.connected.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.connected.discard(request)
        super().shutdown_request(request)

    def hang_up(self):
        for request in list(self.connected):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it hung up itself

    def handle_error(self, request, client_address):
        """A client that hangs up, as one that has seen enough of a watch does, is no error."""


class Requests(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster = None

    def log_message(self, *_):
        pass

    def answer(self, status, body, text=False):
        data = body.encode() if text else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if text else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def status(self, code, message):
        self.answer(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code})

    def handle_one(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        if self.headers.get("Authorization") != f"Bearer {self.cluster.token}":
            return self.status(401, "Unauthorized")
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        found = COLLECTION.match(parts.path)
        with self.cluster.lock:
            self.cluster.requests.append(f"{self.command} {parts.path}")
        if scripted := self.cluster.take_answer(self.command, parts.path):
            return self.status(*scripted)
        if self.cluster.down:
            return self.status(503, "the server is currently unable to handle the request")
        if not found:
            return self.status(404, "the server could not find the requested resource")
        base, space, kind, name, log = found.groups()
        if kind != "pods" and KINDS.get(base) != kind:
            return self.status(404, "the server could not find the requested resource")
        selector = dict(one.split("=", 1) for one in query.get("labelSelector", "").split(",") if one)
        act = getattr(self, f"{self.command}_{'pods' if kind == 'pods' else 'object'}", None)
        return act(space, kind, name, selector, query, body, log) if act else self.status(405, "method not allowed")

    do_GET = do_POST = do_DELETE = handle_one

    # ---- deployments, services, policies

    def POST_object(self, space, kind, _name, _selector, _query, body, _log):
        cluster = self.cluster
        wrong = kubernetes_schema.faults(body, kubernetes_schema.ref(kubernetes_schema.KINDS[kind]))
        if not wrong and body["metadata"].get("namespace") != space:
            wrong = ["the namespace of the object does not match the request"]
        if not wrong and kind == "deployments":
            wrong = kubernetes_schema.restricted(body["spec"]["template"]["spec"])
            if not selects(body["spec"]["selector"]["matchLabels"], body["spec"]["template"]["metadata"]["labels"]):
                wrong.append("selector does not match template labels")
        with cluster.lock:
            if wrong:
                cluster.refused.append(wrong)
                return self.status(422, "; ".join(wrong))
            if space not in cluster.namespaces:
                return self.status(404, f'namespaces "{space}" not found')
            key = (kind, space, body["metadata"]["name"])
            if key in cluster.objects:
                return self.status(409, f'{kind} "{key[2]}" already exists')
            if kind == "services":
                cluster.services += 1
                body["spec"]["clusterIP"] = cluster.addresses + str(cluster.services)
            cluster.objects[key] = body
            if kind == "deployments":
                pod = Pod(cluster, body)
                cluster.pods.append(pod)
                threading.Thread(target=pod.start, daemon=True).start()
        return self.answer(201, body)

    def GET_object(self, space, kind, name, selector, _query, _body, _log):
        with self.cluster.lock:
            if name:
                item = self.cluster.objects.get((kind, space, name))
                return self.answer(200, item) if item else self.status(404, f'{kind} "{name}" not found')
            items = [one for one in self.cluster.of(kind) if selects(selector, one["metadata"]["labels"])]
            return self.answer(200, {"metadata": {"resourceVersion": str(self.cluster.version)}, "items": items})

    def DELETE_object(self, space, kind, name, _selector, _query, body, _log):
        wrong = kubernetes_schema.faults(body or {}, kubernetes_schema.ref("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"))
        if wrong:
            return self.status(422, "; ".join(wrong))
        with self.cluster.lock:
            item = self.cluster.objects.get((kind, space, name))
            if item is None:
                return self.status(404, f'{kind} "{name}" not found')
            of_it = self.cluster.pods_of(item) if kind == "deployments" else []
            if of_it and (body or {}).get("propagationPolicy") == "Foreground":
                item["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z"  # until its pods are gone
            else:
                del self.cluster.objects[(kind, space, name)]
        for pod in of_it:
            threading.Thread(target=self.cluster.remove, args=(pod,), daemon=True).start()
        return self.answer(200, {"kind": "Status", "status": "Success"})

    # ---- pods

    def DELETE_pods(self, space, _kind, _name, selector, _query, _body, _log):
        with self.cluster.lock:
            gone = [pod for pod in self.cluster.pods if pod.space == space and selects(selector, pod.object["metadata"]["labels"])]
        for pod in gone:
            threading.Thread(target=self.cluster.remove, args=(pod,), daemon=True).start()
        return self.answer(200, {"kind": "PodList", "items": []})

    def GET_pods(self, space, _kind, name, selector, query, _body, log):
        cluster = self.cluster
        if log:
            if query.get("previous") == "true" and not any(pod.name == name and pod.process and pod.process.poll() is not None for pod in cluster.pods):
                return self.status(400, "previous terminated container not found")
            text = b"".join(pod.printed() for pod in cluster.pods if pod.name == name and pod.space == space)
            return self.answer(200, text[: int(query.get("limitBytes", 1 << 30))].decode(errors="replace"), text=True)
        if query.get("watch") == "true":
            return self.watch(selector, int(query["resourceVersion"]), float(query.get("timeoutSeconds", 60)))
        with cluster.lock:
            items = [pod.object for pod in cluster.pods if selects(selector, pod.object["metadata"]["labels"])]
            return self.answer(200, {"kind": "PodList", "metadata": {"resourceVersion": str(cluster.version)}, "items": items})

    def watch(self, selector, since, seconds):
        cluster = self.cluster
        end = time.monotonic() + seconds
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

        def say(kind, text):
            line = f'{{"type":"{kind}","object":{text}}}\n'.encode()
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.flush()

        while True:
            with cluster.lock:
                if since < cluster.oldest:
                    news = [("ERROR", '{"kind":"Status","code":410,"reason":"Expired"}', None)]
                else:
                    news = [(kind, text, number) for number, kind, text in cluster.events if number > since]
                    if not news and not cluster.lock.wait(max(end - time.monotonic(), 0)):
                        news = [("BOOKMARK", json.dumps({"kind": "Pod", "metadata": {"resourceVersion": str(cluster.version)}}), None)]
            for kind, text, number in news:
                since = number or since
                if kind not in ("ERROR", "BOOKMARK") and not selects(selector, json.loads(text)["metadata"]["labels"]):
                    continue
                say(kind, text)
                if kind in ("ERROR", "BOOKMARK"):
                    self.wfile.write(b"0\r\n\r\n")
                    return
