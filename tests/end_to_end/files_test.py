"""Input files that are uploaded once, what a job leaves beside out/, labels and deadlines."""

import base64
import datetime
import hashlib
import os
import pathlib
import subprocess
import unittest

import harness

DATA_SET = os.urandom(300_000)


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Files(harness.OnDatabase):
    environment = {
        "WINDLASS_LOG_LEVEL": "debug",  # the worker says then what it fetches
        "WINDLASS_WORKER_LABELS": "zone=b",
        "WINDLASS_WORKER_RESOURCES": "gpu=2",
    }

    def fetches_of(self, sha256):
        logs = (path.read_text(errors="replace") for path in (self.dev.data / "log").glob("worker*.log"))
        return sum(text.count(f"fetched the input file {sha256}") for text in logs)

    def upload(self, user, data):
        put = user.ask("PUT", f"/api/blobs/{digest(data)}/", data)
        self.assertIn(put.status, (200, 201), put)
        return {"sha256": digest(data)}

    def test_a_file_uploaded_once_is_used_by_many_jobs_and_fetched_once(self):
        user = self.new_user("files")
        reference = self.upload(user, DATA_SET)
        command = "/usr/bin/sha256sum in/set again | /usr/bin/cut -d' ' -f1"
        jobs = [user.submit(command, files={"in/set": reference, "again": reference}) for _ in range(8)]
        for job in jobs:
            self.assertEqual(user.wait(job)["status"], "succeeded")
            self.assertEqual(user.result(job)["stdout"], 2 * (digest(DATA_SET) + "\n"))
        self.assertEqual(self.fetches_of(digest(DATA_SET)), 1)

    def test_the_command_uploads_and_submits(self):
        home = pathlib.Path(self.directory) / "home"
        home.mkdir()
        local = home / "set.bin"
        local.write_bytes(b"from the command\n")

        def windlass(*words, stdin=""):
            done = subprocess.run(
                [str(harness.BIN / "windlass"), *words],
                input=stdin,
                env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
                capture_output=True,
                text=True,
                timeout=harness.PATIENCE,
                check=False,
            )
            self.assertEqual(done.returncode, 0, done)
            return done.stdout

        password = (self.dev.data / "admin.password").read_text()
        windlass("login", "--url", self.dev.url, "-u", "admin", "--password-stdin", stdin=password)
        said = windlass("submit", "--file", f"in/set={local}", "--output", "*.log", "--", "cat in/set | tee run.log")
        job = int("".join(c for c in said.split()[0] if c.isdigit()))
        self.assertEqual(self.admin.wait(job)["status"], "succeeded")
        result = self.admin.result(job)
        self.assertEqual(result["stdout"], "from the command\n")
        self.assertEqual([file["path"] for file in result["files"]], ["run.log"])

    def test_text_and_base64_become_files_with_their_bytes(self):
        user = self.new_user("inline")
        raw = bytes(range(256))
        job = user.submit(
            "cat a.txt; /usr/bin/sha256sum b", files={"a.txt": "text\n", "b": {"base64": base64.b64encode(raw).decode()}}
        )
        self.assertEqual(user.wait(job)["status"], "succeeded")
        self.assertEqual(user.result(job)["stdout"], f"text\n{digest(raw)}  b\n")

    def test_outputs_come_back_and_can_be_downloaded(self):
        user = self.new_user("outputs")
        job = user.submit(
            "mkdir -p logs/old deep/er; echo in > out/r; echo one > a.log; echo two > logs/old/b; echo no > c.txt;"
            " echo three > deep/er/d.dat; ln -s /etc/passwd link.log; ln -s /etc logs/etc",
            data="not an output",
            files={"input.log": "not an output either"},
            outputs=["*.log", "logs/", "**/*.dat"],
        )
        self.assertEqual(user.wait(job)["status"], "succeeded")
        files = {file["path"]: file for file in user.result(job)["files"]}
        self.assertEqual(set(files), {"r", "a.log", "logs/old/b", "deep/er/d.dat"})
        for path, content in {"r": b"in\n", "a.log": b"one\n", "logs/old/b": b"two\n", "deep/er/d.dat": b"three\n"}.items():
            got = user.get(f"/api/results/{job}/files/{path}")
            self.assertEqual((got.status, got.body), (200, content), path)
            self.assertEqual(files[path]["sha256"], digest(content))

    def test_a_hash_is_no_permission(self):
        owner, stranger = self.new_user("owner"), self.new_user("stranger")
        secret = self.upload(owner, b"the owner's alone")
        for reference in (secret, {"sha256": digest(b"nobody has it")}):
            refused = stranger.post(
                "/api/jobs/submit/", {"code": "", "data": "", "running_commands": "cat f", "files": {"f": reference}}
            )
            self.assertEqual(refused.status, 422, refused)
            self.assertIn(reference["sha256"], refused.body.decode())

    def test_paths_that_cannot_be_files_are_refused(self):
        user = self.new_user("paths")
        for path in ("code", "data", "out", ".tmp/x", "/abs", "../up", "code/x"):
            refused = user.post(
                "/api/jobs/submit/", {"code": "", "data": "", "running_commands": "true", "files": {path: "x"}}
            )
            self.assertEqual(refused.status, 400, (path, refused))

    def test_files_larger_than_the_disk_of_the_job_name_the_limit(self):
        user = self.new_user("disk")
        job = user.submit("true", files={"f": "x" * 2_000_000}, limits={"disk_bytes": 1 << 20})
        ended = user.wait(job)
        self.assertEqual(ended["outcome"], "out_of_disk")
        self.assertIn("disk_bytes", user.result(job)["detail"])

    def test_labels_resources_and_version_are_told(self):
        worker = self.admin.get("/api/workers/").json[0]
        self.assertEqual(worker["labels"]["zone"], "b")
        self.assertEqual(worker["resources"], {"gpu": 2})
        self.assertRegex(worker["software"], r"^\d+\.\d+\.\d+$")
        user = self.new_user("labels")
        job = user.submit("true", requires={"zone": "b"}, resources={"gpu": 1})
        self.assertEqual(user.wait(job)["status"], "succeeded")

    def test_a_running_job_is_stopped_at_its_deadline(self):
        user = self.new_user("deadline")
        deadline = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
        job = user.submit("/usr/bin/sleep 1000", deadline=deadline.strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.assertEqual(user.wait(job)["status"], "timed_out")
        # Started or not when it passed: a busy machine decides that.
        detail = user.get(f"/api/jobs/{job}/events/").body.decode() + user.get(f"/api/results/{job}/").body.decode()
        self.assertRegex(detail, "its deadline [^\"]*passed")


class FilesOnSqlite(Files, unittest.TestCase):
    make_database = harness.Sqlite


class FilesOnPostgreSQL(Files, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
