"""The table of values in the chart's README, made of the comments in values.yaml that begin with "# --"."""
import json
import re

from chart import CHART, Failed, expect
import yaml

BEGIN, END = "<!-- values -->\n", "<!-- end of values -->"


def described():
    """Path of keys to description, in the order of the file."""
    found, keys, comment = {}, [], None
    for number, line in enumerate(open(f"{CHART}/values.yaml"), 1):
        begun = re.match(r" *# -- (.*)", line)
        more = re.match(r" *# (.*)", line)
        key = re.match(r"( *)([A-Za-z]\w*):", line)
        if begun:
            comment = begun[1]
        elif more:
            comment = comment and f"{comment} {more[1]}"
        elif key:
            keys = keys[: len(key[1]) // 2] + [key[2]]
            if comment:
                found[".".join(keys)] = comment
            comment = None
    expect(found, "no value is described")
    return found


def leaves(tree, path=()):
    """Paths of all values; a described tree is one value, whatever is in it."""
    for key, value in tree.items():
        yield ".".join((*path, key)), value
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))


def table():
    values = dict(leaves(yaml.safe_load(open(f"{CHART}/values.yaml"))))
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for path, meaning in described().items():
        default = json.dumps(values[path], separators=(", ", ": "))
        cell = f"`{default}`" if len(default) <= 60 else "see values.yaml"
        rows.append(f"| `{path}` | {cell} | {meaning.replace('|', chr(92) + '|')}. |")
    return "\n".join(rows) + "\n"


def undescribed():
    """Values without a word, neither of their own nor of a tree that they are in."""
    known = described()
    values = dict(leaves(yaml.safe_load(open(f"{CHART}/values.yaml"))))
    return [path for path, value in values.items()
            if not any(path == name or path.startswith(f"{name}.") for name in known)
            and not any(name.startswith(f"{path}.") for name in known)]


def split_readme():
    text = open(f"{CHART}/README.md").read()
    if BEGIN not in text or END not in text:
        raise Failed("README.md has no place for the table")
    head, rest = text.split(BEGIN)
    return head, rest.split(END)[0], rest.split(END)[1]


def write():
    head, _, tail = split_readme()
    with open(f"{CHART}/README.md", "w") as readme:
        readme.write(head + BEGIN + table() + END + tail)
