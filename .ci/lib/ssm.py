"""SSM's GetParameters, for functions that read their secrets when they start (docs/rules/security.md#secrets)."""

import json
import re
import urllib.error
import urllib.request

from lib.net import FakeServer, parsed

JSON = "application/x-amz-json-1.1"


class FakeSsm(FakeServer):
    """Knows these parameters, a value by each name, and lets everybody read them."""

    def __init__(self, parameters):
        super().__init__(self.answer, JSON)
        self.parameters = parameters

    def answer(self, _method, body):
        names = json.loads(body)["Names"]
        found = [{"Name": name, "Value": self.parameters[name]} for name in names if name in self.parameters]
        return 200, {"Parameters": found, "InvalidParameters": [name for name in names if name not in self.parameters]}


class EmulatedSsm(FakeServer):
    """The parameters of an emulator, for callers whose role names them. MiniStack checks the signature of a call and
    says which role made it, but it knows no resource of GetParameters and refuses every role with exact rights: those
    are judged here."""

    def __init__(self, emulator):
        super().__init__(self.answer, JSON, with_headers=True)
        self.emulator = emulator

    def answer(self, method, body, headers):
        status, answer = self.forward(method, body, headers)
        role = re.search(r":assumed-role/([\w-]+)/.* ssm:GetParameters on resource: \* ", str(answer))
        if status != 400 or not role:
            return status, answer
        names = json.loads(body)["Names"]
        if any(name not in self.allowed(role[1]) for name in names):
            return status, answer
        found = self.emulator.client("ssm").get_parameters(Names=names, WithDecryption=True)
        parameters = [{"Name": one["Name"], "Value": one["Value"]} for one in found["Parameters"]]
        return 200, {"Parameters": parameters, "InvalidParameters": found["InvalidParameters"]}

    def forward(self, method, body, headers):
        """MiniStack's own answer. The header `Host` stays as it was signed."""
        request = urllib.request.Request(self.emulator.url, method=method, data=body, headers=dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, parsed(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, parsed(error.read())

    def allowed(self, role):
        """The names of the parameters that a role may read."""
        iam = self.emulator.client("iam")
        names = set()
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for statement in document["Statement"]:
                if "ssm:GetParameters" in statement["Action"]:
                    names |= {resource.partition(":parameter")[2] for resource in statement["Resource"]}
        return names
