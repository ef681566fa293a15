/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of system calls, and the filter made of one. No libseccomp: of what it can do this
 * needs sixty lines. Must not know what any call is made for beyond the word beside it.
 */
#include "seccomp.h"

#include <arpa/inet.h> /* for the next ones, which know the structures that it defines */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
/* cppcheck-suppress preprocessorErrorDirective ; it knows no machine */
#error "which AUDIT_ARCH is this machine?"
#endif

/* A call is allowed if a row of it holds: of the argument, the bits in mask are value; of the other
 * one likewise. */
struct rule {
	uint16_t call;
	uint8_t argument;
	uint32_t mask; /* 0: whatever its arguments */
	uint32_t value;
	uint8_t other;
	uint32_t other_mask; /* 0: of one argument only */
	uint32_t other_value;
};

#define ANY(name)                            \
	{                                    \
		SYS_##name, 0, 0, 0, 0, 0, 0 \
	}
#define ONLY(name, argument, value)                              \
	{                                                        \
		SYS_##name, argument, UINT32_MAX, value, 0, 0, 0 \
	}
#define WITHOUT(name, argument, bits)                  \
	{                                              \
		SYS_##name, argument, bits, 0, 0, 0, 0 \
	}
#define BOTH(name, argument, value, other, mask, other_value)                     \
	{                                                                         \
		SYS_##name, argument, UINT32_MAX, value, other, mask, other_value \
	}

#define SOCKET_TYPES 0xf /* of socket()'s second argument; above are flags */

/* What a C library makes of ordinary calls differs by machine and by library: glibc has some at the
 * file's descriptor, musl on x86-64 the old ones. */
static const struct rule common_calls[] = {
	ANY(read),
	ANY(write),
	ANY(writev),
	ANY(close),
	ANY(sendto),
	ANY(recvfrom),
	ANY(ppoll),
#ifdef SYS_poll
	ANY(poll),
#endif
	ANY(clock_gettime),
	ANY(gettimeofday),
	ONLY(setsockopt, 1, SOL_SOCKET), /* of IP's options, IP_HDRINCL forges any packet */
	ANY(restart_syscall),
	ANY(rt_sigreturn),
	ANY(rt_sigprocmask),
	ANY(getpid),
	ANY(gettid),
	ANY(futex),
	ANY(munmap),
	ANY(madvise),
	ANY(brk),
	WITHOUT(mmap, 2, PROT_EXEC),
	WITHOUT(mprotect, 2, PROT_EXEC),
	ANY(fstat),
	ANY(newfstatat),
	ANY(lseek),
	ANY(exit),
	ANY(exit_group),
};

/* No process is made, no program started, no signal sent to others, no bpf(). */
static const struct rule canary_calls[] = {
/* the loop */
#ifdef SYS_epoll_wait
	ANY(epoll_wait),
#endif
	ANY(epoll_pwait),
	ANY(epoll_ctl),
	ANY(timerfd_settime),
	/* probes and their errors */
	ANY(sendmmsg),
	ANY(recvmmsg),
	ANY(sendmsg),
	ANY(recvmsg),
	/* to be read: setting wants a capability */
	ANY(clock_adjtime),
	ANY(adjtimex),
	/* HTTP, DNS, routes */
	ONLY(socket, 0, AF_INET),
	ONLY(socket, 0, AF_INET6),
	ONLY(socket, 0, AF_NETLINK),
	BOTH(socket, 0, AF_UNIX, 1, SOCKET_TYPES, SOCK_DGRAM), /* names of interfaces */
	ANY(accept4),
	ANY(bind),
	ANY(connect),
	ANY(shutdown),
	ONLY(setsockopt, 1, IPPROTO_TCP),
	ONLY(setsockopt, 1, IPPROTO_ICMPV6), /* ICMP6_FILTER */
	/* Over IPv6 there is an IPV6_HDRINCL at this level, too. */
	BOTH(setsockopt, 1, SOL_RAW, 2, UINT32_MAX, ICMP_FILTER),
	ANY(getsockopt),
	ANY(getsockname),
	ANY(getpeername),
	/* not F_SETOWN: who owns a descriptor gets its signals */
	ONLY(fcntl, 1, F_GETFD),
	ONLY(fcntl, 1, F_SETFD),
	ONLY(fcntl, 1, F_GETFL),
	ONLY(fcntl, 1, F_SETFL),
	ONLY(fcntl, 1, F_DUPFD_CLOEXEC),
	ANY(readv),
	ONLY(ioctl, 1, SIOCGIFNAME),
	ONLY(ioctl, 1, SIOCGIFINDEX),
	ONLY(ioctl, 1, SIOCGIFFLAGS),
	ONLY(ioctl, 1, FIONREAD),
	ONLY(ioctl, 1, FIONBIO),
	ONLY(ioctl, 1, TCGETS), /* C libraries ask whether standard output is a terminal */
	ONLY(ioctl, 1, TIOCGWINSZ),
	ANY(getrandom),
	ANY(uname),
	ANY(sysinfo), /* glibc's qsort() */
	ANY(mremap),
	/* the peers file, and what it says of itself in /proc: nothing is opened but to be read */
	WITHOUT(openat, 2, O_ACCMODE | O_CREAT | O_TRUNC),
#ifdef SYS_open
	WITHOUT(open, 1, O_ACCMODE | O_CREAT | O_TRUNC),
#endif
	ANY(inotify_add_watch),
	ANY(inotify_rm_watch),
	ANY(readlinkat),
#ifdef SYS_readlink
	ANY(readlink),
#endif
#ifdef SYS_stat
	ANY(stat),
	ANY(lstat),
#endif
	ANY(getdents64),
	ANY(getrusage),
	ONLY(prlimit64, 0, 0), /* its own */
#ifdef SYS_getrlimit
	ANY(getrlimit),
#endif
};

/* It attaches programs that it holds, and can load no other one. It opens no file. */
static const struct rule loader_calls[] = {
	ONLY(bpf, 0, BPF_LINK_CREATE),
	ONLY(bpf, 0, BPF_OBJ_GET_INFO_BY_FD),
	ONLY(socket, 0, AF_NETLINK),
	BOTH(socket, 0, AF_UNIX, 1, SOCKET_TYPES, SOCK_DGRAM),
	ANY(bind),
	ANY(getsockname),
	ANY(sendmsg),
	ANY(recvmsg),
	ONLY(ioctl, 1, SIOCGIFNAME),
	ONLY(ioctl, 1, SIOCGIFINDEX),
	ONLY(ioctl, 1, SIOCGIFHWADDR),
	ANY(signalfd4),
	ANY(wait4),
	ANY(setitimer),
#ifdef SYS_alarm
	ANY(alarm),
#endif
};

/* The loader's at its end, where it made pins. */
static const struct rule pins_calls[] = {
	ANY(unlinkat),
#ifdef SYS_unlink
	ANY(unlink), ANY(rmdir), ANY(stat), /* musl's; glibc has newfstatat */
#endif
};

#define COUNT(array)	  (sizeof(array) / sizeof((array)[0]))
#define SIGNAL_CALLS	  2
#define TERM_INSTRUCTIONS 3 /* of one argument of a row */
/* Of one row; before the rows the machine is looked at, after them is the end. */
#define RULE_INSTRUCTIONS (2 * TERM_INSTRUCTIONS + 3)
#define FILTER_CAPACITY \
	(RULE_INSTRUCTIONS * (COUNT(common_calls) + COUNT(canary_calls) + SIGNAL_CALLS) + 5)

_Static_assert(COUNT(loader_calls) + COUNT(pins_calls) <= COUNT(canary_calls),
	       "the larger one sizes the filter");

struct filter {
	struct sock_filter code[FILTER_CAPACITY];
	uint16_t length;
};

static void put(struct filter *filter, struct sock_filter instruction)
{
	filter->code[filter->length++] = instruction;
}

static void put_load(struct filter *filter, size_t offset)
{
	put(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void put_unless_equal_skip(struct filter *filter, uint32_t value, uint8_t skip)
{
	put(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip));
}

static void put_return(struct filter *filter, uint32_t action)
{
	put(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static size_t argument_offset(unsigned int argument)
{
	const bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

	/* The lower half: all that the kernel takes of these. */
	return offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t) +
	       (big_endian ? sizeof(uint32_t) : 0);
}

/* Goes on if it holds. */
static void put_term(struct filter *filter, unsigned int argument, uint32_t mask, uint32_t value,
		     uint8_t skip)
{
	put_load(filter, argument_offset(argument));
	put(filter, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
	put_unless_equal_skip(filter, value, skip);
}

static void put_rules(struct filter *filter, const struct rule *rules, size_t count)
{
	for (const struct rule *rule = rules; rule < rules + count; rule++) {
		uint8_t other = rule->other_mask ? TERM_INSTRUCTIONS : 0;

		if (rule->mask == 0) {
			put_unless_equal_skip(filter, rule->call, 1);
			put_return(filter, SECCOMP_RET_ALLOW);
			continue;
		}
		put_unless_equal_skip(filter, rule->call, TERM_INSTRUCTIONS + other + 2);
		put_term(filter, rule->argument, rule->mask, rule->value, other + 1);
		if (other)
			put_term(filter, rule->other, rule->other_mask, rule->other_value, 1);
		put_return(filter, SECCOMP_RET_ALLOW);
		put_load(filter, offsetof(struct seccomp_data, nr));
	}
}

int seccomp_enter(enum seccomp_role role)
{
	/* abort() and raise(), of glibc and of musl: there is one thread, which bears the id of the
	 * process. */
	const uint32_t self = (uint32_t)getpid();
	const struct rule signals[SIGNAL_CALLS] = { ONLY(tgkill, 0, self), ONLY(tkill, 0, self) };
	struct filter filter = { .length = 0 };
	struct sock_fprog program = { .filter = filter.code };

	put_load(&filter, offsetof(struct seccomp_data, arch));
	put_unless_equal_skip(&filter, ARCHITECTURE, 1);
	put_load(&filter, offsetof(struct seccomp_data, nr));
	/* Of another machine (32-bit calls): what was loaded is no number of a call that is
	 * allowed, and neither is one of x32, which bears a bit of its own. */
	if (role == SECCOMP_CANARY) {
		put_rules(&filter, canary_calls, COUNT(canary_calls));
		put_rules(&filter, common_calls, COUNT(common_calls));
	} else {
		put_rules(&filter, common_calls, COUNT(common_calls));
		put_rules(&filter, loader_calls, COUNT(loader_calls));
	}
	put_rules(&filter, signals, SIGNAL_CALLS);
	if (role == SECCOMP_LOADER_OF_PINS)
		put_rules(&filter, pins_calls, COUNT(pins_calls));
	put_return(&filter, SECCOMP_RET_KILL_PROCESS);
	program.len = filter.length;
	/* Not seccomp(): whoever confines us may know the older way only, as systemd 252 does. */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}
