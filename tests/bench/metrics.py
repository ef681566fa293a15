"""Reads what exporters tell: the text format of Prometheus, and quantiles of its histograms.

Knows nothing of who told it.
"""
import math


def parse_labels(text):
    labels, i = {}, 0
    while i < len(text):
        equals = text.index("=", i)
        name, i, value = text[i:equals].strip(" ,"), equals + 2, []
        while text[i] != '"':
            if text[i] == "\\":
                i += 1
                value.append({"n": "\n"}.get(text[i], text[i]))
            else:
                value.append(text[i])
            i += 1
        labels[name] = "".join(value)
        i += 1
        while i < len(text) and text[i] in " ,":
            i += 1
    return labels


def parse(text):
    """[(name, labels, value)] of all samples; text or OpenMetrics."""
    samples = []
    for line in text.splitlines():
        if not line or line[0] == "#":
            continue
        line = line.split(" # ")[0]  # an exemplar
        brace = line.find("{")
        if brace < 0:
            name, value = line.split()[:2]
            samples.append((name, {}, float(value)))
        else:
            end = line.rindex("}")
            samples.append((line[:brace], parse_labels(line[brace + 1:end]), float(line[end + 1:].split()[0])))
    return samples


def total(samples, name, **labels):
    """Sum over all series of that name that have these labels; 0 if there is none."""
    return sum(value for one, has, value in samples
               if one == name and all(has.get(key) == wanted for key, wanted in labels.items()))


def buckets(samples, name, **labels):
    """{upper bound: cumulative count} of the histogram, over all series that have these labels."""
    result = {}
    for one, has, value in samples:
        if one == name + "_bucket" and all(has.get(key) == wanted for key, wanted in labels.items()):
            bound = float(has["le"])
            result[bound] = result.get(bound, 0) + value
    return result


def bucket_of(cumulative, share):
    """(lower, upper) bound of the bucket that holds that quantile; None if nothing was counted."""
    count = cumulative.get(math.inf, 0)
    if not count:
        return None
    lower = 0.0
    for bound in sorted(cumulative):
        if cumulative[bound] >= share * count:
            return lower, bound
        lower = bound
    return lower, math.inf


def quantile(cumulative, share):
    """As histogram_quantile(): interpolated within the bucket; the last finite bound if it lies beyond."""
    bounds = bucket_of(cumulative, share)
    if bounds is None:
        return None
    lower, upper = bounds
    if upper == math.inf:
        return lower
    below = cumulative.get(lower, 0)
    return lower + (upper - lower) * (share * cumulative[math.inf] - below) / (cumulative[upper] - below)
