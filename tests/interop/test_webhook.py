"""Webhooks as a foreign receiver sees them: the signature by Python's own hmac, tries with one id, one notice for a cause."""
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
import unittest

from served import SECONDS, Served


class Receiver(http.server.HTTPServer):
    """Keeps what is posted; its answers come from a list, then all are 200."""

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), Taking)
        self.answers, self.taken, self.more = list(answers), [], threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait_for(self, fits, seconds=60):
        """The messages once FITS says so of them."""
        with self.more:
            if not self.more.wait_for(lambda: fits(self.taken), seconds):
                raise AssertionError(f"only {[body for _, body in self.taken]}")
            return list(self.taken)


class Taking(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.more:
            code = self.server.answers.pop(0) if self.server.answers else 200
            self.server.taken.append((dict(self.headers.items()), body))
            self.server.more.notify_all()
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def signed(secret, headers, body):
    """The signature that the headers should carry. Standard Webhooks: HMAC-SHA256 over id.timestamp.body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    head = {name.lower(): value for name, value in headers.items()}
    content = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


class Webhook(Served):
    def test_a_batch_is_told_once_signed_and_again_until_it_is_taken(self):
        receiver = Receiver([500, 503])
        self.addCleanup(receiver.server_close)
        self.addCleanup(receiver.shutdown)
        self.ferry("account", "new", "anna", "--role", "administrator", "--password-file", "password")
        (self.folder / "url").write_text(f"http://127.0.0.1:{receiver.server_port}/canary-path\n")
        made = json.loads(self.ferry("webhook", "add", "ops", "--url-file", "url", "-o", "json"))
        secret = made["signingKey"]
        self.assertTrue(secret.startswith("whsec_"), made)
        self.assertNotIn(secret, self.ferry("webhook", "list", "-o", "json"))
        self.assertNotIn("canary-path", self.ferry("webhook", "list", "-o", "json"))
        # 260 mailboxes that fail for one reason.
        rows = "".join(f"u{n}@example.org\n" for n in range(260))
        (self.folder / "users.csv").write_text("EmailAddress\n" + rows)
        for end in ("old", "new"):
            (self.folder / end).mkdir()
            self.ferry("endpoint", "new", end, "--type", "maildir", "--path", str(self.folder / end / "{user}"))
        self.ferry("batch", "new", "wave", "--source", "old", "--target", "new", "--csv", "users.csv",
                   "--start-after", "now")
        self.service("--allow-loopback")
        ends = ("SyncedWithErrors", "Failed")

        def told(taken):
            return [body for _, body in taken if any(end in body.decode() for end in ends)]
        taken = receiver.wait_for(lambda taken: told(taken) and len(taken) >= 3, SECONDS)
        time.sleep(8)                              # nothing more comes of it
        taken = receiver.wait_for(lambda _: True)
        by_id = {}
        for headers, body in taken:
            head = {name.lower(): value for name, value in headers.items()}
            self.assertIn(signed(secret, headers, body), head["webhook-signature"].split(" "))
            self.assertLess(abs(time.time() - int(head["webhook-timestamp"])), 120)
            self.assertEqual({"type", "timestamp", "data"}, set(json.loads(body)) & {"type", "timestamp", "data"})
            by_id.setdefault(head["webhook-id"], []).append(body)
        self.assertTrue(any(len(tries) > 1 for tries in by_id.values()), "what was refused came again with its id")
        ended = [tries[0] for tries in by_id.values() if any(end in tries[0].decode() for end in ends)]
        self.assertEqual(1, len(ended), "one notice for 260 failures of one cause")
        self.assertIn("260", ended[0].decode())


if __name__ == "__main__":
    unittest.main()
