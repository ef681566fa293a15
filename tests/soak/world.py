# SPDX-License-Identifier: Apache-2.0
"""
Three nodes on a switch, with a name server; a second wire between two of them, which no fault ever touches. Everything
is made in namespaces of this process's own and goes away with them. Must not know which faults there are.
"""
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('BUILD', os.path.join(TOP, 'build'))
PROGRAM = os.environ.get('KUBE_CANARY', os.path.join(BUILD, 'kube-canary'))
DYNAMIC = os.path.join(BUILD, 'kube-canary')  # stands in on one node where PROGRAM is static
CLOCK = os.path.join(BUILD, 'tests/soak/clock.so')
KEPT = os.environ.get('SOAK_LOGS')  # a folder for what the nodes logged
PREFIX = f'kc-soak-{os.getpid()}'
SWITCH = 'switch'
NODES = {'a': 11, 'b': 12, 'c': 13}
DOMAIN = 'mesh.test'
NAME_SERVER = '198.18.0.1'
INTERVAL_MS = 50
STEADY = 'c'  # its processes are never ended, so that what grows slowly is seen
STEPPED = 'b'  # its clock can be stepped
SLOTS = 48  # few, so that each was used once before long, and memory grows no more by that
LOG_BYTES = 4 << 20  # of the file system that the logs are on, so that it can be filled
QUIET = {'a': '198.18.1.1', 'b': '198.18.1.2'}  # on the wire without faults


def namespace(name):
    return f'{PREFIX}-{name}'


def inside(where, *command):
    return ['ip', 'netns', 'exec', namespace(where), *command]


def run(*command, check=True):
    return subprocess.run(command, check=check, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def run_in(where, *command, check=True):
    return run(*inside(where, *command), check=check)


def sanitizer_of(program):
    """The library that must come before all others, or None."""
    found = re.search(r'libasan\S* => (\S+)', run('ldd', program, check=False))
    return found and found[1]


def clock_of(program):
    """What to put before a program so that its wall clock can be shifted, or None: it is static."""
    if not os.path.exists(program) or not os.path.exists(CLOCK) or 'INTERP' not in run('readelf', '-l', program):
        return None
    return ':'.join(filter(None, [sanitizer_of(program), CLOCK]))


def children(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children') as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


class Node:
    """A host, and the canary that runs there (or not, for a while)."""

    def __init__(self, world, name):
        self.world, self.name, self.number = world, name, NODES[name]
        self.process = None
        self.steady = name == STEADY
        self.program, self.clock_library = world.program_of(name)
        self.expected_end = False  # somebody ended it on purpose
        self.starts = 0
        self.file = os.path.join(world.scratch, f'{name}.peers')
        self.clock = os.path.join(world.scratch, f'{name}.clock')
        self.log = os.path.join(world.logs, name)
        self.write_peers(self.good_peers())
        self.set_clock(0)

    @property
    def address(self):
        return f'198.18.0.{self.number}'

    def good_peers(self):
        lines = [f'{NAME_SERVER} switch probe=icmp']
        lines += [f'{address} quiet-{name}' for name, address in QUIET.items() if name != self.name and self.name in QUIET]
        return '\n'.join(lines) + '\n'

    def write_peers(self, text):
        with open(self.file + '.new', 'w') as file:
            file.write(text)
        os.chmod(self.file + '.new', 0o644)
        os.rename(self.file + '.new', self.file)

    def set_clock(self, seconds):
        """The wall clock of this node's processes is off by so much."""
        fd = os.open(self.clock, os.O_WRONLY | os.O_CREAT, 0o644)  # in place: they have it in memory
        os.pwrite(fd, struct.pack('l', seconds), 0)
        os.fchmod(fd, 0o644)
        os.close(fd)

    def start(self):
        options = [f'--node.name=node-{self.name}', f'--peers.dns={DOMAIN}', f'--peers.file={self.file}',
                   f'--probe.interval={INTERVAL_MS}ms', '--probe.timeout=500ms', '--peers.linger=5s',
                   f'--probe.max={SLOTS}', f'--mesh.full-below={SLOTS}']
        environment = dict(os.environ, KC_CLOCK_OFFSET=self.clock)
        if self.clock_library:
            environment['LD_PRELOAD'] = self.clock_library
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(inside(self.name, self.program, *options), stdout=log, stderr=log, env=environment)
        self.expected_end = False
        self.starts += 1

    def loader(self):
        return self.process.pid if self.process and self.process.poll() is None else 0

    def canary(self):
        loader = self.loader()
        found = children(loader) if loader else []
        return found[0] if found else 0

    def last_words(self):
        with open(self.log, errors='replace') as file:
            return ' / '.join(line.strip() for line in file.readlines()[-3:])

    def sick_peers(self, text):
        """Of a scrape: who linger, or who lost or were refused anything."""
        states = re.findall(r'peer_info\{.*state="(?:lingering|resolving)".*', text)
        return ', '.join(states + re.findall(r'kube_canary_(probes_(?:lost|refused|unstamped)_total\{.*\} [1-9].*)', text))

    def signal(self, pid, number):
        try:
            if pid:
                os.kill(pid, number)
        except ProcessLookupError:
            pass

    def get(self, path, timeout=3):
        """By HTTP, from inside the namespace: None if nobody answers."""
        text = run_in(self.name, 'curl', '-s', '-m', str(timeout), f'http://127.0.0.1:10862{path}', check=False)
        return text or None

    def plug(self):
        run_in(self.name, 'ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', f'to-{self.name}', 'netns', namespace(SWITCH))
        run_in(self.name, 'ethtool', '-K', 'eth0', 'tx', 'off', check=False)
        run_in(SWITCH, 'ip', 'link', 'set', f'to-{self.name}', 'master', 'bridge', 'up')
        run_in(self.name, 'ip', 'address', 'add', f'{self.address}/24', 'dev', 'eth0')
        run_in(self.name, 'ip', 'link', 'set', 'eth0', 'up')

    def unplug(self):
        run_in(self.name, 'ip', 'link', 'delete', 'eth0', check=False)


class World:
    def __init__(self):
        self.scratch = tempfile.mkdtemp(prefix=f'{PREFIX}-', dir='/tmp')
        os.chmod(self.scratch, 0o755)
        self.logs = os.path.join(self.scratch, 'logs')
        os.mkdir(self.logs)
        run('mount', '-t', 'tmpfs', '-o', f'size={LOG_BYTES}', 'kc-soak', self.logs)
        self.lock = threading.Lock()  # of the records
        self.dns = None
        self.namespaces = []
        self.processes = []

    def program_of(self, name):
        """The program of a node, and the library that shifts its clock, or None."""
        for program in [PROGRAM, DYNAMIC] if name == STEPPED else []:
            if clock := clock_of(program):
                return program, clock
        return PROGRAM, None

    def open(self):
        for name in [SWITCH, *NODES]:
            run('ip', 'netns', 'add', namespace(name))
            self.namespaces.append(namespace(name))
            run_in(name, 'ip', 'link', 'set', 'lo', 'up')
            run_in(name, 'sysctl', '-qw', 'net.ipv4.icmp_ratelimit=0', 'net.ipv4.icmp_msgs_per_sec=1000000')
            etc = f'/etc/netns/{namespace(name)}'
            os.makedirs(etc)
            with open(f'{etc}/resolv.conf', 'w') as file:
                file.write(f'nameserver {NAME_SERVER}\noptions timeout:1 attempts:2\n')
        # With an address of its own: else it has a port's, and another one when that port is deleted.
        run_in(SWITCH, 'ip', 'link', 'add', 'bridge', 'address', '02:00:00:00:00:01', 'type', 'bridge')
        run_in(SWITCH, 'ip', 'address', 'add', f'{NAME_SERVER}/24', 'dev', 'bridge')
        run_in(SWITCH, 'ip', 'link', 'set', 'bridge', 'up')
        self.nodes = {name: Node(self, name) for name in NODES}
        for node in self.nodes.values():
            node.plug()
        run_in('a', 'ip', 'link', 'add', 'quiet', 'type', 'veth', 'peer', 'name', 'quiet', 'netns', namespace('b'))
        for name, address in QUIET.items():
            run_in(name, 'ethtool', '-K', 'quiet', 'tx', 'off', check=False)
            run_in(name, 'ip', 'address', 'add', f'{address}/24', 'dev', 'quiet')
            run_in(name, 'ip', 'link', 'set', 'quiet', 'up')
        self.records = {name: node.address for name, node in self.nodes.items()}
        self.start_dns()
        for node in self.nodes.values():
            node.start()

    def write_records(self):
        path = os.path.join(self.scratch, 'records')
        with open(path, 'w') as file:
            file.writelines(f'{address} {DOMAIN}\n' for address in self.records.values())
        os.chmod(path, 0o644)

    def start_dns(self):
        with self.lock:
            self.write_records()
            self.dns = subprocess.Popen(inside(
                SWITCH, 'dnsmasq', '--keep-in-foreground', '--no-hosts', '--no-resolv', f'--local=/{DOMAIN}/', '--local-ttl=1',
                '--user=root', f'--addn-hosts={self.scratch}/records', f'--listen-address={NAME_SERVER}', '--bind-interfaces',
                '--pid-file='), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.2)  # until then SIGHUP would end it

    def peers_of(self, node):
        """The switch, the others, and the other end of the quiet wire."""
        return 1 + len(self.nodes) - 1 + (node.name in QUIET)

    def change_records(self, add=None, drop=()):
        """Others may do so at the same time."""
        with self.lock:
            for name in drop:
                self.records.pop(name, None)
            self.records.update(add or {})
            self.write_records()
            if self.dns.poll() is None:
                self.dns.send_signal(signal.SIGHUP)

    def spawn(self, where, *command, **options):
        process = subprocess.Popen(inside(where, *command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    def close(self):
        for process in [self.dns, *self.processes, *(node.process for node in getattr(self, 'nodes', {}).values())]:
            if process and process.poll() is None:
                for pid in [*children(process.pid), process.pid]:
                    try:
                        os.kill(pid, signal.SIGCONT)
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                process.wait()
        for name in self.namespaces:
            run('ip', 'netns', 'delete', name, check=False)
            shutil.rmtree(f'/etc/netns/{name}', ignore_errors=True)
        if KEPT:
            shutil.copytree(self.logs, KEPT, dirs_exist_ok=True)
        run('umount', '-l', self.logs, check=False)
        shutil.rmtree(self.scratch, ignore_errors=True)
