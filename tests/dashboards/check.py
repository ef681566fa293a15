#!/usr/bin/env python3
"""Looks through the chart's dashboards: whether they are whole, and what their queries ask for. Knows nothing of a mesh.

check.py whole FILE…           words about what is wrong; status 1 if anything is
check.py names FILE…           metrics that queries and variables name, one a line
check.py queries FILE          panel, refId, "range" or "instant", and query with its variables filled in; tabs between
check.py variables FILE        name, metric selector and label of each variable that is asked for"""
import json
import re
import sys

BUILT_IN = {"row", "stat", "timeseries", "table", "heatmap", "state-timeline"}
UNITS = {"s", "percentunit", "pps", "cps", "none", "bytes", "Bps", "reqps"}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# All, as on a board that was just opened, but that the label must be there; of a variable with one value the first.
FILLED_IN = {"$__rate_interval": "15s", "$zone": ".+", "$peer": ".+"}
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def filled_in(board, text):
    one_node = any(variable["name"] == "node" and not variable["multi"] for variable in board["templating"]["list"])
    for name, value in {**FILLED_IN, "$node": "node-1" if one_node else ".+"}.items():
        text = text.replace(name, value)
    return text


def targets(board):
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel, target


def asked_for(board):
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            yield variable["name"], found[1], found[2]


def wrong(path, board):
    panels = board["panels"]
    names = {variable["name"] for variable in board["templating"]["list"]}
    if board["schemaVersion"] < 36:
        yield "an old schemaVersion"
    if not re.fullmatch(r"kube-canary-[a-z]+", board["uid"]) or board["uid"].split("-")[-1] not in path:
        yield f"uid {board['uid']}"
    if "__inputs" in board or board.get("id"):
        yield "made for import, not for the sidecar"
    if "datasource" not in names:
        yield "no variable for the data source"
    ids = [panel["id"] for panel in panels]
    if len(set(ids)) != len(ids):
        yield "two panels with one id"
    titles = [panel["title"] for panel in panels]
    if len(set(titles)) != len(titles):
        yield "two panels with one title"
    for variable in board["templating"]["list"]:
        if variable["type"] == "query" and variable["datasource"] != DATASOURCE:
            yield f"variable {variable['name']} has another data source"
    taken = {}
    for panel in panels:
        title = panel["title"]
        if panel["type"] not in BUILT_IN:
            yield f"{title}: type {panel['type']}"
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if x >= 24 or taken.setdefault((x, y), title) != title:
                    yield f"{title} lies over {taken.get((x, y))} or the edge"
                    break
        if panel["type"] == "row":
            continue
        if len(panel.get("description", "")) < 10:
            yield f"{title}: no description"
        if panel.get("datasource") != DATASOURCE or not panel["targets"]:
            yield f"{title}: another data source, or nothing asked"
        if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            yield f"{title}: unit {panel['fieldConfig']['defaults'].get('unit')}"
    for panel, target in targets(board):
        title = panel["title"]
        if target.get("datasource") != DATASOURCE:
            yield f"{title} {target['refId']}: another data source"
        if target["instant"] == target["range"] or (panel["type"] == "table") != (target["format"] == "table"):
            yield f"{title} {target['refId']}: neither range nor instant, or no table"
        for name in re.findall(r"\$\{?(\w+)", target["expr"]):
            if name not in names | {"__rate_interval"}:
                yield f"{title} {target['refId']}: no variable ${name}"
        if "rate(" in target["expr"] and "[$__rate_interval]" not in target["expr"]:
            yield f"{title} {target['refId']}: a rate over a fixed time"
    refs = [(panel["id"], target["refId"]) for panel, target in targets(board)]
    if len(set(refs)) != len(refs):
        yield "two queries of a panel with one refId"


def metrics(board):
    """Names before a brace, a bracket or alone, that are no function, label or word of PromQL."""
    queries = [target["expr"] for _, target in targets(board)] + [selector for _, selector, _ in asked_for(board)]
    for query in queries:
        query = re.sub(r'"[^"]*"', '""', query)
        query = re.sub(r"\b(by|on|without|ignoring|group_left)\s*\([^)]*\)", "", query)
        query = re.sub(r"\{[^}]*\}|\[[^]]*\]|offset \w+", " ", query)
        for found in NAME.finditer(query):
            if not query[found.end():].lstrip().startswith("(") and found[0] not in ("or", "and", "unless", "by", "bool"):
                yield found[0]


def main(command, *paths):
    broken = False
    for path in paths:
        board = load(path)
        if command == "whole":
            for words in wrong(path, board):
                broken = True
                print(f"{path.rsplit('/', 1)[-1]}: {words}")
        elif command == "names":
            print("\n".join(sorted(set(metrics(board)))))
        elif command == "queries":
            for panel, target in targets(board):
                kind = "instant" if target["instant"] else "range"
                print(panel["title"], target["refId"], kind, filled_in(board, target["expr"]), sep="\t")
        elif command == "variables":
            for name, selector, label in asked_for(board):
                print(name, filled_in(board, selector), label, sep="\t")
    sys.exit(broken)


main(*sys.argv[1:])
