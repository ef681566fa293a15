/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process uses, read from /proc/self with buffers on the stack: a scrape allocates
 * nothing and leaves nothing open. Must not know how it is exported.
 */
#include "process.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "instant.h"

#define STAT_CAPACITY 1024 /* /proc/self/stat: 52 numbers and a name of 64 octets at most */

/* Places in /proc/self/stat, counted as proc(5) does, from 1. */
enum { STAT_STATE = 3, STAT_THREADS = 20, STAT_START_TICKS = 22 };

/* What getdents64 gives: libc's own readers of folders allocate. */
struct folder_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* The first capacity - 1 octets of a file and a zero. False: it cannot be read. */
static bool read_start(const char *path, char *text, size_t capacity)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return false;
	length = read(fd, text, capacity - 1);
	close(fd);
	if (length <= 0)
		return false;
	text[length] = '\0';
	return true;
}

static void read_memory(struct process_usage *usage)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[128];
	char *end;

	/* statm and not stat: newer kernels sum the counters of all CPUs for it alone. */
	if (!read_start("/proc/self/statm", text, sizeof(text)))
		return;
	usage->virtual_bytes = strtoull(text, &end, 10) * page_bytes;
	usage->resident_bytes = strtoull(end, NULL, 10) * page_bytes;
}

/* Field `number` of /proc/self/stat, 0 when missing. The name may contain anything, parentheses
 * too. */
static uint64_t stat_field(const char *text, int number)
{
	const char *field = strrchr(text, ')');

	for (int i = STAT_STATE; field && i <= number; i++) {
		field = strchr(field, ' ');
		if (field)
			field++;
	}
	return field ? strtoull(field, NULL, 10) : 0;
}

/* Unix time in seconds at which the machine started; 0: unknown. In blocks, since the line of
 * interrupts before it may be as long as it likes. */
static uint64_t read_boot_time(void)
{
	static const char key[] = "\nbtime ";
	int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	char block[512];
	size_t matched = 0;
	uint64_t seconds = 0;
	bool done = fd < 0;

	while (!done) {
		ssize_t length = read(fd, block, sizeof(block));

		done = length <= 0;
		for (ssize_t i = 0; i < length && !done; i++) {
			if (matched < sizeof(key) - 1)
				matched = block[i] == key[matched] ? matched + 1 : block[i] == '\n';
			else if (block[i] >= '0' && block[i] <= '9')
				seconds = seconds * 10 + (uint64_t)(block[i] - '0');
			else
				done = true;
		}
	}
	if (fd >= 0)
		close(fd);
	return seconds;
}

static void read_stat(struct process_usage *usage)
{
	uint64_t ticks_per_second = (uint64_t)sysconf(_SC_CLK_TCK);
	char text[STAT_CAPACITY];
	uint64_t boot_seconds;

	if (!read_start("/proc/self/stat", text, sizeof(text)))
		return;
	usage->threads = stat_field(text, STAT_THREADS);
	if (usage->start_time_unix_ns)
		return;
	boot_seconds = read_boot_time();
	if (boot_seconds)
		usage->start_time_unix_ns = boot_seconds * NS_PER_SECOND +
					    stat_field(text, STAT_START_TICKS) *
						    (NS_PER_SECOND / ticks_per_second);
}

static void count_fds(struct process_usage *usage)
{
	int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct folder_entry) char block[1024];
	uint64_t count = 0;
	long length;

	if (fd < 0)
		return;
	while ((length = syscall(SYS_getdents64, fd, block, sizeof(block))) > 0) {
		for (long at = 0; at < length;) {
			const struct folder_entry *entry = (const void *)(block + at);

			count += entry->name[0] != '.';
			at += entry->length;
		}
	}
	close(fd);
	if (length == 0 && count > 0)
		usage->open_fds = count - 1; /* without the one just closed */
}

void process_usage_read(struct process_usage *ret)
{
	struct rusage usage;
	struct rlimit limit;

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		ret->cpu_ns =
			(uint64_t)((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_SECOND +
				   (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NS_PER_US);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		ret->max_fds = limit.rlim_cur;
	read_memory(ret);
	read_stat(ret);
	count_fds(ret);
}
