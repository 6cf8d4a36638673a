"""What the repository says about its functions, so that no script holds a count or a name of them.

A binary is a file of src/bin (`get-clinic`), a function its name in AWS (`GetClinic`)."""

import json
import re

from lib import ROOT, require


def binaries():
    """The names of all binaries."""
    return {file.stem for file in (ROOT / "src/bin").glob("*.rs")}


def routes():
    """Method and path of every function that API Gateway calls, by the function's name."""
    paths = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    return {
        operation["operationId"]: (method.upper(), path)
        for path, item in paths.items() for method, operation in item.items() if "operationId" in operation
    }


def binary_of(function):
    """`GetClinic` → `get-clinic`; WhatsApp counts as one word."""
    return re.sub(r"\B([A-Z])", r"-\1", function.replace("WhatsApp", "Whatsapp")).lower()


def jobs(functions):
    """Those of all functions that run on a schedule: the ones without a route."""
    found = sorted(set(functions) - routes().keys())
    require("every binary without a route is a job", len(found) == len(binaries()) - len(routes()), found)
    return found


def environment_groups():
    """The group of sls/environment.yml that each function reads, by the name of its binary."""
    pattern = r"artifact: \$\{param:artifacts\}/([\w-]+)\.zip\n.*?environment: \$\{file\(sls/environment\.yml\):(\w+)\}"
    groups = {}
    for file in (ROOT / "sls/functions").glob("*/interface.yml"):
        groups |= dict(re.findall(pattern, file.read_text(), re.DOTALL))
    require("sls/functions deploys every binary of src/bin", groups.keys() == binaries(), groups.keys() ^ binaries())
    return groups
