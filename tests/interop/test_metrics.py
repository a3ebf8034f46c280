"""The numbers for monitoring, read by Prometheus' own checker.

Needs promtool (Debian package prometheus; MAILFERRY_PROMTOOL names the program, else it is looked for on the path; skipped,
loudly, without).
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import mailferry
from peer import missing

SECONDS = 120


def promtool():
    named = os.environ.get("MAILFERRY_PROMTOOL") or shutil.which("promtool")
    if not named:
        raise missing("promtool", "not on the path, and MAILFERRY_PROMTOOL is not set")
    return named


class Metrics(unittest.TestCase):
    def setUp(self):
        self.program, self.checker = mailferry.binary(), promtool()
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "password").write_text("correct horse battery\n")
        (self.folder / "users.csv").write_text("EmailAddress\nanna@example.org\n")

    def ferry(self, *words):
        """Runs a command over the data folder; what it printed."""
        environment = {n: v for n, v in os.environ.items() if not n.startswith("MAILFERRY_")}
        ran = subprocess.run([self.program, *words, "--data-dir", self.folder / "data"], cwd=self.folder,
                             env=environment, capture_output=True, text=True, timeout=SECONDS, check=True)
        return ran.stdout.strip()

    def service(self, *flags):
        """A service that listens; its URL."""
        child = subprocess.Popen([self.program, "serve", "--no-tls", "--listen", "127.0.0.1:0", "-o", "jsonl", *flags,
                                  "--data-dir", self.folder / "data"],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait, SECONDS)
        self.addCleanup(child.send_signal, signal.SIGTERM)
        return json.loads(child.stdout.readline())["url"]

    def scraped(self, url, **headers):
        request = urllib.request.Request(f"{url}/metrics", headers=headers)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read().decode()

    def test_the_checker_of_prometheus_has_nothing_to_say(self):
        self.ferry("account", "new", "anna", "--role", "viewer", "--password-file", "password")
        token = self.ferry("token", "new", "prometheus", "--account", "anna")
        for name in ("old", "new"):
            self.ferry("endpoint", "new", name, "--type", "maildir", "--path", str(self.folder / name))
        self.ferry("batch", "new", 'wave "one" \\', "--source", "old", "--target", "new", "--csv", "users.csv")
        url = self.service()
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.scraped(url)
        refused.exception.close()
        self.assertEqual(refused.exception.code, 401)
        text = self.scraped(url, Authorization=f"Bearer {token}")
        self.assertIn("mailferry_mailboxes{", text)
        self.assertNotIn("@", text)
        checked = subprocess.run([self.checker, "check", "metrics"], input=text, capture_output=True, text=True,
                                 timeout=SECONDS)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""), text)


if __name__ == "__main__":
    unittest.main()
