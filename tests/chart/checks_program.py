"""Whether the program takes what the chart starts it with: command line, environment, options, ports, privileges."""
import json
import os
import re
import subprocess

import yaml
from chart import (CHART, HERE, PROGRAM, Skipped, cases, command_of, container_of, environment_of, expect, objects, of_kind, only,
                   options_of_help, start)

# A value of each option, other than its default, that the program takes on its own.
SAMPLES = {
    "node.name": "$(KUBE_CANARY_NODE_NAME).cluster-a", "node.zone": "zone-1", "peers.static": ["a=198.18.0.1", "2001:db8::1"],
    "peers.file": "/etc/lists/peers", "peers.dns": ["a.example.com.", "b.example.com"], "peers.family": "ipv6",
    "peers.zone": ["a=10.0.0.0/8", "b=2001:db8::/32"], "peers.linger": "0s", "peers.max": 65535, "probe.interval": "1m30s",
    "probe.timeout": "250ms", "probe.protocol": "icmp", "probe.flows": 1, "probe.dscp": 63, "probe.size": 9168, "probe.max": 5120,
    "stamp.port": 65535, "reflector": False, "mesh.full-below": 0, "mesh.degree": 0, "bpf.hook": "clsact",
    "bpf.interfaces": "eth0,bond0.1", "bpf.pin-path": "/sys/fs/bpf/kube-canary", "web.listen-address": ["127.0.0.1:1", "[::1]:65535"],
    "metrics.per-peer": "worst:7", "log.level": "debug", "log.format": "json", "seccomp": False, "timestamps": "socket",
}


def configured(name, value):
    values = {"config": {name: value}}
    if name == "peers.file":
        values["extraVolumes"] = [{"name": "lists", "hostPath": {"path": "/etc/kube-canary"}}]
        values["extraVolumeMounts"] = [{"name": "lists", "mountPath": os.path.dirname(value)}]
    return values


def text_of(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def schema_of(name):
    schema = json.load(open(f"{CHART}/values.schema.json"))
    below = schema["properties"]["config"]["properties"][name]
    return schema["definitions"][below["$ref"].split("/")[-1]] if "$ref" in below else below


def checks(stub):
    def program_starts():
        """The program accepts the command line and environment of each set of values (--check-config)"""
        for _, path in cases():
            for labels in ({}, {"topology.kubernetes.io/zone": "zone-1"}):
                items = objects(stub, files=[path])
                status, words = start(items, "--check-config", node_labels=labels)
                expect(status == 0 and "configuration OK" in words, path, status, words)
        items = objects(stub)
        expect(environment_of(items) == {"KUBE_CANARY_NODE_NAME": "node-1", "KUBE_CANARY_NODE_ZONE": ""}, "environment")
        expect(environment_of(items, {"topology.kubernetes.io/zone": "z"})["KUBE_CANARY_NODE_ZONE"] == "z", "zone")
        expect("command" not in container_of(items) and 'ENTRYPOINT ["/kube-canary"]' in open("Dockerfile").read(), "entry point")
        status, words = start(objects(stub, {"extraArgs": ["--probe.interval=never"]}), "--check-config")
        expect(status == 2 and "probe.interval" in words, "what is wrong is accepted:", words)

    def program_options():
        """Each option of --help can be set, and the program takes what the chart makes of it"""
        options = options_of_help()
        expect(set(options) == set(SAMPLES), "no sample for", set(options) ^ set(SAMPLES))
        for name in options:
            items = objects(stub, configured(name, SAMPLES[name]))
            arguments = command_of(items, environment_of(items))
            values = SAMPLES[name] if isinstance(SAMPLES[name], list) else [SAMPLES[name]]
            for value in values:
                if name == "bpf.pin-path":
                    value = "/run/kube-canary/pins"  # where the pod sees that folder
                wanted = f"--{name}={text_of(value)}".replace("$(KUBE_CANARY_NODE_NAME)", "node-1")
                expect(arguments.count(wanted) == 1, wanted, "is not among", arguments)
            status, words = start(items, "--check-config")
            expect(status == 0, name, words)
        return f"{len(options)} options"

    def program_schema():
        """The schema has the options of --help and their choices and bounds, and no others"""
        known = json.load(open(f"{CHART}/values.schema.json"))["properties"]["config"]["properties"]
        options = options_of_help()
        expect(set(known) == set(options), set(known) ^ set(options))
        for name, (form, rest) in options.items():
            schema = schema_of(name)
            bounds = re.search(r"\(default [^,)]+, (\d+) to (\d+)\)", rest)
            if form == "N":
                expect((schema["minimum"], schema["maximum"]) == tuple(map(int, bounds.groups())), name, schema, rest)
            elif form == "DURATION":
                expect(re.fullmatch(schema["pattern"], "1h2m3s4ms5us6ns"), name)
            elif form == "true|false":
                expect(schema["type"] == "boolean", name)
            elif re.fullmatch(r"[a-z0-9]+(\|[a-z0-9]+)+", form):
                expect(schema["enum"] == form.split("|"), name, schema, form)
            repeatable = "repeatable" in rest
            expect((schema.get("type") == ["string", "array"]) == repeatable, name, "list:", repeatable)

    def program_ports():
        """Ports of container, Services and probes follow the options; the kubelet asks paths that the program has"""
        for values, metrics, probes, host in (
                ({}, 10862, 862, None), ({"web.listen-address": ":9000", "stamp.port": 4000}, 9000, 4000, None),
                ({"web.listen-address": ["127.0.0.1:9001"]}, 9001, 862, "127.0.0.1"),
                ({"web.listen-address": ["[::1]:9002", ":9003"]}, 9002, 862, "::1"),
                ({"web.listen-address": ["0.0.0.0:9004"]}, 9004, 862, None)):
            items = objects(stub, {"config": values})
            container = container_of(items)
            ports = {port["name"]: (port["containerPort"], port["protocol"]) for port in container["ports"]}
            expect(ports == {"metrics": (metrics, "TCP"), "probes": (probes, "UDP")}, ports)
            for probe, path in (("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")):
                get = container[probe]["httpGet"]
                expect(get["path"] == path and get["port"] == "metrics" and get.get("host") == host, probe, get)
                expect(path.encode() in open(PROGRAM, "rb").read(), "the program does not have", path)
            udp = [item["spec"]["ports"][0] for item in of_kind(items, "Service") if item["spec"].get("clusterIP")]
            expect(udp == [{"name": "probes", "port": probes, "targetPort": "probes", "protocol": "UDP"}], udp)
        items = objects(stub, apis=["monitoring.coreos.com/v1"])
        expect(only(items, "PodMonitor")["spec"]["podMetricsEndpoints"][0]["port"] == "metrics", "PodMonitor")

    def program_privileges():
        """With just the capabilities profile's privileges, a read-only root and its probes the pod becomes ready"""
        if os.geteuid() != 0:
            raise Skipped("needs root")
        return "; ".join(f"{timestamps}: {in_a_pod(timestamps)}" for timestamps in ("bpf", "auto", "socket"))

    def in_a_pod(timestamps):
        items = objects(stub, {"securityContext": {"profile": "capabilities"}, "config": {"timestamps": timestamps},
                               "extraArgs": ["--peers.static=peer=198.18.77.2"]})
        container = container_of(items)
        capabilities = ",".join(f"+{name.lower()}" for name in container["securityContext"]["capabilities"]["add"])
        variables = environment_of(items)
        command = ["setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set=-all,{capabilities}", "env", "-i",
                   *(f"{name}={value}" for name, value in variables.items()), PROGRAM, *command_of(items, variables)]
        paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("liveness", "readiness")}
        port = container["ports"][0]["containerPort"]
        done = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", f"{HERE}/pod", str(port),
                               paths["liveness"], paths["readiness"], *command], capture_output=True, text=True, timeout=60)
        expect(done.returncode == 0, timestamps, done.stdout[-1500:], done.stderr[-1500:])
        return done.stdout.strip().splitlines()[-1]

    return [program_starts, program_options, program_schema, program_ports, program_privileges]
