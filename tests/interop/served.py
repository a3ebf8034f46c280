"""A case about the service: a data folder of its own, commands over it, and a service that listens."""
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


def tool(name):
    """A program by the variable that names it, else on the path; without it the case is skipped, loudly."""
    variable = f"MAILFERRY_{name.upper()}"
    named = os.environ.get(variable) or shutil.which(name)
    if not named:
        raise missing(name, f"not on the path, and {variable} is not set")
    return named


class Served(unittest.TestCase):
    def setUp(self):
        self.program = mailferry.binary()
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "password").write_text("correct horse battery\n")
        (self.folder / "users.csv").write_text("EmailAddress\nanna@example.org\n")

    def ferry(self, *words):
        """Runs a command over the data folder; what it printed."""
        environment = {n: v for n, v in os.environ.items() if not n.startswith("MAILFERRY_")}
        ran = subprocess.run([self.program, *words, "--data-dir", self.folder / "data"], cwd=self.folder,
                             env=environment, capture_output=True, text=True, timeout=SECONDS, check=True)
        return ran.stdout.strip()

    def wave(self, name):
        """A batch between two folders."""
        for end in ("old", "new"):
            self.ferry("endpoint", "new", end, "--type", "maildir", "--path", str(self.folder / end))
        self.ferry("batch", "new", name, "--source", "old", "--target", "new", "--csv", "users.csv")

    def service(self, *flags):
        """A service that listens; its URL. Its log is the file `log`."""
        log = self.enterContext((self.folder / "log").open("ab"))
        child = subprocess.Popen([self.program, "serve", "--no-tls", "--listen", "127.0.0.1:0", "-o", "jsonl", *flags,
                                  "--data-dir", self.folder / "data"],
                                 stdout=subprocess.PIPE, stderr=log, text=True)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait, SECONDS)
        self.addCleanup(child.send_signal, signal.SIGTERM)
        return json.loads(child.stdout.readline())["url"]
