"""What asks on a terminal: the prompt of `mailferry shell` (lines that are typed, blocks that are pasted, a hidden
password), and the name of an endpoint that was given none.

Needs no server. What is shown is waited for, never guessed by time.
"""
import os
import pty
import select
import tempfile
import time
import unittest

import mailferry

SECONDS = 20
CANARY = "canary-4711"


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, *words):
        program = mailferry.binary()
        self.child, self.master = pty.fork()
        if self.child == 0:
            for name in [n for n in os.environ if n.startswith("MAILFERRY_")]:
                del os.environ[name]
            os.execv(program, [program, *words])
        self.shown, self.read = "", 0

    def until(self, text):
        """Waits for a text behind what was waited for before."""
        end = time.monotonic() + SECONDS
        while text not in self.shown[self.read:]:
            if time.monotonic() > end or not self.more(end - time.monotonic()):
                raise AssertionError(f"{text!r} is not shown:\n{self.shown}")
        self.read = self.shown.index(text, self.read) + len(text)

    def more(self, seconds):
        if not select.select([self.master], [], [], max(0, seconds))[0]:
            return False
        try:
            got = os.read(self.master, 65536)
        except OSError:                            # the child has ended
            return False
        self.shown += got.decode().replace("\r", "")
        return bool(got)

    def type(self, text):
        os.write(self.master, text.encode())

    def ended(self):
        """The exit code, once it has ended."""
        while self.more(SECONDS):
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
        os.close(self.master)
        return code


class Prompt(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.shell = Terminal("shell", "--data-dir", os.path.join(self.folder, "data"))
        self.shell.until("mailferry> ")

    def test_a_pasted_block_a_hidden_password_and_a_question(self):
        shell = self.shell
        shell.type('New-MigrationEndpoint -Name "X"\n-IMAP -RemoteServer h\n$c = Get-Credential\n'
                   "Set-MigrationEndpoint X -Credentials\n$c\n")
        shell.until("User: ")
        shell.type("admin@x\n")
        shell.until("Password for admin@x: ")
        shell.type(CANARY + "\n")
        shell.until("The endpoint X is changed.")
        shell.until("mailferry> ")
        shell.type("Get-MigrationEndpoint |\n")
        shell.until(">> ")
        shell.type("Format-List Identity, Username\n")
        shell.until("Identity : X\nUsername : admin@x\n")
        shell.type("Remove-MigrationEndpoint X\n")
        shell.until("Confirm: Remove-MigrationEndpoint on X [y/N] ")
        shell.type("y\n")
        shell.until("The endpoint X is removed.")
        shell.type("\x04")
        self.assertEqual(0, shell.ended(), shell.shown)
        self.assertNotIn(CANARY, shell.shown)

    def test_what_fails_is_said_and_the_prompt_goes_on(self):
        shell = self.shell
        shell.type("-Port 3\n")
        shell.until("[NATIVE_UNREAD]")
        shell.until("mailferry> ")
        shell.type("Get-Credential svc@x\n")
        shell.until("Password for svc@x: ")
        shell.type("\x03")
        shell.until("mailferry> ")
        shell.type("Get-MigrationEndpoint nobody\n")
        shell.until("[OWN_NOT_FOUND]")
        shell.type("exit\n")
        self.assertEqual(2, shell.ended(), shell.shown)


class Proposal(unittest.TestCase):
    def test_a_name_is_proposed_and_taken_or_not(self):
        data = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "data")
        for typed, sentence in [("\n", "The endpoint Hybrid-RemoteMove-20"), ("Mine\n", "The endpoint Mine is made")]:
            new = Terminal("endpoint", "new", "--type", "exchange-remote", "--remote-server", "h", "--data-dir", data)
            new.until("The endpoint's name? [Hybrid-RemoteMove-20")
            new.type(typed)
            new.until("Why? [not given] ")
            new.type("\n")
            new.until(sentence)
            self.assertEqual(0, new.ended(), new.shown)


if __name__ == "__main__":
    unittest.main()
