"""Whether the Kubernetes API would take what the chart renders, as far as that can be told without a server.

Two judges: the real kubectl, which decodes into the API's own Go types, and validators and types made from the API's
OpenAPI documents (schemas/check.mjs). Neither knows what only a running API server checks, such as quotas.
"""
import copy
import json
import os
import subprocess
import tempfile

from chart import CHART, HERE, OPERATOR, TOOLS, call, cases, expect, objects

# Of the last one no schema is packaged; kubectl has the types of built-in kinds only.
BUILT_IN = ("ConfigMap", "DaemonSet", "Service", "ServiceAccount")
NOWHERE = ("SecurityContextConstraints",)


def rendered(stub):
    """All objects of all sets of values, each once, and the chart's with its own rules and dashboards."""
    found = {}
    for chart in (stub, CHART):
        for files in [[], *([path] for _, path in cases())]:
            for item in objects(chart, apis=OPERATOR, files=files):
                found[json.dumps(item, sort_keys=True)] = item
    return list(found.values())


def without_defaults(tree):
    """kubectl adds fields without value (creationTimestamp: null, status), and leaves out those that say 0, false or ""."""
    if isinstance(tree, dict):
        pairs = {key: without_defaults(value) for key, value in tree.items() if key != "status"}
        return {key: value for key, value in pairs.items() if value}
    return [without_defaults(value) for value in tree] if isinstance(tree, list) else tree


MARK = {"name": "KUBE_CANARY_TEST", "value": "1"}


def unmarked(tree):
    """Without what kubectl was told to add: it prints nothing if it has nothing to change."""
    if isinstance(tree, dict):
        return {key: unmarked(value) for key, value in tree.items()}
    return [unmarked(value) for value in tree if value != MARK] if isinstance(tree, list) else tree


def kubectl_refusal(item):
    """Why kubectl does not take an object; "" if it does. Decoding is all that it does without a server."""
    change = ["selector", "changed=yes"] if item["kind"] == "Service" else ["env", f"{MARK['name']}={MARK['value']}"]
    status, out, error = call(f"{TOOLS}/kubectl", "set", change[0], "--local", "-f", "-", "-o", "json", change[1],
                              text=json.dumps(item), env={"HOME": "/nonexistent", "KUBECONFIG": "/dev/null"})
    if item["kind"] not in ("DaemonSet", "Service"):
        # Decoded, but it has no pods, says kubectl then.
        return "" if "does not have a pod template: *v1." in error else error.strip() or "taken for something with pods"
    if status != 0:
        return error.strip()
    # It comes back as the types have it: a field that they do not know is gone.
    back = unmarked(json.loads(out))
    if item["kind"] == "Service":
        back["spec"]["selector"] = item["spec"]["selector"]
    lost = without_defaults(back) != without_defaults(item)
    return "fields are lost that the API does not have" if lost else ""


def broken(item):
    """Copies of an object, each with one thing wrong, and what that is."""
    def copy_with(what, *path_and_value):
        other = copy.deepcopy(item)
        *path, last, value = path_and_value
        below = other
        for step in path:
            below = below[step]
        below[last] = value
        return what, other
    kind = item["kind"]
    if kind == "DaemonSet":
        pod = ("spec", "template", "spec")
        yield copy_with("an unknown field", *pod, "hostNetwrk", True)
        yield copy_with("text for truth", *pod, "hostNetwork", "yes")
        yield copy_with("number for text", *pod, "containers", 0, "image", 1)
    elif kind == "Service":
        yield copy_with("an unknown field", "spec", "publishNotReady", True)
        yield copy_with("text for number", "spec", "ports", 0, "port", "metrics")
    elif kind == "ConfigMap":
        yield copy_with("a list for a map", "data", [])
    elif kind == "ServiceAccount":
        yield copy_with("text for truth", "automountServiceAccountToken", "no")
    elif kind == "PodMonitor":
        yield copy_with("an unknown field", "spec", "podMetricsEndpoints", 0, "honourLabels", True)
        yield copy_with("no time", "spec", "podMetricsEndpoints", 0, "interval", "often")
    elif kind == "PrometheusRule":
        yield copy_with("a number for an expression's text", "spec", "groups", 0, "rules", 0, "expr", [])
        yield copy_with("an unknown field", "spec", "groups", 0, "rules", 0, "severity", "page")


def judge_by_schemas(items):
    """Of each object: verdict and words."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(items, file)
        file.flush()
        script = os.path.abspath(f"{HERE}/schemas/check.mjs")
        done = subprocess.run(["node", script, file.name], cwd=TOOLS, capture_output=True, text=True, timeout=300)
    expect(done.returncode == 0, done.stderr[-2000:])
    return [line.split("\t") for line in done.stdout.splitlines()]


def checks(stub):
    def kubectl():
        """kubectl decodes each object into the API's own types, and refuses broken ones"""
        items = [item for item in rendered(stub) if item["kind"] in BUILT_IN]
        for item in items:
            refusal = kubectl_refusal(item)
            expect(not refusal, item["kind"], item["metadata"]["name"], refusal)
        seen, refused = set(), 0
        for item in items:
            if item["kind"] in seen:
                continue
            seen.add(item["kind"])
            for what, other in broken(item):
                expect(kubectl_refusal(other), item["kind"], "with", what, "is taken")
                refused += 1
        expect(seen == set(BUILT_IN), seen)
        return f"{len(items)} objects; {refused} broken ones refused"

    def schemas():
        """Each object fits the API's schema, fields that it does not have included; broken ones do not"""
        items = rendered(stub)
        verdicts = judge_by_schemas(items)
        expect(len(verdicts) == len(items), len(verdicts), "verdicts of", len(items))
        for verdict, name, why in verdicts:
            expect(verdict != "refused", name, why)
            expect(verdict == "accepted" or name.split("/")[0] in NOWHERE, name, why)
        wrong = {item["kind"]: list(broken(item)) for item in items}
        others = [(kind, what, other) for kind, pairs in wrong.items() for what, other in pairs]
        names = [f"broken-{i}" for i in range(len(others))]
        for name, (_, _, other) in zip(names, others):
            other["metadata"]["name"] = name
        refused = {name.split("/")[1] for verdict, name, _ in judge_by_schemas([other for *_, other in others]) if verdict == "refused"}
        taken = [(kind, what) for name, (kind, what, _) in zip(names, others) if name not in refused]
        expect(not taken, "taken:", taken)
        unknown = sorted({name for verdict, name, _ in verdicts if verdict == "unknown"})
        return f"{len(items) - len(unknown)} objects; {len(others)} broken ones refused; not judged: {', '.join(unknown)}"

    return [kubectl, schemas]
