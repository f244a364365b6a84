"""The dashboard in Debian's chromium, on real daemons: scenarios.mjs drives, this starts and stops what it needs.

Needs chromium, node, npm and npm's registry (once: the packages are kept beside the build); skipped without them.
Pictures of every page are kept in WINDLASS_BROWSER_BUILD/pictures. WINDLASS_BROWSER_ONLY=word runs some scenarios.
"""

import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "end_to_end"))
import harness  # noqa: E402
import oidc_test  # noqa: E402
import small_image  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WINDLASS_BROWSER_BUILD", harness.BIN.parent / "tests/browser"))
OLDEST_NODE = 20  # of playwright-core


def install():
    """node, with the packages of the lock file fetched."""
    chromium, npm, node = shutil.which("chromium"), shutil.which("npm"), shutil.which("node")
    if chromium is None:
        raise unittest.SkipTest("chromium is not installed: apt-get install chromium")
    if npm is None or node is None:
        raise unittest.SkipTest("npm or node is not installed: apt-get install nodejs npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        raise unittest.SkipTest(f"node is {version}; playwright-core needs {OLDEST_NODE} or newer")
    BUILD.mkdir(parents=True, exist_ok=True)
    for path in [*HERE.glob("*.json"), *HERE.glob("*.mjs")]:
        shutil.copy(path, BUILD)
    lock = (HERE / "package-lock.json").read_bytes()
    fetched = BUILD / "fetched"
    if not fetched.exists() or fetched.read_bytes() != lock:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=60000"]
        done = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, check=False)
        if "EUSAGE" in done.stderr or "EINTEGRITY" in done.stderr:
            raise AssertionError(f"package-lock.json is not what package.json or the registry says: {done.stderr}")
        if done.returncode != 0:
            raise unittest.SkipTest(f"npm cannot fetch playwright-core: {done.stderr[-400:]}")
        fetched.write_bytes(lock)
    return node, chromium


class DashboardInBrowser(unittest.TestCase):
    def provider(self, directory, environment):
        """One of OpenID Connect for the server that is started with `environment`; None where npm cannot fetch it."""
        try:
            node = oidc_test.install()
        except unittest.SkipTest as why:
            print(f"without a provider of OpenID Connect: {why}", flush=True)
            return None
        provider = oidc_test.Provider(node, directory, "RS256")
        self.addCleanup(provider.kill)
        secret = pathlib.Path(directory) / "client.secret"
        secret.touch(mode=0o600)
        secret.write_text(oidc_test.SECRET + "\n")
        environment.update(
            WINDLASS_API_OIDC_ISSUER=provider.issuer,
            WINDLASS_API_OIDC_CLIENT_ID="windlass",
            WINDLASS_API_OIDC_CLIENT_SECRET_FILE=str(secret),
        )
        return provider

    def lesson(self, dev, directory):
        """The name of an image that the worker has and everybody may use; empty where none can be made."""
        if why := small_image.missing() or ("" if (harness.BIN / "windlass-site").exists() else "windlass-site is not built"):
            print(f"without an image for courses: {why}", flush=True)
            return ""
        os.chmod(directory, 0o755)  # the tools that read it are another user
        layout = pathlib.Path(directory) / "layout"
        digest = small_image.make_layout(layout, {"srv/index.html": "<title>Lesson</title><h1>lesson one</h1>\n"}, {"Env": ["PATH=/bin:/usr/bin"]})
        command = [str(harness.BIN / "windlass"), "image", "import", "lesson", f"oci:{layout}", "--digest", digest, "--data", str(dev.data)]
        done = subprocess.run(command, env={"HOME": directory, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done)
        return "lesson"

    def test_scenarios(self):
        node, chromium = install()
        directory = tempfile.mkdtemp(prefix="windlass-browser-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        environment = {
            "WINDLASS_WORKER_SERVICE_LISTEN": f"unix:{directory}/services.sock",
        }
        provider = self.provider(directory, environment)
        dev = harness.Dev(pathlib.Path(directory) / "data", slots=4, environment=environment).wait_ready()
        self.addCleanup(dev.stop)
        with sqlite3.connect(dev.data / "windlass.db", timeout=30) as database:
            database.execute(
                "insert into site_thing (kind, name, label, visible_to, changed_us) "
                "values (1, 'plain', 'plain', '[\"everybody\"]', 0)"
            )
        database.close()
        if provider:
            provider.serve(f"{dev.url.rstrip('/')}/auth/oauth/callback")
            provider.tell(accounts={"lovelace": {**oidc_test.ADA, "preferred_username": "lovelace", "email": "lovelace@example.org"}})
        shutil.rmtree(BUILD / "pictures", ignore_errors=True)
        (BUILD / "pictures").mkdir()
        setup = {
            "url": dev.url.rstrip("/"), "password": (dev.data / "admin.password").read_text().strip(),
            "token": (dev.data / "admin.token").read_text().strip(), "chromium": chromium,
            "pictures": str(BUILD / "pictures"), "only": os.environ.get("WINDLASS_BROWSER_ONLY", ""),
            "provider": provider.issuer if provider else "", "image": self.lesson(dev, directory),
        }
        process = subprocess.Popen([node, str(BUILD / "scenarios.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, cwd=BUILD, env={**os.environ, "HOME": directory})
        process.stdin.write(json.dumps(setup) + "\n")
        process.stdin.flush()
        bad, ended = [], False
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith("PLEASE kill "):
                name = line.split()[2]
                old = dev.kill_daemon(name)
                dev.wait_restarted(name, old)
                process.stdin.write("done\n")
                process.stdin.flush()
            elif line.startswith("not ok "):
                bad.append(line.strip())
            elif line.startswith("END "):
                ended = True
        process.wait(harness.PATIENCE)
        self.assertTrue(ended, "the scenarios broke off")
        self.assertEqual(bad, [], dev.logs() if bad else "")


if __name__ == "__main__":
    unittest.main()
