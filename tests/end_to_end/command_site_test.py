"""What a site lends and teaches, with the `windlass` command alone: images and data sets on a node, who may use them,
courses, classes, launches."""

import json
import os
import pathlib
import subprocess
import unittest

import harness
import small_image

SERVICE = "exec httpd -f -p 127.0.0.1:$PORT -h /srv"


class CommandSite(harness.OnDatabase, unittest.TestCase):
    make_database = harness.Sqlite

    @classmethod
    def setUpClass(cls):
        if why := small_image.missing():
            raise unittest.SkipTest(why)
        super().setUpClass()
        os.chmod(cls.directory, 0o755)
        cls.layout = pathlib.Path(cls.directory) / "layout"
        config = {"Env": ["PATH=/bin:/usr/bin"], "Entrypoint": ["cat"], "Cmd": ["/srv/index.html"]}
        cls.digest = small_image.make_layout(cls.layout, {"srv/index.html": "from the image\n"}, config)
        cls.iris = pathlib.Path(cls.directory) / "iris"
        cls.iris.mkdir(mode=0o755)
        (cls.iris / "iris.csv").write_text("1,2,3\n")

    def windlass(self, *words, who=None, code=0):
        environment = {
            "HOME": self.directory,
            "PATH": f"{harness.BIN}:/usr/bin:/bin",
            "WINDLASS_URL": self.dev.url,
            "WINDLASS_TOKEN": (who or self.admin).token,
        }
        done = subprocess.run(
            [str(harness.BIN / "windlass"), *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=harness.PATIENCE,
            check=False,
        )
        self.assertEqual(done.returncode, code, done)
        return done

    def on_node(self, *words, code=0):
        return self.windlass(*words, "--data", str(self.dev.data), code=code)

    def offered(self, noun, who=None):
        return self.windlass("-q", noun, "list", who=who).stdout.split("\n")[:-1]

    def test_from_an_image_and_a_data_set_to_a_service_of_ones_own(self):
        teacher, student = self.new_user("teacher"), self.new_user("student")

        # On the node.
        imported = json.loads(self.on_node("--json", "image", "import", "Übung 1", f"oci:{self.layout}", "--digest", self.digest).stdout)
        self.assertEqual((imported["name"], imported["digest"]), ("Übung 1", self.digest))
        self.on_node("dataset", "add", "Maße", str(self.iris))
        here = json.loads(self.on_node("--json", "image", "show", "Übung 1", "--here").stdout)
        self.assertEqual((here["digest"], here["entry_point"]), (self.digest, "cat /srv/index.html"))
        self.assertIn("cat /srv/index.html", self.on_node("image", "show", "Übung 1", "--here").stdout)
        self.assertEqual(self.on_node("-q", "image", "list", "--here").stdout, "Übung 1\n")
        self.assertIn(str(self.iris), self.on_node("dataset", "show", "Maße", "--here").stdout)
        self.on_node("image", "show", "none", "--here", code=5)
        failed = json.loads(self.on_node("--json", "dataset", "remove", "none", code=5).stdout)
        self.assertEqual(failed["error"]["exit_code"], 5)
        self.on_node("image", "import", "x", "oci:/nowhere", code=5)
        self.on_node("image", "import", "x", "docker://registry.example.org/x", code=4)
        self.on_node("image", "import", "a/b", f"oci:{self.layout}", code=1)

        # Of the site.
        harness.until(lambda: self.offered("image") == ["Übung 1"] and self.offered("dataset") == ["Maße"], "both are offered")
        self.assertIn("dev-", self.windlass("image", "show", "Übung 1").stdout)
        shown = json.loads(self.windlass("--json", "image", "show", "Übung 1").stdout)
        self.assertEqual(shown["workers"][0]["digest"], self.digest)
        self.assertNotIn("dev-", self.windlass("image", "list", who=student).stdout)
        self.windlass("dataset", "show", "none", code=5)
        ran = self.windlass("run", "--image", "Übung 1", "--dataset", "Maße", "--", "cat /srv/index.html /tmp/Maße/iris.csv", who=student)
        self.assertEqual(ran.stdout, "from the image\n1,2,3\n")
        self.assertEqual(self.windlass("run", "--image", "Übung 1", who=student).stdout, "from the image\n")

        # Who may teach, what, and whom.
        add = ["course", "add", "Statistik ∑", "--image", "Übung 1", "--dataset", "Maße", "--command", SERVICE,
               "--level", "basic", "--description", "# Woche 1"]
        self.assertIn("teachers", self.windlass(*add, who=teacher, code=4).stderr)
        self.windlass("teacher", "add", teacher.username)
        self.assertEqual(self.windlass("teacher", "list").stdout, teacher.username + "\n")
        course = self.windlass(*add, who=teacher).stdout.strip()
        self.windlass("course", "add", "x", "--image", "none", who=teacher, code=1)
        self.assertEqual(self.windlass("-q", "course", "list", who=teacher).stdout, course + "\n")
        self.assertIn("Woche 1", self.windlass("course", "show", "Statistik ∑", who=teacher).stdout)
        klass = self.windlass("class", "add", "Jahrgang 2027", who=teacher).stdout.strip()
        self.windlass("class", "join", klass, student.username, who=teacher)
        self.assertEqual(self.windlass("class", "members", klass, who=teacher).stdout, student.username + "\n")
        self.windlass("course", "launch", "Statistik ∑", who=student, code=5)
        self.windlass("class", "give", klass, course, who=teacher)
        self.assertIn("Jahrgang 2027", self.windlass("class", "list", who=student).stdout)

        # What is for some only is also in a course for them only.
        self.windlass("dataset", "allow", "Maße", "user:" + teacher.username)
        self.assertEqual(self.offered("dataset", student), [])
        self.assertIn("Maße", self.windlass("course", "launch", course, who=student, code=4).stderr)
        self.windlass("run", "--dataset", "Maße", "--", "true", who=student, code=125)
        self.windlass("dataset", "allow", "Maße", "class:" + klass, "--label", "Measures")
        self.assertEqual(self.offered("dataset", student), ["Maße"])
        self.assertIn("Measures", self.windlass("dataset", "list", who=student).stdout)

        address = self.windlass("course", "launch", course, "--wait", who=student).stdout.strip()
        self.assertTrue(address.startswith(self.dev.url + "/v1/service/"), address)
        self.assertEqual(student.get(address[len(self.dev.url):]).body, b"from the image\n")
        self.windlass("course", "launch", course, who=student, code=1)
        self.assertEqual(self.windlass("course", "open", who=student).stdout.strip(), address)
        opened = json.loads(self.windlass("--json", "course", "open", who=student).stdout)
        self.assertEqual((opened["status"], opened["address"]), ("Ready", address))
        job = self.windlass("-q", "course", "running", who=student).stdout.strip()
        self.assertIn("Ready", self.windlass("course", "running", who=student).stdout)
        self.assertEqual(self.windlass("course", "running", who=teacher).stdout.count("\n"), 1, "its heading alone")
        self.assertIn(job, self.windlass("course", "stop", "Statistik ∑", who=student).stdout)
        self.assertEqual(self.windlass("--json", "course", "running", who=student).stdout, "[]\n")
        self.windlass("course", "open", who=student, code=5)
        self.assertEqual(self.admin.wait(int(job))["status"], "cancelled")

        # And away.
        self.windlass("class", "take", klass, course, who=teacher)
        self.assertEqual(self.windlass("-q", "course", "list", who=student).stdout, "")
        self.windlass("class", "leave", klass, student.username, who=teacher)
        self.assertEqual(self.offered("dataset", student), [])
        self.windlass("class", "remove", klass, who=teacher)
        self.assertIn("delete successfully", self.windlass("course", "delete", course, who=teacher).stdout)
        self.windlass("teacher", "remove", teacher.username)
        self.on_node("image", "remove", "Übung 1")
        self.on_node("dataset", "remove", "Maße")
        self.assertEqual(self.on_node("-q", "image", "list", "--here").stdout, "")


if __name__ == "__main__":
    harness.main()
