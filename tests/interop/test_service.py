"""The service under requests that nobody would type: schemathesis makes them from the document, in some 20 seconds.

Needs schemathesis (MAILFERRY_SCHEMATHESIS names the program, else it is looked for on the path; skipped, loudly, without).
No answer may be a 5xx, and each must be one that the document knows. What would take the tester's own rights away is left out.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import mailferry
from peer import missing

SECONDS = 240
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
LEFT_OUT = ("watchEvents", "removeToken", "removeAccount", "changeAccount", "redeemSetupCode")


def schemathesis():
    named = os.environ.get("MAILFERRY_SCHEMATHESIS") or shutil.which("schemathesis")
    if not named:
        raise missing("schemathesis", "not on the path, and MAILFERRY_SCHEMATHESIS is not set")
    return named


class Requests(unittest.TestCase):
    def setUp(self):
        self.program, self.judge = mailferry.binary(), schemathesis()
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "password").write_text("correct horse battery\n")
        (self.folder / "users.csv").write_text("EmailAddress\nanna@example.org\n")

    def ferry(self, *words):
        """Runs a command over the data folder; what it printed."""
        environment = {n: v for n, v in os.environ.items() if not n.startswith("MAILFERRY_")}
        ran = subprocess.run([self.program, *words, "--data-dir", self.folder / "data"], cwd=self.folder,
                             env=environment, capture_output=True, text=True, timeout=SECONDS, check=True)
        return ran.stdout.strip()

    def service(self):
        """A service that listens; its URL."""
        child = subprocess.Popen([self.program, "serve", "--no-tls", "--listen", "127.0.0.1:0", "-o", "jsonl",
                                  "--allow-folder", self.folder, "--data-dir", self.folder / "data"],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait, SECONDS)
        self.addCleanup(child.send_signal, signal.SIGTERM)
        return json.loads(child.stdout.readline())["url"]

    def test_no_request_is_answered_with_a_fault_of_ours(self):
        self.ferry("account", "new", "anna", "--role", "administrator", "--password-file", "password")
        token = self.ferry("token", "new", "tester", "--account", "anna")
        for name in ("old", "new"):
            self.ferry("endpoint", "new", name, "--type", "maildir", "--path", str(self.folder / name))
        self.ferry("batch", "new", "wave", "--source", "old", "--target", "new", "--csv", "users.csv")
        left_out = [word for name in LEFT_OUT for word in ("--exclude-operation-id", name)]
        ran = subprocess.run(
            [self.judge, "run", self.service() + "/api/v1/openapi.json", "-H", f"Authorization: Bearer {token}",
             "--checks", CHECKS, "--max-examples", "20", "--request-timeout", "20", "--no-color", *left_out],
            cwd=self.folder, capture_output=True, text=True, timeout=SECONDS, check=False)
        print(ran.stdout[-6000:])
        self.assertEqual(ran.returncode, 0, ran.stdout[-6000:] + ran.stderr[-2000:])
        self.assertTrue((self.folder / "data").is_dir())


if __name__ == "__main__":
    unittest.main()
