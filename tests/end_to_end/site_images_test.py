"""Images and data sets of a site, from the command on a worker's node to the result of a job: imported while the worker
runs, waited for, refused when unknown, removed while in use."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

import harness
from placement_test import Site

LAYOUT = pathlib.Path(__file__).resolve().parents[1] / "worker/images/oci_layout.py"


class SiteImages(Site):
    # The scheduler, the workers and the api of Site, not its tests.
    locals().update({name: None for name in dir(Site) if name.startswith("test_")})
    workers = {"left": {"SLOTS": "2"}, "right": {"SLOTS": "1"}}

    @classmethod
    def setUpClass(cls):
        for tool in ("/usr/bin/skopeo", "/usr/bin/umoci", "/bin/busybox"):
            if not os.path.exists(tool):
                raise unittest.SkipTest(f"needs {tool}")
        super().setUpClass()
        os.chmod(cls.directory, 0o755)
        cls.layout = f"{cls.directory}/layout"
        made = subprocess.run([sys.executable, str(LAYOUT), cls.layout, "good"], capture_output=True, text=True, check=True)
        cls.digest = made.stdout.strip()

    def on_node(self, worker, *words, good=True):
        """windlass WORDS on the node of this worker."""
        command = [str(harness.BIN / "windlass"), "--json", *words]
        config = pathlib.Path(self.directory) / f"{worker}.toml"
        config.write_text(f'[worker]\nstate_directory = "{self.directory}/{worker}"\nfirst_uid = {harness.FIRST_UID}\n')
        said = subprocess.run([*command, "--config", str(config)], capture_output=True, text=True, check=False)
        self.assertEqual(said.returncode == 0, good, f"{words}: {said.stdout} {said.stderr}")
        return json.loads(said.stdout) if good else said.stderr

    def offered(self, kind):
        return [one["value"] for one in self.user.get(f"/v1/{kind}/").json[kind]]

    def run_job(self, commands, **more):
        job = self.user.submit(commands, **more)
        done = self.user.wait(job)
        return done, self.user.result(job)

    def test_from_the_import_to_the_result(self):
        refused = self.user.post("/api/jobs/submit/", {"code": "", "data": "", "running_commands": "true", "image": "Übung 3"})
        self.assertEqual(refused.status, 422, refused)
        self.assertEqual(refused.json["errors"][0]["pointer"], "/image")

        # Declared before any worker has it: the job waits and says why.
        self.assertEqual(self.user.ask("PUT", "/api/environments/images/%C3%9Cbung%203/", {}).status, 200)
        early = self.user.submit("cat /etc/passwd", image="Übung 3", datasets=[])
        self.assertIn('the image "Übung 3"', self.why(early, "no_suitable_worker")["text"])

        imported = self.on_node("left", "image", "import", "Übung 3", f"oci:{self.layout}", "--digest", self.digest)
        self.assertEqual(imported["digest"], self.digest)
        self.assertEqual(self.user.wait(early)["status"], "succeeded")
        self.assertEqual(self.worker_of(early), "left")

        data = pathlib.Path(self.directory) / "measured"
        data.mkdir(mode=0o755)
        (data / "values.csv").write_text("1,2,3\n")
        self.on_node("left", "dataset", "add", "Löhne 2026", str(data))
        harness.until(lambda: "Löhne 2026" in self.offered("datasets"), "the data set is offered")
        self.assertIn("Übung 3", self.offered("images"))

        _, result = self.run_job(
            "pwd; cat code data '/tmp/Löhne 2026/values.csv'; id -un; echo $COLOUR $HOME; echo changed > /etc/group; "
            "touch '/tmp/Löhne 2026/new' || echo read-only; echo 42 > out/answer",
            code="the code\n", data="the data\n", image="Übung 3", datasets=["Löhne 2026"])
        self.assertEqual(result["stdout"],
                         "/job\nthe code\nthe data\n1,2,3\nlearner\nblau /home/learner\nread-only\n", result)
        self.assertEqual([file["path"] for file in result["files"]], ["answer"], result)

        done, result = self.run_job("", image="Übung 3")
        self.assertEqual((done["status"], result["stdout"]), ("succeeded", "entry point\n"))
        _, result = self.run_job("ls /tmp; test -d /usr/lib && echo prepared root")
        self.assertEqual(result["stdout"], "prepared root\n", "another job sees neither data set nor image")

        # Only one of the two workers has it, and says so; the other gets it too.
        self.on_node("right", "image", "import", "Übung 3", f"oci:{self.layout}")
        where = lambda: [row["workers"] for row in self.user.get("/api/environments/").json if row["name"] == "Übung 3"][0]
        harness.until(lambda: len(where()) == 2, "both workers have the image")
        self.assertEqual({one["digest"] for one in where()}, {self.digest})

        # Removed while a job runs in it: that job ends well, the next waits.
        running = self.user.submit("echo up; while [ ! -e /tmp/go ]; do sleep 0.05; i=$((i+1)); [ $i -gt 40 ] && touch /tmp/go; done; "
                                   "cat /home/learner/notes", image="Übung 3")
        harness.until(lambda: self.user.get(f"/api/jobs/{running}/").json["status"] == "running", "it runs")
        self.on_node("left", "image", "remove", "Übung 3")
        self.on_node("right", "image", "remove", "Übung 3")
        self.assertEqual(self.user.wait(running)["status"], "succeeded")
        self.assertEqual(self.user.result(running)["stdout"], "up\nhello\n")
        late = self.user.submit("true", image="Übung 3")
        self.assertIn('the image "Übung 3"', self.why(late, "no_suitable_worker")["text"])
        self.assertEqual(self.user.ask("DELETE", "/api/environments/images/%C3%9Cbung%203/").status, 204)
        gone = self.user.post("/api/jobs/submit/", {"code": "", "data": "", "running_commands": "true", "image": "Übung 3"})
        self.assertEqual(gone.status, 422, gone)
        self.assertEqual(self.user.ask("DELETE", f"/api/jobs/{late}/").status, 202)

        self.assertIn("not allowed", self.on_node("left", "image", "import", "x", "docker://docker.io/library/busybox", good=False))
        mounts = pathlib.Path("/proc/self/mounts").read_text()
        self.assertNotIn(self.directory, mounts)


class SiteImagesOnSqlite(SiteImages, unittest.TestCase):
    make_database = harness.Sqlite


class SiteImagesOnPostgreSQL(SiteImages, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
