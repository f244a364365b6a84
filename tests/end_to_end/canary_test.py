"""No secret is anywhere but where it belongs: secrets that can be recognised are planted everywhere an ordinary day
handles them, and then everything the site wrote, said and keeps is searched for them. And the audit, from outside.

Where a secret may be is written beside it, where it is planted (`where=`); anywhere else is a leak. Places are named
  log:FILE   table:TABLE.COLUMN   answer:METHOD PATH   file:PATH   process:NAME:cmdline   process:NAME:environ
What the site keeps or tells on purpose: the environment of a job in the table job, that of a schedule's job in
job_schedule, each told to who asks for the one job or schedule.
What of a token is no secret: the first 8 characters of an API token (people tell tokens apart by them), and the header
and claims of a session's token (readable by design); its signature is one.
"""

import base64
import fnmatch
import hashlib
import json
import pathlib
import re
import secrets as random_secrets
import stat
import subprocess
import unittest
import urllib.parse

import harness

HEAD = TAIL = 16  # so many characters of a secret from either end are a leak, too


PRINTED = "printed by a job"


def canary(what):
    """Good as a password too, random at both ends, with characters that JSON and percent-encoding write differently."""
    return f'{random_secrets.token_hex(8)}-"{what}+/%{random_secrets.token_hex(8)}'


def without_edges(secret, before):
    """Base64 of the bytes wherever they stand in something longer: only the characters that depend on them alone."""
    text = base64.b64encode(b"\0" * before + secret)
    first = (0, 2, 3)[before]
    last = (before + len(secret)) // 3 * 4
    return text[first:last]


def forms(secret):
    """How a secret may be written: every way that the site, or a careless line of it, would choose."""
    plain = secret if isinstance(secret, bytes) else secret.encode()
    found = {plain, plain.hex().encode(), plain.hex().upper().encode()}
    found.add("".join(f"%{byte:02X}" for byte in plain).encode())
    found.add("".join(f"%{byte:02x}" for byte in plain).encode())
    found.add(urllib.parse.quote_from_bytes(plain, safe="").encode())
    found.add(urllib.parse.quote_plus(plain, safe="/").encode())
    for before in range(3):
        text = without_edges(plain, before)
        found |= {text, text.replace(b"+", b"-").replace(b"/", b"_")}
    if not isinstance(secret, bytes):
        found.add(json.dumps(secret)[1:-1].encode())
        found.add(json.dumps(json.dumps(secret)[1:-1])[1:-1].encode())
        if len(plain) >= HEAD + TAIL:
            found |= {plain[:HEAD], plain[-TAIL:]}
    return sorted(found)


class Secrets:
    """What was planted, and where it may be."""

    def __init__(self):
        self.planted = []

    def plant(self, name, secret, where=()):
        if len(secret) < 12:
            raise AssertionError(f"{name} is too short to be recognised: a test would find it by chance")
        self.planted.append((name, forms(secret), tuple(where)))
        return secret

    def leaks_in(self, place, content):
        """Names of the secrets that are in `content` and may not be."""
        return [
            f"{name} in {place}"
            for name, needles, where in self.planted
            if not any(fnmatch.fnmatchcase(place, allowed) for allowed in where)
            and any(needle in content for needle in needles)
        ]


class Listener(harness.Client):
    """A client that remembers every answer, with its head."""

    answers = []

    def once(self, method, path, body=None, headers=None, timeout=60):
        answer = super().once(method, path, body, headers, timeout)
        place = f"answer:{method} {path.split('?')[0]}"
        self.answers.append((place, answer.status, str(answer.headers).encode() + b"\n" + answer.body))
        return answer


class Scanner(unittest.TestCase):
    """The search itself: it would be easy to find nothing by not looking."""

    def test_every_form_is_found_in_the_middle_of_something(self):
        secret = canary("scanner")
        plain = secret.encode()
        planted = Secrets()
        planted.plant("it", secret, where=["log:allowed"])
        written = {
            "plain": plain,
            "hex": plain.hex().encode(),
            "HEX": plain.hex().upper().encode(),
            "percent": urllib.parse.quote(secret, safe="").encode(),
            "all percent": "".join(f"%{byte:02x}" for byte in plain).encode(),
            "json": json.dumps({"a": secret}).encode(),
            "json in json": json.dumps({"a": json.dumps({"b": secret})}).encode(),
            "head": plain[:HEAD],
            "tail": plain[-TAIL:],
        }
        for shift in range(3):
            written[f"base64 {shift}"] = base64.b64encode(b"x" * shift + plain + b"yz")
            written[f"base64url {shift}"] = base64.urlsafe_b64encode(b"x" * shift + plain + b"yz")
        for form, text in written.items():
            with self.subTest(form):
                self.assertEqual(planted.leaks_in("log:x", b"before " + text + b" behind"), ["it in log:x"])
                self.assertEqual(planted.leaks_in("log:allowed", b"before " + text + b" behind"), [])
        self.assertEqual(planted.leaks_in("log:x", b"nothing of it"), [])
        self.assertEqual(planted.leaks_in("log:x", hashlib.sha256(plain).hexdigest().encode()), [])


class Canary(harness.OnDatabase):
    @classmethod
    def setUpClass(cls):
        cls.secrets = Secrets()
        cls.answers = Listener.answers = []
        cls.own = pathlib.Path(harness.tempfile.mkdtemp(prefix="windlass-canary-"))
        cls.addClassCleanup(harness.shutil.rmtree, cls.own, ignore_errors=True)
        cls.scheduler_secret = cls.secret_file("scheduler.secret", "scheduler secret")
        oidc = cls.secret_file("oidc.secret", "oidc client secret")
        cls.environment = {
            "WINDLASS_LOG_LEVEL": "debug",
            "WINDLASS_API_OIDC_ISSUER": "https://127.0.0.1:1/realms/site",  # nobody is there: a 5xx
            "WINDLASS_API_OIDC_CLIENT_ID": "windlass",
            "WINDLASS_API_OIDC_CLIENT_SECRET_FILE": str(oidc),
        }
        super().setUpClass()
        try:
            cls.live_a_day()
        except BaseException:
            print(cls.dev.logs(), flush=True)
            raise

    @classmethod
    def secret_file(cls, file, name):
        path = cls.own / file
        path.touch(0o600)
        path.write_text(cls.secrets.plant(name, canary(file)) + "\n")
        return path

    @classmethod
    def start_dev(cls, **more):
        # `windlass dev` says itself where the scheduler's secret is.
        data = pathlib.Path(cls.directory) / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        secret = data / "scheduler.secret"
        secret.touch(0o600)
        secret.write_text(cls.scheduler_secret.read_text())
        cls.secrets.planted[0] = (*cls.secrets.planted[0][:2], ("file:scheduler.secret",))
        return super().start_dev(**more)

    @classmethod
    def client(cls, token=None):
        return Listener(cls.dev.url, token)

    @classmethod
    def ask(cls, client, method, path, body=None, status=None, headers=None):
        answer = client.once(method, path, body, headers)
        if status is not None and answer.status != status:
            raise AssertionError(f"{method} {path}: {answer}")
        return answer

    # --- an ordinary day

    @classmethod
    def live_a_day(cls):
        data = cls.dev.data
        plant = cls.secrets.plant
        signing = (data / "signing.key").read_text().split()
        for key in signing:
            plant("signing key", key, ["file:signing.key"])
            plant("signing key's bytes", bytes.fromhex(key), ["file:signing.key"])
        plant("first admin's password", (data / "admin.password").read_text().strip(), ["file:admin.password"])
        token = plant("first admin's token", (data / "admin.token").read_text().strip(), ["file:admin.token"])
        cls.boss = cls.client(token)
        cls.anybody = cls.client()
        cls.accounts()
        cls.logins()
        cls.tokens()
        cls.jobs()
        cls.refusals()
        cls.lists()

    @classmethod
    def accounts(cls):
        cls.password = cls.secrets.plant("password", canary("password"))
        cls.username = f"ada{random_secrets.token_hex(4)}"
        made = cls.ask(
            cls.anybody,
            "POST",
            "/api/users/create/",
            {
                "name": "Ada",
                "username": cls.username,
                "email": f"{cls.username}@example.org",
                "company": "Example",
                "password": cls.password,
            },
            201,
            {"Idempotency-Key": cls.secrets.plant("key of a registration", "key-" + random_secrets.token_hex(12))},
        )
        cls.user_id = made.json["id"]
        other = cls.secrets.plant("password of /api/register/", canary("register"))
        person = {"first_name": "Bo", "last_name": "Bee", "email": "bo@example.org", "password": other}
        cls.ask(cls.anybody, "POST", "/api/register/", person, 201)
        cls.ask(cls.anybody, "POST", "/api/register/", {**person, "email": 7}, 400)
        # Two answers that tell a link once: of a new account, and of one that forgot its password.
        fields = {"name": "Cy", "username": "cy", "email": "cy@example.org", "company": "Example"}
        told = ["answer:POST /api/users/create/"]
        key = {"Idempotency-Key": cls.secrets.plant("key of an admin", "key-" + random_secrets.token_hex(12))}
        cy = cls.ask(cls.boss, "POST", "/api/users/create/", fields, 201, key).json
        cls.secrets.plant("password link of a new account", cls.secret_of(cy["password_link"]), told)
        cls.ask(cls.boss, "POST", "/api/users/create/", fields, headers=key)
        path = f"/api/users/{cy['id']}/password-link/"
        link = cls.ask(cls.boss, "POST", path, status=200).json["password_link"]
        cls.secrets.plant("password link", cls.secret_of(link), [f"answer:POST {path}"])
        chosen = cls.secrets.plant("password set by a link", canary("by-link"))
        words = {"password_link": link, "password": chosen}
        cls.ask(cls.anybody, "POST", "/api/password/", {**words, "password": "password"}, 400)
        cls.ask(cls.anybody, "POST", "/api/password/", words, 204)
        cls.ask(cls.anybody, "POST", "/api/password/", words, 404)

    @staticmethod
    def secret_of(link):
        return re.split(r"[/=#?]", link)[-1]

    LOGINS = (
        # the last: whether it refuses unknown fields, and then names them
        ("/api/users/authenticate/", "username", "password", True),
        ("/v1/login", "username", "password", False),
        ("/api/login", "Username", "Password", False),
        ("/api/login/", "username", "password", False),
        ("/api/user/jwt-login/", "username", "password", True),
        ("/api/user/token/", "username", "password", True),
    )

    @classmethod
    def logins(cls):
        for number, (path, name, word, names_fields) in enumerate(cls.LOGINS):
            wrong = cls.secrets.plant(f"wrong password at {path}", canary(f"wrong{number}"))
            astray = cls.secrets.plant(f"password as username at {path}", canary(f"astray{number}"))
            refused = [
                cls.ask(cls.anybody, "POST", path, {name: cls.username, word: wrong}),
                cls.ask(cls.anybody, "POST", path, {name: astray, word: wrong}),
                cls.ask(cls.anybody, "POST", path, {name: astray, word: {"nested": wrong}}),
                cls.ask(
                    cls.anybody, "POST", path, f'{{"{name}": "{wrong}', headers={"Content-Type": "application/json"}
                ),
                cls.ask(cls.anybody, "POST", path, {name: cls.username, cls.field_name(path, names_fields): astray}),
            ]
            for answer in refused:
                if not 400 <= answer.status < 500:
                    raise AssertionError(f"{path}: {answer}")
            let_in = cls.ask(cls.anybody, "POST", path, {name: cls.username, word: cls.password}, 200)
            cls.plant_told(f"login at {path}", let_in, f"answer:POST {path}")
        let_in = cls.ask(
            cls.anybody, "POST", "/api/users/authenticate/", {"username": cls.username, "password": cls.password}, 200
        )
        cls.plant_told("last login", let_in, "answer:POST /api/users/authenticate/", "answer:GET /api/roles/")
        cls.user = cls.client(let_in.json["token"])
        cls.refresh = cls.cookies_of(let_in)["refresh_token"]
        wrong = cls.secrets.plant("wrong old password", canary("wrong-old"))
        new = cls.secrets.plant("new password", canary("new"))
        path = "/api/user/password/"
        cls.ask(cls.user, "PUT", path, {"old_password": wrong, "password": new}, 400)
        cls.ask(cls.user, "PUT", path, {"old_password": cls.password, "password": new}, 204)
        # A browser whose access token is bad, and one that only has what renews it.
        jar = {"Cookie": f"refresh_token={cls.refresh}"}
        renewed = cls.ask(cls.anybody, "GET", "/api/roles/", None, 200, jar)
        told = ["answer:GET /api/roles/", "answer:POST /api/users/authenticate/"]  # in the same second it is the same
        cls.plant_told("last login, renewed", renewed, *told)
        for cookie in (f"access_token={cls.user.token}x", f"refresh_token={cls.refresh}x; access_token=a.b.c"):
            cls.ask(cls.anybody, "GET", "/api/user/", headers={"Cookie": cookie})

    @classmethod
    def field_name(cls, path, is_told):
        """A secret as the name of a field. Who sent it may be told which of his fields is unknown, and nobody else."""
        told = [f"answer:POST {path}"] if is_told else []
        return cls.secrets.plant(f"name of a field for {path}", canary("field"), told)

    @staticmethod
    def cookies_of(answer):
        found = [line.split(";")[0].split("=", 1) for line in answer.headers.get_all("Set-Cookie") or []]
        return {name: value.strip('"') for name, value in found}

    @classmethod
    def plant_told(cls, name, answer, *places):
        """Every token that an answer tells; each may be told in the answers `places`."""
        told = {k: v for k, v in cls.cookies_of(answer).items() if k in ("access_token", "refresh_token")}
        if answer.body.startswith(b"{") and isinstance(answer.json.get("token"), str):
            told["token"] = answer.json["token"]
        for kind, token in told.items():
            secret = token.rsplit(".", 1)[-1]  # of a JWT the signature
            if len(secret) >= 12:
                cls.secrets.plant(f"{kind} of {name}", secret, places)
        return told

    @classmethod
    def tokens(cls):
        cls.told_token = cls.ask(cls.user, "POST", "/api/tokens/", {"label": "day"}, 201).json
        cls.secrets.plant("API token", cls.told_token["token"], ["answer:POST /api/tokens/"])
        script = cls.ask(cls.boss, "POST", "/api/generateAPIKey", status=200).body.decode()
        cls.secrets.plant("API token of a cluster", script.strip().strip('"'), ["answer:POST /api/generateAPIKey"])
        # Typed where its number belongs: by whom has it, who then wonders why it was not revoked.
        mine = cls.client(cls.told_token["token"])
        cls.ask(mine, "DELETE", f"/api/tokens/{cls.told_token['token']}/", status=404)
        cls.ask(mine, "DELETE", f"/api/sessions/{cls.refresh}/", status=404)
        cls.ask(cls.boss, "PATCH", f"/api/users/{cls.told_token['token']}/", {"disabled": True}, 404)
        cls.ask(mine, "GET", f"/api/jobs/?token={cls.told_token['token']}", status=400)
        cls.ask(cls.anybody, "GET", f"/api/nothing/{cls.told_token['token']}", status=404)
        cls.ask(cls.client(cls.told_token["token"] + "x"), "GET", "/api/jobs/", status=401)
        cls.mine = mine

    @classmethod
    def jobs(cls):
        # The one place where an environment is kept for its job; the owner sees it with the one job, never in a list.
        files = ["table:job.env", "file:windlass.db*"]
        env = cls.secrets.plant(
            "environment of a job", "env-" + random_secrets.token_hex(12), [*files, "answer:GET /api/jobs/[0-9]*/"]
        )
        key = cls.secrets.plant("Idempotency-Key", "key-" + random_secrets.token_hex(12))
        commands = f'test -n "$SECRET" && echo {PRINTED}'
        body = {"code": "", "data": "", "running_commands": commands, "env": {"SECRET": env}}
        for _ in range(2):
            sent = cls.ask(cls.user, "POST", "/api/jobs/submit/", body, 200, {"Idempotency-Key": key})
        cls.ask(cls.user, "POST", "/api/jobs/submit/", {**body, "name": "x"}, 422, {"Idempotency-Key": key})
        cls.job = sent.json["id"]
        done = cls.user.wait(cls.job)
        if done["status"] != "succeeded":
            raise AssertionError(done)
        failed = cls.ask(cls.user, "POST", f"/api/jobs/{cls.job}/rerun/", {"running_commands": "exit 3"}, 200)
        cls.user.wait(failed.json["id"])
        signed = cls.ask(cls.user, "POST", "/api/links/", {"path": f"/api/results/{cls.job}/"}, 201).json["url"]
        cls.secrets.plant("signature of a link", signed.rsplit("signature=", 1)[1], ["answer:POST /api/links/"])
        target = signed.split(cls.dev.url, 1)[1]
        cls.ask(cls.anybody, "GET", target, status=200)
        cls.ask(cls.anybody, "GET", target + "x")
        cls.ask(cls.anybody, "DELETE", target)
        cls.ask(cls.user, "POST", "/api/links/", {"path": target}, 400)
        # A schedule keeps its job, environment and all, until it submits it.
        kept = cls.secrets.plant(
            "environment of a schedule",
            "env-" + random_secrets.token_hex(12),
            [
                *files,
                "table:job_schedule.job",
                "answer:* /api/schedules/[0-9]*/",
                "answer:GET /api/jobs/[0-9]*/",
            ],
        )
        plan = {"name": "night", "cron": "0 3 * * *", "job": {**body, "env": {"SECRET": kept}}}
        key = {"Idempotency-Key": cls.secrets.plant("key of a schedule", "key-" + random_secrets.token_hex(12))}
        made = cls.ask(cls.user, "POST", "/api/schedules/", plan, 201, key)
        path = made.headers["Location"]
        cls.ask(cls.user, "GET", path, status=200)
        cls.ask(cls.user, "POST", f"{path}pause/", status=200)
        run = cls.ask(cls.user, "POST", f"{path}run/", status=200).json["id"]
        cls.user.wait(run)
        waits = cls.ask(cls.user, "POST", "/api/jobs/submit/", {**body, "running_commands": "sleep 60"}, 200).json["id"]
        cls.ask(cls.user, "GET", f"/api/jobs/{waits}/why/")
        cls.ask(cls.user, "DELETE", f"/api/jobs/{waits}/")
        cls.user.wait(waits)

    @classmethod
    def refusals(cls):
        """Requests that are wrong in every way, each with a secret in the wrong place."""
        text = {"Content-Type": "application/json"}
        for path in ("/api/jobs/submit/", "/api/jobs/submit/batch/", "/api/schedules/", "/api/tokens/", "/api/links/"):
            secret = cls.secrets.plant(f"in a broken body for {path}", canary("broken"))
            escaped = json.dumps(secret)
            field = json.dumps(cls.field_name(path, True))
            for body in (
                f'{{"code": {escaped}',
                f'{{"code": {escaped}, "x": \\u12}}',
                f'{{{field}: {escaped}}}',
                f"[{escaped}]",
                escaped,
                f'{{"env": {{{field}: 7}}, "label": [{escaped}], "path": {{"a": {escaped}}}, "cron": {escaped}}}',
            ):
                answer = cls.ask(cls.user, "POST", path, body, headers=text)
                if answer.status < 400 and "batch" not in path:
                    raise AssertionError(f"{path} {body}: {answer}")
        secret = cls.secrets.plant("environment that is refused", "env-" + random_secrets.token_hex(12))
        wrong = {"code": "", "data": "", "running_commands": "true"}
        cls.ask(cls.user, "POST", "/api/jobs/submit/", {**wrong, "env": {"A B": secret}}, 400)
        cls.ask(cls.user, "POST", "/api/jobs/submit/", {**wrong, "env": {"A": secret}, "priority": 1000}, 400)
        cls.ask(cls.user, "POST", "/api/jobs/submit/", {**wrong, "env": {"A": secret}, "queue": "none"}, 422)
        cls.ask(cls.user, "PUT", "/api/user/", {"first_name": {"a": secret}})
        cls.ask(cls.user, "GET", "/api/audit/", status=403)
        cls.ask(cls.user, "PATCH", "/api/jobs/", {"a": secret}, 405)
        for name in ("Bearer", "Token", "Basic"):
            cls.ask(cls.anybody, "GET", "/api/jobs/", headers={"Authorization": f"{name} {secret}"})
        cls.ask(cls.anybody, "GET", "/api/jobs/", headers={"Cookie": f"Authorization=Bearer {secret}"})
        code = cls.secrets.plant("code of a provider", "code-" + random_secrets.token_hex(12))
        state = cls.secrets.plant("state of a login", "state-" + random_secrets.token_hex(12))
        cls.ask(cls.anybody, "GET", f"/auth/oauth/callback/?state={state}&code={code}")
        cls.broken = cls.ask(cls.anybody, "GET", "/auth/oauth/login/")
        if cls.broken.status < 500:
            raise AssertionError(f"a provider that is not there: {cls.broken}")
        # The scheduler goes in the middle of it, and what is told then is told too.
        old = cls.dev.kill_daemon("scheduler")
        cls.ask(cls.user, "POST", "/api/jobs/submit/", {**wrong, "env": {"A B": secret}})
        cls.ask(cls.anybody, "GET", "/readyz")
        cls.dev.wait_restarted("scheduler", old)
        harness.until(lambda: cls.ask(cls.anybody, "GET", "/readyz").status == 200, "the scheduler is back")

    @classmethod
    def lists(cls):
        job = f"/api/jobs/{cls.job}/"
        for path in (
            "/api/jobs/",
            "/api/jobs/getqueue/",
            "/api/results/",
            f"/api/results/{cls.job}/",
            job,
            *(job + part + "/" for part in ("events", "attempts", "log", "why")),
            "/api/schedules/",
            "/api/tokens/",
            "/api/sessions/",
            "/api/user/",
            "/api/quotas/me/",
            "/api/queues/",
            "/api/blobs/",
        ):
            cls.ask(cls.user, "GET", path, status=200)
        for path in (
            "/api/audit/?limit=1000",
            "/api/users/",
            "/api/admin/users/",
            f"/api/users/{cls.user_id}/",
            f"/api/tokens/?user={cls.username}",
            f"/api/sessions/?user={cls.username}",
            f"/api/config/users/{cls.username}/",
            "/api/workers/",
            "/api/quotas/",
            "/api/tiers/",
            "/api/jobs/",
            "/api/results/",
            "/api/schedules/",
            "/metrics",
            "/healthz",
            "/api/schema/",
            "/api/docs/",
        ):
            cls.ask(cls.boss, "GET", path, status=200)
        # In a page of another site nobody reads along, and the way out says nothing either.
        cls.ask(cls.user, "GET", "/api/user/", headers={"Origin": "https://elsewhere.example"})
        cls.ask(cls.mine, "DELETE", f"/api/tokens/{cls.told_token['id']}/", status=204)
        cls.ask(cls.user, "POST", "/api/logout/", status=200)
        cls.ask(cls.user, "GET", "/api/user/", status=401)

    # --- the search

    def none_in(self, places):
        looked = 0
        leaks = []
        for place, content in places:
            looked += 1
            leaks += self.secrets.leaks_in(place, content)
        self.assertEqual(sorted(set(leaks)), [])
        return looked

    def test_a_planted_leak_is_found(self):
        """Each search finds a secret that is where it may not be: one that is really there, but was not allowed."""
        known = Secrets()
        known.plant("label", "correct-horse-" + "battery")
        self.assertEqual(known.leaks_in("log:api.log", b"x correct-horse-battery"), ["label in log:api.log"])
        for places, secret in (
            (self.logs(), "listening on"),
            (self.columns(), f"{self.username}@example.org"),
            (self.told(), f"{self.username}@example.org"),
            (self.files(), self.scheduler_secret.read_text().strip()),
            (self.processes(), str(self.own / "oidc.secret")),
        ):
            planted = Secrets()
            planted.plant("it", secret)
            with self.subTest(secret):
                self.assertTrue(any(planted.leaks_in(*each) for each in places))

    def test_what_is_kept_or_told_on_purpose_is_there(self):
        """Or the search would be for secrets that never were."""
        places = [*self.logs(), *self.columns(), *self.told(), *self.files(), *self.processes()]
        for name, needles, where in self.secrets.planted:
            if where and name != "oidc client secret":
                with self.subTest(name):
                    found = [
                        place
                        for place, content in places
                        if any(fnmatch.fnmatchcase(place, allowed) for allowed in where)
                        and any(needle in content for needle in needles)
                    ]
                    self.assertTrue(found)
        self.assertGreater(len(self.secrets.planted), 60)
        printed = [place for place, content in places if PRINTED.encode() in content]
        self.assertIn("table:job_output.bytes", printed, "columns of bytes are read as bytes")

    def logs(self):
        found = [(f"log:{path.name}", path.read_bytes()) for path in self.dev.data.glob("log/*")]
        found.append(("log:dev", self.dev.said().encode()))
        if self.database.url:
            found.append(("log:postgresql", (self.database.directory / "log").read_bytes()))
        return found

    def test_no_log_has_a_secret(self):
        self.assertGreaterEqual(self.none_in(self.logs()), 4)

    def columns(self):
        """Every value of every table, as bytes, by "table:TABLE.COLUMN"."""
        names = self.names_of_columns()
        if not self.database.url:
            for table, column in names:
                rows = self.database.rows(f'select cast("{column}" as blob) from {table}')
                yield f"table:{table}.{column}", b"\n".join(row[0] or b"" for row in rows)
            return
        # All at once, each value in one line of JSON; in it bytes are hexadecimal.
        values = {name: [] for name in names}
        parts = (f"select '{t}', '{c}', coalesce(to_json(\"{c}\")::text, '') from {t}" for t, c in names)
        for table, column, *value in self.database.rows(" union all ".join(parts)):
            values[table, column] += map(str, value)
        for (table, column), texts in values.items():
            content = "\n".join(texts).encode()
            for written in re.findall(rb"\\\\x((?:[0-9a-f]{2})+)", content):
                content += b"\n" + bytes.fromhex(written.decode())
            yield f"table:{table}.{column}", content

    def names_of_columns(self):
        if self.database.url:
            return self.database.rows(
                "select c.table_name, c.column_name from information_schema.columns c join information_schema.tables t"
                " using (table_schema, table_name) where table_schema = 'public' and table_type = 'BASE TABLE'"
            )
        return self.database.rows(
            "select m.name, c.name from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table'"
        )

    def test_no_table_has_a_secret(self):
        self.assertGreater(self.none_in(self.columns()), 200)

    def told(self):
        return [(place, content) for place, _, content in self.answers]

    def test_no_answer_has_a_secret_but_the_one_that_tells_it(self):
        statuses = {status for _, status, _ in self.answers}
        self.assertLessEqual({200, 201, 204, 400, 401, 403, 404, 405, 422}, statuses)
        self.assertGreater(self.none_in(self.told()), 150)

    def files(self):
        for path in self.dev.data.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield f"file:{path.relative_to(self.dev.data)}", path.read_bytes()

    def test_no_file_has_a_secret_but_those_that_are_there_for_it_and_nobody_else_reads_those(self):
        self.assertGreater(self.none_in(self.files()), 5)
        for name in ("signing.key", "scheduler.secret", "admin.password", "admin.token"):
            self.assertEqual(stat.S_IMODE((self.dev.data / name).stat().st_mode), 0o600, name)
        if not self.database.url:
            others = stat.S_IRWXG | stat.S_IRWXO
            for path in (self.dev.data, *self.dev.data.glob("windlass.db*")):
                # The directory closes it, or its own mode.
                self.assertFalse(self.dev.data.stat().st_mode & path.stat().st_mode & others, path)

    def processes(self):
        for pid in [self.dev.process.pid, *harness.descendants_of(self.dev.process.pid)]:
            for what in ("cmdline", "environ"):
                try:
                    name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                    yield f"process:{name}:{what}", pathlib.Path(f"/proc/{pid}/{what}").read_bytes()
                except OSError:
                    continue  # ended while we looked

    def test_no_daemon_shows_a_secret_to_who_lists_processes(self):
        self.assertGreaterEqual(self.none_in(self.processes()), 8)

    # --- the audit

    def windlass(self, *words):
        return subprocess.run(
            [str(harness.BIN / "windlass"), *words],
            env={
                "HOME": str(self.own),
                "PATH": "/usr/bin:/bin",
                "WINDLASS_URL": self.dev.url,
                "WINDLASS_TOKEN": self.boss.token,
            },
            capture_output=True,
            text=True,
            timeout=harness.PATIENCE,
            check=False,
        )

    def verify(self, *words):
        return self.windlass("audit", "verify", *words)

    def end_of_audit(self):
        done = self.verify("--quiet")
        self.assertEqual(done.returncode, 0, done)
        return done.stdout.strip()

    def test_the_audit_is_listed(self):
        done = self.windlass("audit", "list")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("POST /api/logout/", done.stdout)
        self.assertIn(self.username, done.stdout)
        self.assertEqual(self.secrets.leaks_in("command", done.stdout.encode()), [])

    def test_a_changed_entry_shows(self):
        end = self.end_of_audit()
        self.assertEqual(self.verify("--expect", end).returncode, 0)
        self.database.change("update audit_entry set detail = detail || 'x' where number = 2")
        done = self.verify()
        self.assertEqual((done.returncode, done.stdout), (1, ""), done)
        self.assertIn("entry 2", done.stderr)
        self.database.change("update audit_entry set detail = substr(detail, 1, length(detail) - 1) where number = 2")
        self.assertEqual(self.verify("--expect", end).returncode, 0)

    def test_an_end_that_was_cut_off_shows_to_who_noted_it_down(self):
        end = self.end_of_audit()
        number = int(end.split(":")[0])
        self.database.change(f"create table cut as select * from audit_entry where number = {number}")
        self.database.change(f"delete from audit_entry where number = {number}")
        self.assertEqual(self.verify().returncode, 0)  # nothing in the site can tell
        done = self.verify("--expect", end)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done)
        self.assertIn(end, done.stderr)
        self.database.change("insert into audit_entry select * from cut")
        self.database.change("drop table cut")
        self.assertEqual(self.verify("--expect", end).returncode, 0)

    def test_an_entry_that_was_taken_out_shows(self):
        self.end_of_audit()
        self.database.change("create table taken as select * from audit_entry where number = 3")
        self.database.change("delete from audit_entry where number = 3")
        self.assertEqual(self.verify().returncode, 1)
        self.database.change("insert into audit_entry select * from taken")
        self.database.change("drop table taken")
        self.end_of_audit()

    def test_the_request_id_of_an_answer_leads_to_the_audit_and_to_the_log(self):
        refused = self.boss.once("DELETE", "/api/tokens/999999999/").json["request_id"]
        entries = {entry["request_id"]: entry for entry in self.boss.get("/api/audit/?limit=1000").json}
        self.assertEqual(entries[refused]["status"], 404)
        self.assertEqual(entries[refused]["action"], "DELETE /api/tokens/{id}/")
        broken = self.request_id_of(self.broken)
        self.assertIn(f"request {broken}:", (self.dev.data / "log/api.log").read_text())

    @staticmethod
    def request_id_of(answer):
        return answer.headers["X-Request-Id"]


class CanaryOnSqlite(Canary, unittest.TestCase):
    make_database = harness.Sqlite


class CanaryOnPostgreSQL(Canary, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
