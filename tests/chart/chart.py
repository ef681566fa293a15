"""The chart as the checks see it: rendered by the real helm, its objects, its pod, and the program as that pod starts it.

Knows where things are and how helm, kubectl and the program are called; must not judge.
"""
import functools
import os
import re
import shutil
import subprocess
import tempfile

import yaml

CHART = "charts/kube-canary"
HERE = "tests/chart"
TOOLS = os.path.abspath(os.environ["TOOLS"])
PROGRAM = os.path.abspath(os.environ["PROGRAM"])
OPERATOR = ("monitoring.coreos.com/v1", "monitoring.coreos.com/v1/PodMonitor", "monitoring.coreos.com/v1/PrometheusRule")
NODE = {"spec.nodeName": "node-1"}


class Failed(Exception):
    """What a check found."""


class Skipped(Exception):
    """Why a check cannot be made here."""


def expect(truth, *words):
    if not truth:
        raise Failed(" ".join(str(word) for word in words))


def call(*command, text=None, env=None):
    """Exit status and all that a command said."""
    done = subprocess.run(command, input=text, env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def helm(*arguments, text=None):
    return call(f"{TOOLS}/helm", *arguments, text=text)


def stub_chart():
    """A copy of the chart with rules and a dashboard of the tests' own in place of the chart's."""
    copy = os.path.join(tempfile.mkdtemp(prefix="kc-chart-"), "kube-canary")
    shutil.copytree(CHART, copy)
    shutil.rmtree(f"{copy}/files", ignore_errors=True)
    shutil.copytree(f"{HERE}/files", f"{copy}/files")
    return copy


@functools.cache
def template(arguments, values):
    status, text, error = helm("template", *arguments, "--values", "-", text=values)
    expect(status == 0, "helm template:", error.strip())
    return text


def render(chart, values=None, apis=(), release="canary", files=()):
    """The text that helm makes of the chart. Values: a tree; files: paths."""
    arguments = [release, chart, "--namespace", "monitoring"]
    for path in files:
        arguments += ["--values", path]
    for api in apis:
        arguments += ["--api-versions", api]
    return template(tuple(arguments), yaml.safe_dump(values or {}))


class UniqueLoader(yaml.CSafeLoader):
    """Refuses a key that stands twice, as the API server does."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        expect(len(keys) == len(set(keys)), "a key stands twice:", sorted(keys), node.start_mark)
        return super().construct_mapping(node, deep)


def objects(*arguments, **keywords):
    return [item for item in yaml.load_all(render(*arguments, **keywords), UniqueLoader) if item]


def of_kind(items, kind):
    return [item for item in items if item["kind"] == kind]


def only(items, kind):
    found = of_kind(items, kind)
    expect(len(found) == 1, len(found), "objects of kind", kind)
    return found[0]


def cases():
    """Name and path of the sets of values that all is tried with."""
    for name in sorted(os.listdir(f"{HERE}/values")):
        yield name.removesuffix(".yaml"), f"{HERE}/values/{name}"


def pod_of(items):
    return only(items, "DaemonSet")["spec"]["template"]


def container_of(items):
    containers = pod_of(items)["spec"]["containers"]
    return next(item for item in containers if item["name"] == "kube-canary")


def environment_of(items, node_labels=None):
    """Variables as the kubelet sets them on a node; labels: those that the cluster adds to the pod."""
    pod = pod_of(items)
    labels = {**pod["metadata"]["labels"], **(node_labels or {})}
    variables = {}
    for entry in container_of(items).get("env", []):
        if "value" in entry:
            variables[entry["name"]] = entry["value"]
            continue
        path = entry["valueFrom"]["fieldRef"]["fieldPath"]
        label = re.fullmatch(r"metadata\.labels\['(.*)'\]", path)
        variables[entry["name"]] = labels.get(label[1], "") if label else NODE[path]
    return variables


def command_of(items, variables):
    """Arguments with $(VARIABLE) replaced, as the kubelet does."""
    return [re.sub(r"\$\((\w+)\)", lambda name: variables.get(name[1], name[0]), text)
            for text in container_of(items).get("args", [])]


def mounted(items, folder):
    """Lays out in a folder what the pod mounts. A path of the host stands for a list of peers."""
    volumes = {volume["name"]: volume for volume in pod_of(items)["spec"].get("volumes", [])}
    maps = {item["metadata"]["name"]: item.get("data", {}) for item in of_kind(items, "ConfigMap")}
    for mount in container_of(items).get("volumeMounts", []):
        volume = volumes[mount["name"]]
        files = maps[volume["configMap"]["name"]] if "configMap" in volume else {"peers": "198.18.0.1 a\n"}
        os.makedirs(folder + mount["mountPath"])
        for name, text in files.items():
            with open(f"{folder}{mount['mountPath']}/{name}", "w") as file:
                file.write(text)


def start(items, *more, node_labels=None):
    """Starts the program as the pod would, with more arguments: exit status and words."""
    variables = environment_of(items, node_labels)
    with tempfile.TemporaryDirectory(prefix="kc-chart-") as folder:
        mounted(items, folder)
        command = [text.replace("--peers.file=", f"--peers.file={folder}") for text in command_of(items, variables)]
        status, out, error = call(PROGRAM, *command, *more, env=variables)
    return status, out + error


def options_of_help():
    """Of `--help`: name to (form, explanation), without what takes no value."""
    status, text, _ = call(PROGRAM, "--help", env={})
    expect(status == 0, "--help")
    return {name: (form, rest) for name, form, rest in re.findall(r"^  --([a-z.-]+)=(\S+) +(.*)$", text, re.M)}
