"""What a real Prometheus makes of the PodMonitor's relabelling, and of the scrape settings that the README shows."""
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

import yaml
from chart import CHART, OPERATOR, Skipped, container_of, expect, objects, only, pod_of

PORT = 19862
POD = {"__meta_kubernetes_pod_node_name": "node-1"}
POD_ZONE = {"__meta_kubernetes_pod_label_topology_kubernetes_io_zone": "pod-zone"}
NODE_ZONE = {"__meta_kubernetes_node_label_topology_kubernetes_io_zone": "node-zone"}


def snake(tree):
    """Keys as Prometheus writes them: the operator turns sourceLabels into source_labels."""
    if isinstance(tree, dict):
        return {re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), key): snake(value) for key, value in tree.items()}
    return [snake(value) for value in tree] if isinstance(tree, list) else tree


def labels_of_targets(relabel, targets, kept=None):
    """Labels that Prometheus gives to targets (or to so many that it keeps), in their order. Nothing listens there."""
    with tempfile.TemporaryDirectory(prefix="kc-chart-") as folder:
        found = [{"targets": [f"127.0.0.1:{i + 1}"], "labels": labels} for i, labels in enumerate(targets)]
        with open(f"{folder}/targets.json", "w") as file:
            json.dump(found, file)
        job = {"job_name": "podMonitor/monitoring/canary/0", "relabel_configs": relabel, "scrape_interval": "1h",
               "file_sd_configs": [{"files": [f"{folder}/targets.json"]}]}
        with open(f"{folder}/prometheus.yml", "w") as file:
            yaml.safe_dump({"scrape_configs": [job]}, file)
        with open(f"{folder}/log", "w") as log:
            process = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                        f"--web.listen-address=127.0.0.1:{PORT}"], stdout=log, stderr=log)
        try:
            for _ in range(100):
                time.sleep(0.1)
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/v1/targets") as answer:
                        active = json.load(answer)["data"]["activeTargets"]
                except OSError:
                    continue
                if len(active) == (kept or len(targets)):
                    active.sort(key=lambda target: target["discoveredLabels"]["__address__"])
                    return [target["labels"] for target in active]
            expect(False, "no targets:", open(f"{folder}/log").read()[-1000:])
        finally:
            process.terminate()
            process.wait(10)


def checks(stub):
    def prometheus_labels():
        """A real Prometheus makes the labels job, node and zone of what the PodMonitor says"""
        if not shutil.which("prometheus"):
            raise Skipped("prometheus is not installed")
        endpoint = only(objects(stub, apis=OPERATOR), "PodMonitor")["spec"]["podMetricsEndpoints"][0]
        targets = [POD, {**POD, **POD_ZONE}, {**POD, **NODE_ZONE}, {**POD, **POD_ZONE, **NODE_ZONE}]
        labels = labels_of_targets(snake(endpoint["relabelings"]), targets)
        expect([each.get("zone") for each in labels] == [None, "pod-zone", "node-zone", "node-zone"], labels)
        expect(all(each["job"] == "kube-canary" and each["node"] == "node-1" for each in labels), labels)
        expect(endpoint["honorLabels"] is True, "kube_canary_node_info has labels of the same names")
        for config, label, zone in (({"node.zone": "one"}, "topology.kubernetes.io/zone", "one"), ({}, "example.com/rack-no", "rack")):
            items = objects(stub, {"config": config, "nodeZone": {"label": label}}, apis=OPERATOR)
            relabel = snake(only(items, "PodMonitor")["spec"]["podMetricsEndpoints"][0]["relabelings"])
            labels = labels_of_targets(relabel, [{**POD, "__meta_kubernetes_node_label_example_com_rack_no": "rack"}])
            expect(labels[0].get("zone") == zone, labels)

    def readme_scrape():
        """The relabelling that the README shows for scraping without the operator does the same"""
        if not shutil.which("prometheus"):
            raise Skipped("prometheus is not installed")
        shown = re.findall(r"```yaml\n(- job_name:.*?)```", open(f"{CHART}/README.md").read(), re.S)
        expect(len(shown) == 1, shown)
        # Debian's Prometheus has no discovery by Kubernetes: its part of the settings is read by nobody here.
        job, = yaml.safe_load(shown[0])
        expect(job.pop("kubernetes_sd_configs") == [{"role": "pod", "attach_metadata": {"node": True}}], "discovery")
        expect(job.pop("job_name") == "kube-canary" and job.pop("honor_labels") is True, job)
        relabel = job.pop("relabel_configs")
        expect(not job, job)
        items = objects(stub)
        name = pod_of(items)["metadata"]["labels"]["app.kubernetes.io/name"]
        ports = [port["name"] for port in container_of(items)["ports"]]
        pod = {**POD, **NODE_ZONE, "__meta_kubernetes_pod_label_app_kubernetes_io_name": name}
        targets = [{**pod, "__meta_kubernetes_pod_container_port_name": port} for port in ports]
        labels = labels_of_targets(relabel, targets, kept=1)
        expect((labels[0]["node"], labels[0]["zone"]) == ("node-1", "node-zone"), labels)

    return [prometheus_labels, readme_scrape]
