#!/usr/bin/env python3
"""Which functions of a program a running process calls: a breakpoint at the start of each, taken away when it is hit.
Those that are waiting for others when it begins, the event loop among them, are found by what the stack returns to.

    called-functions.py PROGRAM PID SECONDS       (x86-64; PROGRAM is the file that runs, not stripped)

Prints their names, one a line, sorted; of several names of one place all.
"""
import bisect
import ctypes
import os
import signal
import struct
import subprocess
import sys
import time

SEIZE, INTERRUPT, CONT, DETACH, GETREGS, SETREGS = 0x4206, 0x4207, 7, 17, 12, 13
REGISTERS, INSTRUCTION_POINTER, STACK_POINTER = 27, 16, 19  # of struct user_regs_struct
STOPPED_BY_US = 128  # PTRACE_EVENT_STOP
BREAKPOINT = b"\xcc"
NOT_RUN = "footprint_forget_rare"  # it would let go of the breakpoints: they are in copies of the file's pages

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace({request})")


def functions(program):
    """The names at each address."""
    names = {}
    for line in subprocess.check_output(["nm", "--defined-only", program], text=True).splitlines():
        address, kind, name = line.split()
        if kind in "tTwW":
            names.setdefault(int(address, 16), []).append(name)
    return names


def load_address(program, pid):
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        for line in maps:
            words = line.split()
            if len(words) > 5 and os.path.realpath(words[5]) == os.path.realpath(program):
                return int(words[0].split("-")[0], 16) - int(words[2], 16)
    raise SystemExit(f"called-functions: process {pid} does not run {program}")


class Tracee:
    def __init__(self, program, pid):
        self.pid = pid
        self.names = functions(program)
        self.base = load_address(program, pid)
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        self.octets = {}  # what each breakpoint stands for
        self.called = set()

    def registers(self):
        registers = (ctypes.c_ulonglong * REGISTERS)()
        ptrace(GETREGS, self.pid, registers)
        return registers

    def read_stack(self):
        with open(f"/proc/{self.pid}/maps", encoding="ascii") as maps:
            end = [int(line.split()[0].split("-")[1], 16) for line in maps if line.endswith("[stack]\n")][0]
        top = self.registers()[STACK_POINTER]
        starts = sorted(self.names)
        for (word,) in struct.iter_unpack("<Q", os.pread(self.memory, end - top & ~7, top)):
            if starts[0] < word - self.base < starts[-1]:
                self.called.add(starts[bisect.bisect(starts, word - self.base) - 1])

    def set_breakpoints(self):
        for address in self.names:
            try:
                octet = os.pread(self.memory, 1, self.base + address)
                os.pwrite(self.memory, BREAKPOINT, self.base + address)
            except OSError:  # not there any more: only the start needed it
                continue
            self.octets[address] = octet

    def remove(self, address):
        os.pwrite(self.memory, self.octets.pop(address), self.base + address)

    def on_breakpoint(self):
        registers = self.registers()
        address = registers[INSTRUCTION_POINTER] - 1 - self.base
        if address not in self.octets:
            return
        self.called.add(address)
        if NOT_RUN in self.names[address]:
            (registers[INSTRUCTION_POINTER],) = struct.unpack("<Q", os.pread(self.memory, 8, registers[STACK_POINTER]))
            registers[STACK_POINTER] += 8
        else:
            self.remove(address)
            registers[INSTRUCTION_POINTER] -= 1
        ptrace(SETREGS, self.pid, registers)

    def follow(self, seconds):
        end = time.monotonic() + seconds
        asked = False
        while True:
            if not asked and time.monotonic() > end:
                ptrace(INTERRUPT, self.pid)
                asked = True
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid == 0:
                time.sleep(0.0002)
                continue
            if not os.WIFSTOPPED(status):
                raise SystemExit(f"called-functions: process {self.pid} ended, status {status:#x}")
            forwarded = 0
            if status >> 16 == STOPPED_BY_US:
                if asked:
                    return
            elif os.WSTOPSIG(status) == signal.SIGTRAP:
                self.on_breakpoint()
            else:
                forwarded = os.WSTOPSIG(status)
            ptrace(CONT, self.pid, forwarded)


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    tracee = Tracee(sys.argv[1], int(sys.argv[2]))
    ptrace(SEIZE, tracee.pid)
    ptrace(INTERRUPT, tracee.pid)
    os.waitpid(tracee.pid, 0)
    tracee.read_stack()
    tracee.set_breakpoints()
    ptrace(CONT, tracee.pid)
    tracee.follow(float(sys.argv[3]))
    for address in list(tracee.octets):
        tracee.remove(address)
    ptrace(DETACH, tracee.pid)
    print("\n".join(sorted({name for address in tracee.called for name in tracee.names[address]})))


main()
