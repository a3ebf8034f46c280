"""The service under requests that nobody would type: schemathesis makes them from the document, in some 20 seconds.

Needs schemathesis (MAILFERRY_SCHEMATHESIS names the program, else it is looked for on the path; skipped, loudly, without).
No answer may be a 5xx, and each must be one that the document knows. What would take the tester's own rights away is left out.
"""
import subprocess
import unittest

from served import SECONDS, Served, tool

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
LEFT_OUT = ("watchEvents", "removeToken", "removeAccount", "changeAccount", "redeemSetupCode")


class Requests(Served):
    def setUp(self):
        self.judge = tool("schemathesis")
        super().setUp()

    def test_no_request_is_answered_with_a_fault_of_ours(self):
        self.ferry("account", "new", "anna", "--role", "administrator", "--password-file", "password")
        token = self.ferry("token", "new", "tester", "--account", "anna")
        self.wave("wave")
        left_out = [word for name in LEFT_OUT for word in ("--exclude-operation-id", name)]
        document = self.service("--allow-folder", self.folder) + "/api/v1/openapi.json"
        ran = subprocess.run(
            [self.judge, "run", document, "-H", f"Authorization: Bearer {token}",
             "--checks", CHECKS, "--max-examples", "20", "--request-timeout", "20", "--no-color", *left_out],
            cwd=self.folder, capture_output=True, text=True, timeout=SECONDS, check=False)
        print(ran.stdout[-6000:])
        self.assertEqual(ran.returncode, 0, ran.stdout[-6000:] + ran.stderr[-2000:])
        self.assertTrue((self.folder / "data").is_dir())


if __name__ == "__main__":
    unittest.main()
