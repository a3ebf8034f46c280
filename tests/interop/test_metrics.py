"""The numbers for monitoring, read by Prometheus' own checker.

Needs promtool (Debian package prometheus; MAILFERRY_PROMTOOL names the program, else it is looked for on the path; skipped,
loudly, without).
"""
import subprocess
import unittest
import urllib.error
import urllib.request

from served import SECONDS, Served, tool


class Metrics(Served):
    def setUp(self):
        self.checker = tool("promtool")
        super().setUp()

    def scraped(self, url, **headers):
        request = urllib.request.Request(f"{url}/metrics", headers=headers)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read().decode()

    def test_the_checker_of_prometheus_has_nothing_to_say(self):
        self.ferry("account", "new", "anna", "--role", "viewer", "--password-file", "password")
        token = self.ferry("token", "new", "prometheus", "--account", "anna")
        self.wave('wave "one" \\')
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
