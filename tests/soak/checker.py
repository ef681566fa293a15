# SPDX-License-Identifier: Apache-2.0
"""
What must hold whatever happens: the sum of verdicts, memory, descriptors, ends that nobody asked for, and packets of
others. Must not know which faults there are.
"""
import re
import subprocess
import threading
import time

from curve import descriptors, memory_kib
from world import QUIET, inside

VERDICTS = ['returned', 'lost', 'refused', 'unstamped']
SERIES = re.compile(r'^(\w+)(\{[^}]*\})? (\S+)$', re.M)
NEVER_LESS = re.compile(r'^kube_canary_(zone_probes|reflected|send_errors|config_reload_failures|scrapes)\w*_total$')
SILENT_SECONDS = 30  # the longest fault keeps a node from answering for less than a third of that
LOOKS_AGAIN = 3  # a scrape may take several turns of the loop, and what is found must still be so


def families(text):
    """Of a scrape: each name with the sum of its series."""
    sums = {}
    for name, _, value in SERIES.findall(text or ''):
        sums[name] = sums.get(name, 0.0) + float(value)
    return sums


def series(text):
    """Of a scrape: each series with its value."""
    return {name + labels: float(value) for name, labels, value in SERIES.findall(text or '')}


def is_whole(sums):
    return 'kube_canary_zone_probes_sent_total' in sums and 'process_threads' in sums


def unbalanced(sums):
    """By how much sent differs from the sum of all verdicts: of zones, which count with the verdict, and of peers."""
    zones = sums['kube_canary_zone_probes_sent_total']
    peers = sums.get('kube_canary_probes_sent_total', 0) - sums['kube_canary_probes_in_flight']
    for verdict in VERDICTS:
        zones -= sums[f'kube_canary_zone_probes_{verdict}_total']
        peers -= sums.get(f'kube_canary_probes_{verdict}_total', 0)
    return zones, peers


FOREIGN = r'''
import hashlib, socket, sys, time
role, address = sys.argv[1], sys.argv[2]
def packet(number):
    head = number.to_bytes(8, 'big')
    return head + hashlib.shake_128(head).digest(8 + number * 7919 % 1200)
if role == 'send':
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind((sys.argv[3], 0))
    number = 0
    while True:
        sender.sendto(packet(number), (address, 8620 + number % 4))
        number += 1
        time.sleep(0.005)
else:
    import selectors
    ready = selectors.DefaultSelector()
    for port in range(8620, 8624):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, 33, 1 << 22) # SO_RCVBUFFORCE
        receiver.bind((address, port))
        ready.register(receiver, selectors.EVENT_READ)
    seen, changed, last = 0, 0, -1
    print('ready', flush=True)
    while True:
        for key, _ in ready.select():
            data = key.fileobj.recv(4096)
            number = int.from_bytes(data[:8], 'big')
            changed += data != packet(number)
            seen += 1
            last = max(last, number)
            print(seen, changed, last + 1, flush=True)
'''


class Foreign:
    """Packets of somebody else's, one way over the wire that no fault touches: none may be changed, none may be missing."""

    def __init__(self, world, sender, receiver):
        self.way = f'{sender} to {receiver}'
        self.counts = (0, 0, 0)
        self.receiver = subprocess.Popen(inside(receiver, 'python3', '-c', FOREIGN, 'receive', QUIET[receiver]),
                                         stdout=subprocess.PIPE, text=True)
        world.processes.append(self.receiver)
        self.receiver.stdout.readline()
        self.sender = world.spawn(sender, 'python3', '-c', FOREIGN, 'send', QUIET[receiver], QUIET[sender])
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.receiver.stdout:
            self.counts = tuple(int(word) for word in line.split())

    def finish(self):
        self.sender.kill()
        time.sleep(1)
        seen, changed, sent = self.counts
        return {'way': self.way, 'sent': sent, 'missing': sent - seen, 'changed': changed}


class Checker:
    def __init__(self, world, curve):
        self.world, self.curve = world, curve
        self.findings = []
        self.checks = 0
        self.retries = 0
        self.answered_at = {name: time.monotonic() for name in world.nodes}
        self.before = {}  # of each node: its start and the last sums
        self.peaks = {}  # of each series, whatever node

    def find(self, what):
        self.findings.append(what)
        print('FOUND', what, flush=True)

    def lives(self, second, node):
        """Or somebody ended it."""
        if node.loader():
            return True
        if not node.expected_end:
            self.find(f'{second:.0f} s: node {node.name} ended by itself, status {node.process.returncode}: {node.last_words()}')
            node.expected_end = True  # told once; it is started again
        self.answered_at[node.name] = time.monotonic()
        return False

    def scrape(self, second, node):
        """Its text, or None; silence for long is a finding."""
        text = node.get('/metrics')
        if is_whole(families(text)):
            self.answered_at[node.name] = time.monotonic()
            return text
        if time.monotonic() - self.answered_at[node.name] > SILENT_SECONDS:
            self.find(f'{second:.0f} s: node {node.name} is silent: {node.last_words()}')
            self.answered_at[node.name] = time.monotonic()
        return None

    def balance(self, second, node, sums):
        """What is lost once is lost in the next scrape too."""
        off = unbalanced(sums)
        for _ in range(LOOKS_AGAIN):
            if not any(off):
                return
            self.retries += 1
            time.sleep(0.1)
            again = families(node.get('/metrics'))
            if not is_whole(again):
                return
            off = unbalanced(again)
        if any(off):
            self.find(f'{second:.0f} s: node {node.name}: sent differs from its verdicts: by zone {off[0]:+}, by peer {off[1]:+}')

    def follow(self, second, node, sums):
        """Counters of a process never go back."""
        start, before = self.before.get(node.name, (None, {}))
        if start == node.starts:
            for name, value in before.items():
                if NEVER_LESS.match(name) and sums.get(name, 0) < value:
                    self.find(f'{second:.0f} s: node {node.name}: {name} went from {value} to {sums.get(name)}')
        self.before[node.name] = (node.starts, sums)

    def look(self, second, node):
        """One look at a node: it lives unless somebody ended it, answers, and what it says adds up."""
        if not self.lives(second, node):
            return
        loader, canary = node.loader(), node.canary()
        text = self.scrape(second, node)
        if not text:
            return
        self.checks += 1
        sums = families(text)
        for name, value in series(text).items():
            self.peaks[name] = max(value, self.peaks.get(name, value))
        self.balance(second, node, sums)
        self.follow(second, node, sums)
        resident_loader, anonymous_loader = memory_kib(loader)
        resident_canary, anonymous_canary = memory_kib(canary)
        self.curve.add(round(second, 1), node.name, node.starts, resident_loader, resident_canary, anonymous_loader, anonymous_canary,
                       descriptors(loader), descriptors(canary), int(sums['kube_canary_zone_probes_sent_total']),
                       int(sums['kube_canary_zone_probes_lost_total']), int(sums['kube_canary_zone_samples_dropped_total']))
