# SPDX-License-Identifier: Apache-2.0
"""
What can go wrong on a node, each as a function of a node and a source of chance: it does its harm, waits if it must, and
sets right what would not right itself. Must not know what is checked meanwhile.
"""
import os
import re
import signal
import subprocess
import time

from world import NAME_SERVER, QUIET, SWITCH, Node, run_in

ANOTHER = 100  # added to a node's number for its other address


def end(node, chance, process, number):
    """One of a node's processes, and with it the other; of another node if it is the one whose processes stay."""
    while node.steady:
        node = chance.choice(list(node.world.nodes.values()))
    node.expected_end = True
    node.signal(process(node), number)


def kill_loader(node, chance):
    end(node, chance, Node.loader, signal.SIGKILL)


def kill_canary(node, chance):
    end(node, chance, Node.canary, signal.SIGKILL)


def restart(node, chance):
    end(node, chance, Node.loader, signal.SIGTERM)


def stop(node, pid, seconds):
    node.signal(pid, signal.SIGSTOP)
    time.sleep(seconds)
    node.signal(pid, signal.SIGCONT)


def stop_canary(node, chance):
    stop(node, node.canary(), chance.uniform(0.1, 3))


def stop_loader(node, chance):
    stop(node, node.loader(), chance.uniform(0.1, 3))


def delete_device(node, chance):
    node.unplug()
    time.sleep(chance.uniform(0, 2))
    node.plug()


def link_down(node, chance):
    run_in(node.name, 'ip', 'link', 'set', 'eth0', 'down')
    time.sleep(chance.uniform(0.05, 1.5))
    run_in(node.name, 'ip', 'link', 'set', 'eth0', 'up')


def cut(node, chance):
    """Without a word to the node: the switch forwards nothing of it."""
    run_in(SWITCH, 'ip', 'link', 'set', f'to-{node.name}', 'nomaster')
    time.sleep(chance.uniform(0.2, 2))
    run_in(SWITCH, 'ip', 'link', 'set', f'to-{node.name}', 'master', 'bridge')


def move_address(node, chance):
    """Or, where the kernel deletes secondary addresses with the primary one, they are all gone for a while."""
    promote = chance.choice('01')
    run_in(node.name, 'sysctl', '-qw', f'net.ipv4.conf.all.promote_secondaries={promote}',
           f'net.ipv4.conf.eth0.promote_secondaries={promote}')
    other = f'198.18.0.{node.number + ANOTHER}'
    run_in(node.name, 'ip', 'address', 'add', f'{other}/24', 'dev', 'eth0')
    run_in(node.name, 'ip', 'address', 'delete', f'{node.address}/24', 'dev', 'eth0')
    node.world.change_records({node.name: other})
    time.sleep(chance.uniform(1, 4))
    run_in(node.name, 'ip', 'address', 'add', f'{node.address}/24', 'dev', 'eth0', check=False)
    run_in(node.name, 'ip', 'address', 'delete', f'{other}/24', 'dev', 'eth0', check=False)
    node.world.change_records({node.name: node.address})


def blackhole(node, chance):
    target = chance.choice([other for other in node.world.nodes.values() if other is not node])
    kind = chance.choice(['blackhole', 'unreachable', 'prohibit'])
    run_in(node.name, 'ip', 'route', 'add', kind, f'{target.address}/32', check=False)
    time.sleep(chance.uniform(0.2, 2))
    run_in(node.name, 'ip', 'route', 'delete', kind, f'{target.address}/32', check=False)


def move_route(node, chance):
    """To the other one's address on the switch over the wire between the two, and back."""
    if node.name not in QUIET:  # it has no other way
        node = node.world.nodes[chance.choice(list(QUIET))]
    name, = set(QUIET) - {node.name}
    target = f'{node.world.nodes[name].address}/32'
    run_in(node.name, 'ip', 'route', 'replace', target, 'via', QUIET[name], 'dev', 'quiet', 'src', QUIET[node.name], check=False)
    time.sleep(chance.uniform(0.2, 3))
    run_in(node.name, 'ip', 'route', 'delete', target, check=False)


def dns_dies(node, chance):
    node.world.dns.kill()
    node.world.dns.wait()
    time.sleep(chance.uniform(0.2, 3))
    node.world.start_dns()


def dns_forgets(node, chance):
    """The record of a node is gone, and comes again."""
    node.world.change_records(drop=[node.name])
    time.sleep(chance.uniform(1, 6))
    node.world.change_records({node.name: node.address})


def dns_names_many(node, chance):
    many = {f'nobody-{number}': f'198.18.0.{number}' for number in range(20, 90)}
    node.world.change_records(many)
    time.sleep(chance.uniform(1, 6))
    node.world.change_records(drop=many)


def disk_full(node, chance):
    """Which whoever logs shall not mind."""
    if not node.get('/-/healthy', timeout=1):
        return 'not up at that moment'
    filler = os.path.join(node.world.logs, 'filler')
    try:
        with open(filler, 'wb') as file:
            while True:
                file.write(bytes(1 << 16))
                file.flush()
    except OSError:
        pass
    left = os.statvfs(node.world.logs).f_bavail
    node.write_peers('something to log\n')
    time.sleep(chance.uniform(0.5, 2))
    node.write_peers(node.good_peers())
    time.sleep(0.2)
    os.unlink(filler)
    return f'{left} blocks were left' if left else None


def clock_steps(node, chance):
    nodes = [node for node in node.world.nodes.values() if node.clock_library]
    if not nodes:
        return 'no program is dynamic, so that another clock could be given to it'
    node = chance.choice(nodes)
    seconds = int(chance.choice([-1, 1]) * chance.uniform(1, 8) * 3600)
    node.set_clock(seconds)
    node.signal(node.loader() if node.get('/-/healthy', timeout=1) else 0, signal.SIGHUP)
    time.sleep(chance.uniform(0.3, 2))
    told = re.search(r'^kube_canary_config_last_reload_success_timestamp_seconds (\S+)', node.get('/metrics') or '', re.M)
    if chance.random() < 0.7:
        node.set_clock(0)
    return 'it told another time' if told and abs(float(told[1]) - time.time() - seconds) > 60 else None


def limit_descriptors(pid, limit):
    """Only the soft limit, and as the user it runs as: even root may lack the capability to do more. False: not done."""
    try:
        with open(f'/proc/{pid}/status') as file:
            ids = dict(re.findall(r'^(Uid|Gid):\t(\d+)', file.read(), re.M))
    except OSError:
        return False
    return subprocess.run(['setpriv', '--reuid', ids['Uid'], '--regid', ids['Gid'], '--clear-groups', 'prlimit', f'--pid={pid}',
                           f'--nofile={limit}:'], stderr=subprocess.DEVNULL).returncode == 0


def no_descriptors(node, chance):
    pid = node.canary()
    try:
        held = {int(number) for number in os.listdir(f'/proc/{pid}/fd')}
    except OSError:
        return 'no canary at that moment'
    lowest = min(set(range(len(held) + 1)) - held)  # the next to be given out
    if not limit_descriptors(pid, lowest):
        return 'its limit cannot be set'
    answers = [node.get('/metrics', timeout=0.3) for _ in range(int(chance.uniform(3, 12)))]
    node.signal(node.loader(), signal.SIGHUP)  # opens the peers file
    time.sleep(0.2)
    limit_descriptors(pid, 1024)
    return 'it had descriptors left' if all(answers) else None


def bad_peers_file(node, chance):
    if not node.get('/-/healthy', timeout=1):
        return 'not up at that moment' # at its start it would be right to end
    node.write_peers(chance.choice(['not an address\n', '\0\1\2' * 1000, 'a' * 100000, f'{NAME_SERVER} x\n{NAME_SERVER} y\n']))
    time.sleep(chance.uniform(0.3, 2))
    node.write_peers(node.good_peers())


def no_peers_file(node, chance):
    if not node.get('/-/healthy', timeout=1):
        return 'not up at that moment'
    os.rename(node.file, node.file + '.away')
    time.sleep(chance.uniform(0.3, 2))
    os.rename(node.file + '.away', node.file)


FLOOD = r'''
import os, random, socket, sys, time
address, port, seconds, seed = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + seconds
while time.monotonic() < end:
    for _ in range(50):
        payload = bytes(44) if chance.random() < 0.5 else chance.randbytes(chance.randrange(0, 200))
        try:
            sender.sendto(payload, (address, port))
        except OSError:
            pass
    time.sleep(0.002)
'''


def peer_floods(node, chance):
    victim = chance.choice([other for other in node.world.nodes.values() if other is not node])
    seconds = chance.uniform(0.5, 2)
    node.world.spawn(node.name, 'python3', '-c', FLOOD, victim.address, '862', str(seconds), str(chance.randrange(1 << 30)))
    time.sleep(seconds)


REPLAY = r'''
import socket, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind((sys.argv[1], 0))
wire.settimeout(2)
address = socket.inet_aton(sys.argv[2])
while True:
    frame = wire.recv(2048)
    reply = frame[23] == 1 and frame[34] == 0 or frame[23] == 17 and frame[34:36] == (862).to_bytes(2, 'big')
    if frame[12:14] == b'\x08\x00' and frame[30:34] == address and reply:
        break
for number in range(4000):
    wire.send(frame)
    if number % 100 == 0:
        time.sleep(0.005)
'''


def ring_fills(node, chance):
    """A reply comes four thousand times while nobody reads the ring, which holds a third of them."""
    replay = node.world.spawn(SWITCH, 'python3', '-c', REPLAY, f'to-{node.name}', node.address)
    time.sleep(0.4)
    pid = node.canary()
    node.signal(pid, signal.SIGSTOP)
    time.sleep(chance.uniform(0.5, 2))
    node.signal(pid, signal.SIGCONT)
    replay.kill()


def web_siege(node, chance):
    for _ in range(int(chance.uniform(10, 40))):
        node.world.spawn(node.name, 'curl', '-s', '-m', '2', '--compressed', '-H', chance.choice(
            ['Accept: application/openmetrics-text', 'Accept: application/vnd.google.protobuf', 'X-Long: ' + 'x' * 9000]),
            'http://127.0.0.1:10862' + chance.choice(['/metrics', '/', '/api/v1/peers', '/none', '/%00', '/metrics?' + 'q' * 5000]))
    time.sleep(1)


def starve(node, chance):
    """Both processors are busy with something else."""
    seconds = chance.uniform(0.3, 1.5)
    for _ in range(os.cpu_count() * 2):
        node.world.spawn(node.name, 'timeout', str(seconds), 'sh', '-c', 'while :; do :; done')
    time.sleep(seconds)


def reload(node, chance):
    if not node.get('/-/healthy', timeout=1):
        return 'not up at that moment'  # SIGHUP ends what has not said yet that it wants it
    node.signal(node.loader(), signal.SIGHUP)


FAULTS = [kill_loader, kill_canary, restart, stop_canary, stop_loader, delete_device, link_down, cut, move_address, blackhole,
          move_route, dns_dies, dns_forgets, dns_names_many, disk_full, clock_steps, no_descriptors, bad_peers_file, no_peers_file,
          peer_floods, ring_fills, web_siege, starve, reload]
SHARED = [dns_dies, disk_full, dns_names_many, clock_steps, move_route]  # of one thing that several nodes have: one at a time
