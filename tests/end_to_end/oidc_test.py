"""Logging in by OpenID Connect with a real provider, the npm package oidc-provider (oidc/provider.mjs), without a
browser: the whole way there and back by HTTP with cookies and forms. And everything that must not let anybody in.

Needs node, npm and npm's registry (once: the packages are kept beside the build); skipped without them.
"""

import html.parser
import http.cookiejar
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

import harness

HERE = pathlib.Path(__file__).resolve().parent / "oidc"
PACKAGES = pathlib.Path(os.environ.get("WINDLASS_OIDC_MODULES", harness.BIN.parent / "tests/end_to_end/oidc"))
OLDEST_NODE = 18  # Debian 12 has it; newer versions of oidc-provider and jose want 20

ADA = {
    "name": "Ada Lovelace",
    "preferred_username": "ada",
    "email": "ada@example.org",
    "email_verified": True,
    "realm": {"roles": ["staff"]},
}
SECRET = "a secret+with/signs%3A&="  # that a form and HTTP Basic must each encode

NOT_SIGNED = "it is not a signed token"
NO_KEY = "no key of the provider has signed it"
OTHER_LOGIN = "it belongs to another login"
# What is forged (provider.mjs), and what must be found wrong with it, so that none is refused for something else.
FORGERIES = {
    "unsigned": NOT_SIGNED,
    "unsigned_but_named": NOT_SIGNED,
    "no_signature": NOT_SIGNED,
    "signed_with_client_secret": NO_KEY,
    "signed_with_public_key": NO_KEY,
    "other_key": NO_KEY,
    "unknown_key": NO_KEY,
    "key_in_token": NO_KEY,
    "changed_after_signing": NO_KEY,
    "other_issuer": "another issuer made it",
    "other_audience": "it was made for another audience",
    "no_audience": "it names no audience",
    "for_several_and_another": "it was given to another party",
    "expired": "it has expired",
    "no_end": "it has no exp",
    "from_the_future": "it was made in the future",
    "other_nonce": OTHER_LOGIN,
    "no_nonce": OTHER_LOGIN,
    "nobody": "it names nobody",
    "of_an_earlier_login": OTHER_LOGIN,
    "no_token": "gave no id_token",
    "rubbish": NOT_SIGNED,
}


def install():
    """node, with the packages of the lock file fetched."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise unittest.SkipTest("npm or node is not installed: apt-get install nodejs npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        raise unittest.SkipTest(f"node is {version}; oidc-provider needs {OLDEST_NODE} or newer")
    PACKAGES.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "provider.mjs"):
        shutil.copy(HERE / name, PACKAGES)
    lock = (HERE / "package-lock.json").read_bytes()
    fetched = PACKAGES / "fetched"
    if not fetched.exists() or fetched.read_bytes() != lock:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        command += ["--fetch-retries=1", "--fetch-timeout=60000"]
        done = subprocess.run(command, cwd=PACKAGES, capture_output=True, text=True, check=False)
        if "EUSAGE" in done.stderr or "EINTEGRITY" in done.stderr:
            raise AssertionError(f"package-lock.json is not what package.json or the registry says: {done.stderr}")
        if done.returncode != 0:
            raise unittest.SkipTest(f"npm cannot fetch oidc-provider: {done.stderr[-400:]}")
        fetched.write_bytes(lock)
    return node


class Provider:
    """oidc-provider in a process of its own. It keeps its port and its keys when it is killed and started again."""

    def __init__(self, node, directory, algorithm):
        self.command = [node, str(PACKAGES / "provider.mjs")]
        self.directory = pathlib.Path(directory)
        self.setup = {"client_id": "windlass", "client_secret": SECRET, "algorithm": algorithm}
        self.port = 0
        self.process = None
        self.listen()

    @property
    def issuer(self):
        return f"http://127.0.0.1:{self.port}"

    def listen(self):
        with open(self.directory / "provider.log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.command, str(self.port), str(self.directory / "keys.json")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=PACKAGES,
            )
        self.port = int(self.line().split()[1])

    def line(self):
        readable, _, _ = select.select([self.process.stdout], [], [], harness.PATIENCE)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line.startswith(("LISTENING ", "OK")):
            raise AssertionError(f"the provider said {line!r}\n{(self.directory / 'provider.log').read_text()[-3000:]}")
        return line

    def tell(self, **what):
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        self.process.stdin.flush()
        return self.line()

    def asked_for(self, path):
        return int(self.tell(count=path).split()[1])

    def serve(self, redirect_uri):
        self.setup["redirect_uri"] = redirect_uri
        self.tell(**self.setup)

    def restart(self):
        self.listen()
        self.tell(**self.setup)

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Form(html.parser.HTMLParser):
    """The first form of a page: where it goes, and its fields."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = attrs["action"]
        if tag == "input" and "name" in attrs:
            self.fields[attrs["name"]] = attrs.get("value", "")


class Browser:
    """A person with cookies, who follows no redirect without being told to."""

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    def __init__(self, url):
        self.url = url
        self.jar = http.cookiejar.CookieJar()
        # Proxies of the machine are not for loopback.
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar), self.NoRedirect
        )

    def open(self, url, form=None):
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        url = urllib.parse.urljoin(self.url, url)
        try:
            with self.opener.open(url, data, timeout=60) as response:
                return harness.Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return harness.Answer(refused.code, refused.headers, refused.read())

    def cookie(self, name):
        return next((cookie.value for cookie in self.jar if cookie.name == name), None)

    def begin(self, query=""):
        """To the provider: the URL that /auth/oauth/login sends one to."""
        answer = self.open("/auth/oauth/login" + query)
        if answer.status != 307:
            raise AssertionError(f"/auth/oauth/login: {answer}")
        return answer.headers["Location"]

    def at_provider(self, url, login="ada"):
        """Through its pages, until it sends one back: the URL of the callback."""
        for _ in range(12):
            answer = self.open(url)
            if answer.status == 200:
                form = Form(answer.body)
                if "login" in form.fields:
                    form.fields.update(login=login, password="believed by the provider's own page")
                answer = self.open(urllib.parse.urljoin(url, form.action), form.fields)
            if answer.status not in (302, 303):
                raise AssertionError(f"the provider at {url}: {answer}")
            url = urllib.parse.urljoin(url, answer.headers["Location"])
            if urllib.parse.urlsplit(url).path == "/auth/oauth/callback":
                return url
        raise AssertionError(f"the provider does not come to an end: {url}")

    def log_in(self, login="ada"):
        return self.open(self.at_provider(self.begin(), login))


def parameters(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, strict_parsing=True))


def with_parameters(url, **changes):
    query = urllib.parse.urlencode({**parameters(url), **changes})
    return urllib.parse.urlunsplit(urllib.parse.urlsplit(url)._replace(query=query))


class OpenIdConnect(harness.OnDatabase):
    algorithm = "RS256"

    @classmethod
    def setUpClass(cls):
        node = install()
        cls.own = pathlib.Path(tempfile.mkdtemp(prefix="windlass-oidc-"))
        cls.addClassCleanup(shutil.rmtree, cls.own, ignore_errors=True)
        cls.provider = Provider(node, cls.own, cls.algorithm)
        cls.addClassCleanup(lambda: cls.provider.kill())
        cls.write_secret(SECRET)
        cls.environment = {
            "WINDLASS_API_OIDC_ISSUER": cls.provider.issuer,
            "WINDLASS_API_OIDC_CLIENT_ID": "windlass",
            "WINDLASS_API_OIDC_CLIENT_SECRET_FILE": str(cls.own / "client.secret"),
            "WINDLASS_API_OIDC_SCOPE": "openid profile email roles",
            "WINDLASS_API_OIDC_ROLES_CLAIM": "realm.roles",
            "WINDLASS_API_OIDC_ROLES": "staff=user,cluster-admins=admin,nodes=job-control",
            "WINDLASS_API_OIDC_DEFAULT_ROLES": "user",
        }
        super().setUpClass()
        cls.provider.serve(f"{cls.dev.url.rstrip('/')}/auth/oauth/callback")

    @classmethod
    def write_secret(cls, secret):
        file = cls.own / "client.secret"
        file.touch(mode=0o600)
        file.write_text(secret + "\n")

    def setUp(self):
        self.provider.tell(accounts={"ada": ADA}, forge=None, broken=None, impostor=None)

    def browser(self):
        return Browser(self.dev.url)

    def restart_api(self):
        """It forgets what it knows of the provider, and reads its secret again."""
        self.dev.wait_restarted("api", self.dev.kill_daemon("api"))
        self.admin.get("/api/user/")

    def api_log(self):
        return (self.dev.data / "log/api.log").read_text()

    def is_logged(self, text):
        harness.until(lambda: text in self.api_log(), f"the log of the api says {text!r}")

    def who(self, browser):
        answer = browser.open("/api/user/")
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def comes_in(self, browser, answer):
        self.assertEqual(answer.status, 307, answer)
        self.assertTrue(browser.cookie("access_token"))
        self.assertTrue(browser.cookie("refresh_token"))
        return self.who(browser)

    def stays_out(self, browser, answer, status=400):
        self.assertEqual(answer.status, status, answer)
        self.assertIsNone(browser.cookie("access_token"))
        self.assertIsNone(browser.cookie("refresh_token"))
        self.assertEqual(browser.open("/api/user/").status, 401)
        self.assertNotIn(SECRET.encode(), answer.body)

    def roles(self, account):
        return sorted(self.admin.get(f"/api/users/{account['id']}/").json["roles"])

    def sessions(self):
        return self.database.rows("select count(*) from session")[0][0]

    def test_who_logs_in_at_the_provider_is_somebody_here_and_the_same_the_next_time(self):
        first = self.browser()
        answer = first.log_in()
        self.assertEqual(answer.headers["Location"], "/")
        me = self.comes_in(first, answer)
        self.assertEqual((me["first_name"], me["last_name"]), ("Ada", "Lovelace"))
        self.assertEqual((me["username"], me["email"]), ("ada", "ada@example.org"))
        self.assertIsNone(first.cookie("oauth_session"), "the cookie of the login is taken back")
        # Somebody with the provider's session already, and another browser altogether.
        again, elsewhere = first.log_in(), self.browser()
        self.assertEqual(self.comes_in(first, again)["id"], me["id"])
        self.assertEqual(self.comes_in(elsewhere, elsewhere.log_in())["id"], me["id"])
        # At the provider names and addresses change; the account stays.
        self.provider.tell(accounts={"ada": {**ADA, "preferred_username": "countess", "email": "c@example.org"}})
        renamed = self.browser()
        self.assertEqual(self.comes_in(renamed, renamed.log_in())["id"], me["id"])

    def test_another_person_with_the_same_name_and_address_is_another_account(self):
        ada, eve = self.browser(), self.browser()
        mine = self.comes_in(ada, ada.log_in())
        self.provider.tell(accounts={"ada": ADA, "eve": ADA})
        hers = self.comes_in(eve, eve.log_in("eve"))
        self.assertNotEqual(hers["id"], mine["id"])
        self.assertNotEqual(hers["username"], mine["username"])
        self.assertNotEqual(hers["email"], mine["email"])

    def test_one_goes_back_to_the_page_from_which_one_came_but_never_elsewhere(self):
        for wanted, reached in (("/api/docs/", "/api/docs/"), ("https://evil.example.org/", "/"), ("//evil", "/")):
            browser = self.browser()
            begun = browser.begin("?return_to=" + urllib.parse.quote(wanted, safe=""))
            self.assertEqual(browser.open(browser.at_provider(begun)).headers["Location"], reached)

    def test_roles_are_those_of_the_claim_at_each_login_more_and_less(self):
        for values, roles in (
            ([], ["user"]),
            (["cluster-admins", "unheard-of"], ["admin", "user"]),
            (["nodes", "staff"], ["job-control", "user"]),
            ("cluster-admins", ["admin", "user"]),
            (["unheard-of"], ["user"]),
        ):
            self.provider.tell(accounts={"grace": {"preferred_username": "grace", "realm": {"roles": values}}})
            browser = self.browser()
            me = self.comes_in(browser, browser.log_in("grace"))
            self.assertEqual(self.roles(me), roles, values)
            allowed = browser.open("/api/workers/").status == 200
            self.assertEqual(allowed, "admin" in roles, values)

    def test_a_state_is_good_once_and_in_the_browser_that_began(self):
        browser, stranger = self.browser(), self.browser()
        back = browser.at_provider(browser.begin())
        self.stays_out(stranger, stranger.open(back))
        stranger.begin()  # has a login of its own under way, and still not this one
        self.stays_out(stranger, stranger.open(back))
        for cookie in browser.jar:
            stranger.jar.set_cookie(cookie)  # all that the browser has, before it comes in
        self.comes_in(browser, browser.open(back))
        self.stays_out(stranger, stranger.open(back))
        self.assertEqual(browser.open(back).status, 400)

    def test_a_code_is_good_once_and_for_its_own_login(self):
        first = self.browser()
        used = first.at_provider(first.begin())
        self.comes_in(first, first.open(used))
        second, third, fourth = self.browser(), self.browser(), self.browser()
        back = second.at_provider(second.begin())
        self.stays_out(second, second.open(with_parameters(back, code=parameters(used)["code"])))
        # A code that is fresh but was given for the login of somebody else: PKCE.
        stolen = parameters(third.at_provider(third.begin()))["code"]
        back = fourth.at_provider(fourth.begin())
        self.stays_out(fourth, fourth.open(with_parameters(back, code=stolen)))
        self.stays_out(self.browser(), self.browser().open("/auth/oauth/callback?state=x&code=" + stolen))

    def test_an_answer_of_another_provider_and_a_refusal_are_400(self):
        browser = self.browser()
        back = browser.at_provider(browser.begin())
        self.assertEqual(parameters(back)["iss"], self.provider.issuer, "RFC 9207")
        self.stays_out(browser, browser.open(with_parameters(back, iss="http://127.0.0.1:1")))
        browser = self.browser()
        begun = browser.begin()
        page = browser.open(begun)
        uid = page.headers["Location"].rsplit("/", 1)[1]
        aborted = browser.open(f"{self.provider.issuer}/interaction/{uid}/abort")
        resumed = browser.open(urllib.parse.urljoin(begun, aborted.headers["Location"]))
        self.assertEqual(parameters(resumed.headers["Location"])["error"], "access_denied")
        self.stays_out(browser, browser.open(resumed.headers["Location"]))

    def test_forged_tokens_let_nobody_in(self):
        # First an honest one, as it is and signed again by the hand that forges: or the refusals below said nothing.
        honest = self.browser()
        self.comes_in(honest, honest.log_in())
        self.provider.tell(forge="same")
        signed_again = self.browser()
        self.comes_in(signed_again, signed_again.log_in())
        before = self.sessions()
        for forgery, wrong in FORGERIES.items():
            with self.subTest(forgery=forgery):
                self.provider.tell(forge=forgery)
                browser = self.browser()
                answer = browser.log_in()
                self.stays_out(browser, answer)
                self.assertIn(wrong, answer.body.decode())
        self.assertEqual(self.sessions(), before)
        self.provider.tell(forge=None)
        self.comes_in(honest, honest.log_in())

    def test_after_a_rotation_of_its_keys_the_next_login_comes_in_and_the_keys_are_asked_for_seldom(self):
        self.restart_api()
        before = self.provider.asked_for("/jwks")
        for _ in range(2):
            browser = self.browser()
            me = self.comes_in(browser, browser.log_in())
        self.assertEqual(self.provider.asked_for("/jwks") - before, 1, "they are kept")
        self.provider.tell(rotate=True)
        browser = self.browser()
        self.assertEqual(self.comes_in(browser, browser.log_in())["id"], me["id"])
        self.assertEqual(self.provider.asked_for("/jwks") - before, 2, "a token named a key that was not known")
        self.provider.tell(forge="unknown_key")
        for _ in range(6):
            browser = self.browser()
            self.stays_out(browser, browser.log_in())
        self.assertEqual(self.provider.asked_for("/jwks") - before, 5, "five times in five minutes")
        self.provider.tell(forge=None)
        browser = self.browser()
        self.comes_in(browser, browser.log_in())
        self.restart_api()

    def test_what_the_token_leaves_out_comes_from_userinfo_of_the_same_person(self):
        self.provider.tell(lean=True, accounts={"lin": {**ADA, "preferred_username": "lin", "realm": {"roles": "nodes"}}})
        try:
            browser = self.browser()
            me = self.comes_in(browser, browser.log_in("lin"))
            self.assertEqual((me["username"], me["first_name"]), ("lin", "Ada"))
            self.assertEqual(self.roles(me), ["job-control", "user"])
            self.provider.tell(impostor="ada")
            browser = self.browser()
            self.stays_out(browser, browser.log_in("lin"))
            self.provider.tell(impostor=None, broken="/me")
            browser = self.browser()
            self.not_now(browser, browser.log_in("lin"))
            self.assertEqual(self.roles(me), ["job-control", "user"], "they are not lost by an answer that did not come")
        finally:
            self.provider.tell(lean=False, broken=None)

    def test_with_the_wrong_secret_nobody_comes_in(self):
        self.write_secret("another")
        try:
            self.restart_api()
            browser = self.browser()
            self.stays_out(browser, browser.log_in())
            self.is_logged("compare both with what is registered")
        finally:
            self.write_secret(SECRET)
            self.restart_api()
        browser = self.browser()
        self.comes_in(browser, browser.log_in())

    def test_a_provider_that_fails_half_way_is_503_and_the_next_login_comes_in(self):
        for broken in ("/.well-known/openid-configuration", "/token", "/jwks"):
            with self.subTest(broken=broken):
                self.restart_api()
                self.provider.tell(broken=broken)
                browser = self.browser()
                if broken.startswith("/.well-known"):
                    self.not_now(browser, browser.open("/auth/oauth/login"))
                else:
                    self.not_now(browser, browser.log_in())
                self.is_logged(f"{self.provider.issuer}{broken} was answered with 500")
                self.provider.tell(broken=None)
                self.comes_in(browser, browser.log_in())

    def test_without_the_provider_it_is_503_until_it_is_back(self):
        known = self.browser()
        me = self.comes_in(known, known.log_in())
        late = self.browser()
        back = late.at_provider(late.begin())
        self.provider.kill()
        try:
            self.not_now(late, late.open(back))
            self.assertEqual(self.who(known)["id"], me["id"], "who is in stays in")
            self.restart_api()
            for _ in range(2):
                early = self.browser()
                self.not_now(early, early.open("/auth/oauth/login"))
            self.is_logged("openid-configuration: ")
            self.assertEqual(self.api_log().count("openid-configuration: "), 1, "once, not for each login")
            self.assertEqual(self.who(known)["id"], me["id"])
        finally:
            self.provider.restart()
            self.provider.tell(accounts={"ada": ADA})
        self.assertEqual(self.comes_in(late, late.log_in())["id"], me["id"])

    def not_now(self, browser, answer):
        self.stays_out(browser, answer, 503)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertNotIn(str(self.provider.port).encode(), answer.body, "what went wrong is for the log")


class OidcOnSqlite(OpenIdConnect, unittest.TestCase):
    make_database = harness.Sqlite


class OidcOnPostgreSQL(OpenIdConnect, unittest.TestCase):
    algorithm = "ES256"

    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
