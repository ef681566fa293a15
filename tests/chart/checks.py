"""Checks of the chart. Each is a function whose first line of words is its name in the output.

Run by tests/chart/run, which fetches the tools. What a check finds it raises; nothing is fixed here.
"""
import filecmp
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import checks_api
import checks_program
import checks_prometheus
import yaml
from chart import (CHART, HERE, OPERATOR, PROGRAM, Failed, Skipped, call, cases, expect, helm, objects, of_kind, only, pod_of, container_of,
                   render, stub_chart)
import values_table

WRITE = os.environ.get("GOLDEN_WRITE") == "1"
stub = stub_chart()


def tools():
    """Where the tools cannot be fetched that is a skip with the reason, neither a failure nor a success"""
    with tempfile.TemporaryDirectory(prefix="kc-chart-") as folder:
        os.symlink(PROGRAM, f"{folder}/kube-canary")
        # Nobody listens there.
        nowhere = {**os.environ, "npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0",
                   "npm_config_cache": f"{folder}/cache", "BUILD": folder}
        # By a name that no check has: should the tools be there after all, this check does not run itself again.
        status, out, _ = call(f"{HERE}/run", "nothing", env=nowhere)
        expect(status == 0 and re.search(r"^SKIP chart: npm cannot fetch .*\S", out, re.M), status, out)
        expect(out.endswith("e2e: 0 passed, 0 failed, 1 skipped\n"), out)


def lint():
    """helm lint --strict, with each set of values"""
    for _, path in cases():
        status, out, error = helm("lint", "--strict", CHART, "--values", path)
        expect(status == 0 and "0 chart(s) failed" in out + error, path, out, error)


def golden():
    """helm template makes the golden renderings"""
    wanted = {name: ((), [path]) for name, path in cases()} | {"operator": (OPERATOR, [])}
    for name, (apis, files) in wanted.items():
        text = render(stub, apis=apis, files=files)
        path = f"{HERE}/golden/{name}.yaml"
        if WRITE:
            open(path, "w").write(text)
        expect(os.path.exists(path), path, "does not exist: GOLDEN_WRITE=1 tests/chart/run")
        if open(path).read() != text:
            difference = subprocess.run(["diff", "-u", path, "-"], input=text, capture_output=True, text=True)
            raise Failed(f"{path} differs:\n{difference.stdout[:2000]}")
    have = {os.path.basename(path) for path in glob.glob(f"{HERE}/golden/*.yaml")}
    expect(have == {f"{name}.yaml" for name in wanted}, "golden renderings of nothing:", have)


def package():
    """helm package: what is in it, its version, and that it renders as the folder does"""
    with tempfile.TemporaryDirectory(prefix="kc-chart-") as folder:
        return packaged(folder)


def packaged(folder):
    status, _, error = helm("package", CHART, "--destination", folder)
    expect(status == 0, error)
    archive, = glob.glob(f"{folder}/*.tgz")
    version = re.search(r"^VERSION\s*:?=\s*(\S+)", open("Makefile").read(), re.M)[1]
    described = yaml.safe_load(open(f"{CHART}/Chart.yaml"))
    expect(described["version"] == described["appVersion"] == version, "the Makefile says version", version)
    expect(os.path.basename(archive) == f"kube-canary-{version}.tgz", archive)
    shutil.unpack_archive(archive, folder)
    for name in ("README.md", "values.yaml", "values.schema.json", "templates/NOTES.txt", "templates/daemonset.yaml"):
        expect(filecmp.cmp(f"{CHART}/{name}", f"{folder}/kube-canary/{name}", shallow=False), name, "is not in it")
    expect(render(archive, apis=OPERATOR) == render(CHART, apis=OPERATOR), "the package renders otherwise")
    # Helm keeps a release, chart and manifests, compressed in one Secret of at most 1 MiB.
    expect(os.path.getsize(archive) < 300_000, os.path.getsize(archive), "octets are too many for a release")
    return os.path.basename(archive)


def wrong_values():
    """Wrong values are refused, and the message says which and what was expected"""
    paths = sorted(glob.glob(f"{HERE}/wrong/*.yaml"))
    expect(len(paths) >= 10, "only", len(paths))
    for path in paths:
        said = open(path).readline().removeprefix("# refused: ").strip()
        status, _, error = helm("template", "canary", CHART, "--values", path)
        expect(status != 0, path, "is taken")
        expect(re.search(said, error.replace("\n", " ")), path, "wants", said, "got", error)
    return f"{len(paths)} kinds"


def documented():
    """README.md describes every value, as values.yaml does; the schema knows no others (lint: nor fewer)"""
    if WRITE:
        values_table.write()
    expect(not values_table.undescribed(), "no words for", values_table.undescribed())
    expect(values_table.split_readme()[1] == values_table.table(), "the table is not that of values.yaml")
    known = set()

    def walk(schema, path=()):
        for name, below in schema.get("properties", {}).items():
            known.add(".".join((*path, name)))
            if below.get("additionalProperties") is False:
                walk(below, (*path, name))
    walk(json.load(open(f"{CHART}/values.schema.json")))
    described = set(values_table.described())
    for path in sorted(known - {"global", "enabled", "tags"}):
        expect(path in described or any(name.startswith(f"{path}.") for name in described)
               or path.startswith(("config.", "updateStrategy.")), path, "is in the schema but not in values.yaml")


def switches():
    """PodMonitor and PrometheusRule: auto goes by the cluster's kinds, true and false by nothing"""
    monitor, rule = OPERATOR[1], OPERATOR[2]
    for apis, found in (((), (0, 0)), (OPERATOR, (1, 1)), (OPERATOR[:1], (1, 1)), (OPERATOR[:2], (1, 0)), ((OPERATOR[0], rule), (0, 1)),
                        (("monitoring.coreos.com/v1alpha1",), (0, 0))):
        items = objects(stub, apis=apis)
        expect((len(of_kind(items, "PodMonitor")), len(of_kind(items, "PrometheusRule"))) == found, "with", apis)
    for forced in (True, False):
        items = objects(stub, {"podMonitor": {"enabled": forced}, "prometheusRule": {"enabled": forced}},
                        apis=() if forced else OPERATOR)
        expect(len(of_kind(items, "PodMonitor")) == len(of_kind(items, "PrometheusRule")) == int(forced), forced)
    expect(monitor.endswith("PodMonitor"), monitor)
    expect(not of_kind(objects(stub, apis=["security.openshift.io/v1"]), "SecurityContextConstraints"), "SCC unasked")


def rules_of(chart, **values):
    items = objects(chart, {"prometheusRule": {"enabled": True, **values.pop("prometheusRule", {})}, **values})
    return only(items, "PrometheusRule")["spec"]["groups"]


def rules():
    """PrometheusRule holds the rule files as they are; variants, left out alerts, added labels"""
    for chart in (stub, CHART):
        for native, variant in ((False, "classic"), (True, "native")):
            want = []
            for name in (f"recording.{variant}", "alerts"):
                path = f"{chart}/files/rules/{name}.yaml"
                if not os.path.exists(path) and chart == CHART:
                    raise Skipped(f"{path} is not written yet")
                want += yaml.safe_load(open(path))["groups"]
            expect(rules_of(chart, nativeHistograms=native) == want, chart, variant, "differs from the files")
            jobs = set(re.findall(r"job=~?\\?\"([^\"\\]*)", json.dumps(want)))
            expect(jobs <= {"kube-canary"}, "the PodMonitor makes no job", jobs)
    groups = rules_of(stub, prometheusRule={"disabled": ["KubeCanaryUnstamped", "KubeCanaryDown"],
                                            "additionalRuleLabels": {"team": "x", "severity": "info"}})
    expect([group["name"] for group in groups] == ["kube-canary.recording", "kube-canary.alerts"], "an empty group stays")
    expect([rule["alert"] for rule in groups[1]["rules"]] == ["KubeCanaryPairLoss"], "not left out")
    expect(groups[1]["rules"][0]["labels"] == {"team": "x", "severity": "info"}, groups[1]["rules"][0])
    expect("labels" not in groups[0]["rules"][0], "recording rules have labels too")


def openshift():
    """The SecurityContextConstraints allow what the pod asks for, and no more of it"""
    for values in ({}, {"securityContext": {"profile": "capabilities"}}, {"hostNetwork": False, "serviceAccount": {"name": "other"}},
                   {"config": {"bpf.pin-path": "/sys/fs/bpf/canary", "bpf.hook": "xdp"}, "securityContext": {"profile": "capabilities"}},
                   {"securityContext": {"profile": "capabilities", "seccompProfile": {"type": "Localhost", "localhostProfile": "a/b.json"},
                                        "seLinuxOptions": {"type": "spc_t"}}}):
        items = objects(stub, {**values, "openshift": {"scc": {"create": True}}})
        allowed, pod, security = only(items, "SecurityContextConstraints"), pod_of(items)["spec"], container_of(items)["securityContext"]
        expect(allowed["users"] == [f"system:serviceaccount:monitoring:{pod['serviceAccountName']}"], allowed["users"])
        expect(allowed["groups"] == [] and not allowed["allowHostIPC"] and not allowed["allowHostPID"], "others too")
        privileged = security.get("privileged", False)
        expect(allowed["allowPrivilegedContainer"] is allowed["allowPrivilegeEscalation"] is privileged, "privileged")
        expect(allowed["allowHostNetwork"] is allowed["allowHostPorts"] is pod["hostNetwork"], "host's network")
        added = set(security.get("capabilities", {}).get("add", []))
        expect(added == set(allowed["allowedCapabilities"]), allowed["allowedCapabilities"])
        profile = security.get("seccompProfile", {})
        names = {"RuntimeDefault": ["runtime/default"], "Localhost": ["localhost/a/b.json"], None: []}
        expect(allowed.get("seccompProfiles", []) == names[profile.get("type")], "seccomp", allowed.get("seccompProfiles"))
        any_context = privileged or "seLinuxOptions" in security
        expect(allowed["seLinuxContext"] == {"type": "RunAsAny" if any_context else "MustRunAs"}, allowed["seLinuxContext"])
        host = any("hostPath" in volume for volume in pod.get("volumes", []))
        expect(allowed["allowHostDirVolumePlugin"] is host is ("hostPath" in allowed["volumes"]), "volumes", allowed["volumes"])
        expect(allowed["readOnlyRootFilesystem"] is True, "root file system")


def pins():
    """Of the node's /sys/fs/bpf the pod gets the folder of its own pins alone, and is told where it sees it"""
    items = objects(stub, {"config": {"bpf.pin-path": "/sys/fs/bpf/canary"}})
    volumes, container = pod_of(items)["spec"]["volumes"], container_of(items)
    expect([volume["hostPath"] for volume in volumes] == [{"path": "/sys/fs/bpf/canary", "type": "DirectoryOrCreate"}], volumes)
    (mount,) = container["volumeMounts"]
    expect(f"--bpf.pin-path={mount['mountPath']}" in container["args"], container["args"], mount)
    expect(not mount["mountPath"].startswith("/sys/"), "no runtime makes a folder in sysfs")


def dashboards():
    """Dashboards come as they are, each in a ConfigMap that the sidecar finds and that is small enough"""
    for chart in (stub, CHART):
        items = [item for item in objects(chart) if "grafana_dashboard" in item["metadata"]["labels"]]
        files = glob.glob(f"{chart}/files/dashboards/*.json")
        expect(len(items) == len(files), len(items), "ConfigMaps of", len(files), "dashboards")
        texts = {text.rstrip("\n") for item in items for text in item["data"].values()}
        expect(texts == {open(path).read().rstrip("\n") for path in files}, "a text differs")
        expect(all(len(json.dumps(item)) < 900_000 for item in items), "too large for a ConfigMap")
        expect(all(item["metadata"]["labels"]["grafana_dashboard"] == "1" for item in items), "label")


def names_and_labels():
    """Names are valid and no longer than 63, selectors meet the own pods only, labels are those of the guidelines"""
    cut = "a" * 50 + "--b"
    for release, values in (("canary", {}), ("kube-canary", {}), ("a" * 53, {}), ("kube-canary-" + "b" * 41, {}), ("team.canary", {}),
                            ("1canary", {}), ("9" * 53, {}), (cut, {}), ("canary", {"fullnameOverride": "0.canary"}),
                            ("canary", {"nameOverride": "a.b"}), ("canary", {"fullnameOverride": "a" * 49 + "--b"})):
        items = objects(stub, values, apis=OPERATOR, release=release)
        for item in items:
            name = item["metadata"]["name"]
            # The strictest form, that of Services.
            expect(re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name) and len(name) <= 63, name)
            labels = item["metadata"]["labels"]
            for label in ("name", "instance", "version", "managed-by", "component", "part-of"):
                expect(f"app.kubernetes.io/{label}" in labels, item["kind"], "has no", label)
            expect("helm.sh/chart" in labels, item["kind"])
            expect(all(len(value) <= 63 for value in labels.values()), labels)
        mine = pod_of(items)["metadata"]["labels"]
        other = pod_of(objects(stub, {**values, "podLabels": {"app.kubernetes.io/instance": release}}, release="other"))["metadata"]["labels"]
        selectors = [item["spec"]["selector"] for item in of_kind(items, "Service")]
        selectors += [item["spec"]["selector"]["matchLabels"] for item in items if item["kind"] in ("DaemonSet", "PodMonitor")]
        expect(len(selectors) == 4, selectors)
        for selector in selectors:
            expect(selector.items() <= mine.items(), selector, "misses the pods")
            expect(not selector.items() <= other.items(), selector, "meets another release's pods")
            expect(not any(label in selector for label in ("helm.sh/chart", "app.kubernetes.io/version")), selector)


def null_and_above():
    """null in place of a map renders; as a chart below another it goes by a condition, and takes global and tags"""
    for name in ("livenessProbe", "readinessProbe", "startupProbe", "config", "nodeZone"):
        container = container_of(objects(stub, {name: None}, apis=OPERATOR))
        expect(container["livenessProbe"]["httpGet"]["path"] == "/-/healthy", name, container)
    with tempfile.TemporaryDirectory(prefix="kc-chart-") as folder:
        shutil.copytree(stub, f"{folder}/charts/kube-canary")
        with open(f"{folder}/Chart.yaml", "w") as file:
            yaml.safe_dump({"apiVersion": "v2", "name": "above", "version": "1.0.0", "dependencies": [
                {"name": "kube-canary", "version": "*", "condition": "kube-canary.enabled"}]}, file)
        for enabled in (True, False):
            items = objects(folder, {"global": {"x": 1}, "tags": {"y": True}, "kube-canary": {"enabled": enabled, "tags": {}}})
            expect(len(of_kind(items, "DaemonSet")) == int(enabled), "enabled:", enabled)


def promises():
    """The pod: network, DNS, privileges, probes, update; discovery finds those that are not ready"""
    for profile in ("privileged", "capabilities"):
        items = objects(stub, {"securityContext": {"profile": profile}})
        pod, security = pod_of(items)["spec"], container_of(items)["securityContext"]
        expect(pod["hostNetwork"] is True and pod["dnsPolicy"] == "ClusterFirstWithHostNet", "network")
        expect(pod["tolerations"] == [{"operator": "Exists"}], "tolerations")
        expect(pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False, "token, links")
        expect("hostPID" not in pod and "volumes" not in pod and "priorityClassName" not in pod, "more than needed")
        expect(security["readOnlyRootFilesystem"] is True, "root file system")
        if profile == "privileged":
            expect(security["privileged"] is True and "capabilities" not in security, security)
            continue
        expect(security["privileged"] is False and security["allowPrivilegeEscalation"] is False, security)
        for config in ({"timestamps": "bpf"}, {"stamp.port": 8620}):
            narrower = container_of(objects(stub, {"securityContext": {"profile": profile}, "config": config}))
            expect("NET_BIND_SERVICE" not in narrower["securityContext"]["capabilities"]["add"], config)
        expect(security["capabilities"] == {"drop": ["ALL"], "add": ["BPF", "NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW", "SETGID", "SETUID"]}, security)
        expect(security["seccompProfile"] == {"type": "RuntimeDefault"}, security)
    discovery = [item["spec"] for item in of_kind(items, "Service") if item["spec"].get("clusterIP") == "None"]
    expect(len(discovery) == 1 and discovery[0]["publishNotReadyAddresses"] is True, discovery)
    expect(discovery[0]["ipFamilyPolicy"] == "PreferDualStack", discovery)
    strategy = only(items, "DaemonSet")["spec"]["updateStrategy"]
    expect(strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}}, strategy)


def notes():
    """NOTES.txt says what to open, what to label, where the page is, and what was turned on or off and why"""
    def say(values, *apis):
        arguments = [word for api in apis for word in ("--api-versions", api)]
        status, out, error = helm("install", "canary", stub, "--dry-run=client", "--namespace", "monitoring", *arguments,
                                  "--values", "-", text=yaml.safe_dump(values))
        expect(status == 0 and "NOTES:" in out, error)
        return out.split("NOTES:")[1]
    text = say({"config": {"stamp.port": 8620, "web.listen-address": ":9862"}})
    for words in ("UDP port 8620 between all nodes", "pod-security.kubernetes.io/enforce=privileged", "10862:9862",
                  "canary-kube-canary-peers.monitoring.svc.cluster.local.", "rollout status daemonset/canary-kube-canary",
                  "no PodMonitor: the cluster does not know the kind", "set image.registry"):
        expect(words in text, "no word of:", words, text)
    text = say({"podMonitor": {"enabled": True}, "prometheusRule": {"enabled": False}, "discovery": {"enabled": False},
                "image": {"registry": "r"}, "securityContext": {"profile": "capabilities"}, "hostNetwork": False})
    for words in ("PodMonitor made", "no PrometheusRule, as prometheusRule.enabled is false", "discovery is off", "between all pods",
                  "older than CAP_BPF"):
        expect(words in text, "no word of:", words, text)
    expect("image.registry" not in text, "speaks of what is set")


CHECKS = [tools, lint, golden, package, wrong_values, documented, switches, rules, openshift, pins, dashboards, names_and_labels, null_and_above, promises, notes,
          *checks_api.checks(stub), *checks_program.checks(stub), *checks_prometheus.checks(stub)]


def main(prefixes):
    counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    for check in CHECKS:
        name = check.__name__.replace("_", "-")
        if prefixes and not any(name.startswith(prefix) for prefix in prefixes):
            continue
        what, words = "PASS", ""
        try:
            words = check() or ""
        except Skipped as reason:
            what, words = "SKIP", str(reason)
        except Exception as reason: # pylint: disable=broad-except
            what, words = "FAIL", f"{'' if isinstance(reason, Failed) else type(reason).__name__ + ': '}{reason}"
        counts[what] += 1
        print(f"{what} chart-{name}: {check.__doc__.splitlines()[0]}{': ' if words else ''}{words}", flush=True)
    print(f"e2e: {counts['PASS']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped")
    # None at all is no success.
    return 0 if counts["FAIL"] == 0 and sum(counts.values()) > 0 else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    finally:
        shutil.rmtree(os.path.dirname(stub))
