# SPDX-License-Identifier: Apache-2.0
"""
What must hold whatever happens: the sum of verdicts, memory, descriptors, ends that nobody asked for, and packets of
others. Must not know which faults there are.
"""
import os
import re
import subprocess
import threading
import time

from world import QUIET, inside

VERDICTS = ['returned', 'lost', 'refused', 'unstamped']
SERIES = re.compile(r'^(\w+)(\{[^}]*\})? (\S+)$', re.M)


def families(text):
    """Of a scrape: each name with the sum of its series."""
    sums = {}
    for name, _, value in SERIES.findall(text):
        sums[name] = sums.get(name, 0.0) + float(value)
    return sums


def unbalanced(sums):
    """By how much sent differs from the sum of all verdicts and what is in flight."""
    verdicts = sum(sums[f'kube_canary_zone_probes_{verdict}_total'] for verdict in VERDICTS)
    return sums['kube_canary_zone_probes_sent_total'] - verdicts - sums['kube_canary_probes_in_flight']


def resident_kib(pid):
    try:
        with open(f'/proc/{pid}/statm') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE') // 1024
    except (OSError, IndexError):
        return None


def descriptors(pid):
    try:
        return len(os.listdir(f'/proc/{pid}/fd'))
    except OSError:
        return None


FOREIGN = r'''
import hashlib, socket, sys, time
role, address = sys.argv[1], sys.argv[2]
def packet(number):
    head = number.to_bytes(8, 'big')
    return head + hashlib.shake_128(head).digest(8 + number * 7919 % 1200)
if role == 'send':
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind((sys.argv[3], 862 if len(sys.argv) > 4 else 0))
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
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
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
    """Packets of somebody else's, on the wire that no fault touches: none may be changed, none may be missing."""

    def __init__(self, world):
        self.counts = (0, 0, 0)
        self.receiver = subprocess.Popen(inside('b', 'python3', '-c', FOREIGN, 'receive', QUIET['b']),
                                         stdout=subprocess.PIPE, text=True)
        world.processes.append(self.receiver)
        self.receiver.stdout.readline()
        self.sender = world.spawn('a', 'python3', '-c', FOREIGN, 'send', QUIET['b'], QUIET['a'])
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.receiver.stdout:
            self.counts = tuple(int(word) for word in line.split())

    def finish(self):
        self.sender.kill()
        time.sleep(1)
        seen, changed, sent = self.counts
        return {'sent': sent, 'missing': sent - seen, 'changed': changed}


class Checker:
    def __init__(self, world, curve):
        self.world, self.curve = world, curve
        self.findings = []
        self.checks = 0
        self.silent = {name: 0 for name in world.nodes}
        curve.write('second,node,start,resident_loader_kib,resident_canary_kib,descriptors_loader,descriptors_canary,sent,lost,'
                    'dropped\n')

    def find(self, what):
        self.findings.append(what)
        print('FOUND', what, flush=True)

    def look(self, second, node):
        """One look at a node: it lives unless somebody ended it, and what it says adds up."""
        if not node.loader():
            if not node.expected_end:
                self.find(f'{second:.0f} s: node {node.name} ended by itself, status {node.process.returncode}: {node.last_words()}')
                node.expected_end = True # told once; it is started again
            return False
        loader, canary = node.loader(), node.canary()
        text = node.get('/metrics')
        sums = families(text) if text else {}
        if 'kube_canary_zone_probes_sent_total' not in sums or 'process_threads' not in sums:
            self.silent[node.name] += 1
            return False
        self.silent[node.name] = 0
        self.checks += 1
        if unbalanced(sums):
            self.find(f'{second:.0f} s: node {node.name}: sent differs by {unbalanced(sums)} from its verdicts')
        row = [f'{second:.1f}', node.name, node.starts, resident_kib(loader), resident_kib(canary), descriptors(loader),
               descriptors(canary), int(sums['kube_canary_zone_probes_sent_total']),
               int(sums['kube_canary_zone_probes_lost_total']), int(sums['kube_canary_zone_samples_dropped_total'])]
        self.curve.write(','.join('' if value is None else str(value) for value in row) + '\n')
        return True
