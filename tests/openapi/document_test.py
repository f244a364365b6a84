"""The OpenAPI document as others read it. Needs python3-yaml; the validator comes from npm by a committed lockfile, and
without npm (or its registry) the structure is checked by hand all the same."""

import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PRINT = os.environ.get("WINDLASS_PRINT_DOCUMENT", "build/release/bin/windlass_print_document")
NODE = pathlib.Path(os.environ.get("WINDLASS_NODE_MODULES", "/tmp/windlass-openapi-node"))


def printed(what, stdin=None):
    return subprocess.run([PRINT, what], input=stdin, capture_output=True, check=True).stdout.decode()


def document():
    return json.loads(printed("json"))


def every(value, path=""):
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from every(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from every(inner, f"{path}/{number}")


class Document(unittest.TestCase):
    """The structure, without anything from npm."""

    def test_the_structure_is_that_of_openapi_3_1(self):
        whole = document()
        self.assertEqual(whole["openapi"], "3.1.0")
        self.assertLessEqual({"info", "paths", "components", "tags", "servers"}, whole.keys())
        self.assertLessEqual({"title", "version", "description"}, whole["info"].keys())
        ids = set()
        tags = {tag["name"] for tag in whole["tags"]}
        for path, item in whole["paths"].items():
            in_path = set(re.findall(r"{([^}]*)}", path))
            self.assertNotRegex(path, r"\.\.\.")
            for method, operation in item.items():
                where = f"{method} {path}"
                self.assertIn(method, {"get", "put", "post", "delete", "patch"}, where)
                self.assertTrue(operation["summary"], where)
                self.assertLessEqual(set(operation["tags"]), tags, where)
                self.assertNotIn(operation["operationId"], ids, where)
                ids.add(operation["operationId"])
                parameters = operation.get("parameters", [])
                self.assertEqual(in_path, {p["name"] for p in parameters if p["in"] == "path"}, where)
                self.assertTrue(all("schema" in p for p in parameters), where)
                self.assertIn(operation["x-windlass-access"], {"anyone", "session", "user", "job-control", "admin"})
                self.assertTrue(any(status.startswith(("1", "2", "3")) for status in operation["responses"]), where)
                for status, answer in operation["responses"].items():
                    self.assertTrue(answer["description"], f"{where} {status}")

    def test_every_reference_leads_somewhere_and_every_schema_is_used(self):
        whole = document()
        used = set()
        for path, value in every(whole):
            if path.endswith("/$ref"):
                prefix, name = value.rsplit("/", 1)
                self.assertEqual(prefix, "#/components/schemas", path)
                self.assertIn(name, whole["components"]["schemas"], path)
                used.add(name)
        self.assertEqual(used, set(whole["components"]["schemas"]))

    def test_what_asks_for_a_credential_names_the_schemes_and_a_scope(self):
        whole = document()
        schemes = set(whole["components"]["securitySchemes"])
        everywhere = {"bearer", "token", "cookie_authorization", "cookie_access_token"}
        self.assertEqual(schemes, everywhere | {"signed_link"})
        for path, item in whole["paths"].items():
            for operation in item.values():
                open_to_all = operation["x-windlass-access"] == "anyone"
                named = {name for scheme in operation["security"] for name in scheme}
                self.assertEqual(named - {"signed_link"}, set() if open_to_all else everywhere, path)
                self.assertEqual(open_to_all, "x-windlass-scope" not in operation, path)

    def test_bodies_that_are_json_have_examples(self):
        for path, item in document()["paths"].items():
            for method, operation in item.items():
                body = operation.get("requestBody", {}).get("content", {}).get("application/json")
                if body is not None:
                    self.assertIn("example", body, f"{method} {path}")


class Validator(unittest.TestCase):
    """By the schema that the makers of OpenAPI publish."""

    @classmethod
    def setUpClass(cls):
        npm, node = shutil.which("npm"), shutil.which("node")
        if npm is None or node is None:
            raise unittest.SkipTest("npm is not installed; the structure is checked by the other tests")
        NODE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, NODE)
        lock = (HERE / "package-lock.json").read_bytes()
        stamp = NODE / "fetched"
        if not stamp.exists() or stamp.read_bytes() != lock:
            done = subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"],
                                  cwd=NODE, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise unittest.SkipTest(f"npm cannot fetch the validator: {done.stderr[-300:]}")
            stamp.write_bytes(lock)
        cls.command = [node, str(HERE / "judge.mjs"), str(NODE)]

    def judge(self, whole):
        return subprocess.run(self.command, input=json.dumps(whole), capture_output=True, text=True, check=False)

    def test_the_document_is_valid(self):
        judged = self.judge(document())
        self.assertEqual(judged.returncode, 0, judged.stderr[:4000])
        self.assertEqual(judged.stdout, "valid 3.1\n")

    def test_a_broken_one_is_not(self):
        for breaking in (lambda d: d["paths"]["/healthz"]["get"].pop("responses") and d["info"].pop("title"),
                         lambda d: d["paths"]["/api/jobs/"]["get"]["parameters"][0].pop("in"),
                         lambda d: d["components"]["securitySchemes"]["bearer"].pop("type")):
            broken = document()
            breaking(broken)
            self.assertNotEqual(self.judge(broken).returncode, 0)


class Yaml(unittest.TestCase):
    """Read by Debian's PyYAML, which keeps to YAML 1.1: the harder reader."""

    @classmethod
    def setUpClass(cls):
        import yaml  # only this class needs it

        cls.load = staticmethod(yaml.safe_load)

    def test_the_two_forms_say_the_same(self):
        self.assertEqual(self.load(printed("yaml")), document())

    def test_hostile_values_come_back_as_they_were(self):
        random.seed(7)
        words = ["no", "Yes", "null", "~", "", " ", "a: b", "- a", "#", "1", "1e3", "0x1f", "0o7", "1_000", "2026-01-31", "12:30:45",
                 "=", "<<", "*a", "&a", "!tag", "%", "@", "`", "|", ">", "{", "[", "'", '"', "\\", "\n", "\t", "\r\n", "a\n b\n",
                 "\u0085", "\u00a0", "\u2028", "\ufeff", "\ufffe", "\U0001f600", "é", "\x00", "\x1b", "\x7f", "?", "? a", ":", "a:",
                 ".inf", ".nan", "---", "...", "true", "y", "N", "on", "Off"]

        def value(depth):
            kind = random.randrange(8 if depth < 4 else 6)
            if kind < 3:
                return "".join(random.choices(words, k=random.randrange(1, 3)))
            if kind == 3:
                return random.choice([0, -1, 2**53, 0.1, 1e300, 1.5e-9, -2.5, 10**18])
            if kind == 4:
                return random.choice([True, False, None])
            if kind == 5:
                return random.choice([[], {}])
            if kind == 6:
                return [value(depth + 1) for _ in range(random.randrange(4))]
            return {random.choice(words) + str(i): value(depth + 1) for i in range(random.randrange(4))}

        for _ in range(3):
            tree = [value(0) for _ in range(2000)]
            back = self.load(printed("convert", json.dumps(tree).encode()))
            self.assertEqual(back, tree)
        self.assertEqual(self.load(printed("convert", json.dumps({word: word for word in words}).encode())),
                         {word: word for word in words})


if __name__ == "__main__":
    unittest.main()
