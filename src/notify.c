/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the datagram socket to the service manager, and the variables that tell of it. Opened while
 * there is privilege; allocates nothing. Must not know what is told, or when.
 */
#include "notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_MICROSECOND 1000

/* Decimal digits and nothing else. */
static bool number_read(const char *text, uint64_t *ret)
{
	char *end;

	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* As sd_watchdog_enabled(3): with WATCHDOG_PID it is meant for that process alone. What makes no
 * sense is no watchdog. */
static int64_t watchdog_read(void)
{
	const char *process = getenv("WATCHDOG_PID");
	uint64_t microseconds, pid;

	if (!number_read(getenv("WATCHDOG_USEC"), &microseconds) ||
	    microseconds > INT64_MAX / NS_PER_MICROSECOND)
		return 0;
	if (process && (!number_read(process, &pid) || pid != (uint64_t)getpid()))
		return 0;
	return (int64_t)microseconds * NS_PER_MICROSECOND;
}

/* An abstract name begins with a zero octet and ends with its length; a path ends with a zero. */
static int address_read(const char *name, struct notify *notify)
{
	size_t length = strlen(name);
	bool abstract = name[0] == '@';

	if ((!abstract && name[0] != '/') || length < 2 ||
	    length + (abstract ? 0 : 1) > sizeof(notify->address.sun_path))
		return -EINVAL;
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, name, length);
	if (abstract)
		notify->address.sun_path[0] = '\0';
	notify->length =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (abstract ? 0 : 1));
	return 0;
}

int notify_open(struct notify *ret)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int err;

	*ret = (struct notify){ .fd = -1 };
	if (!name || name[0] == '\0')
		return 0;
	err = address_read(name, ret);
	if (err)
		return err;
	ret->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ret->fd < 0)
		return -errno;
	ret->watchdog_ns = watchdog_read();
	return 0;
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}

/* Not connected: a manager that came back has another socket of the same name. */
int notify_send(const struct notify *notify, const char *lines, size_t length)
{
	if (notify->fd < 0)
		return 0;
	if (sendto(notify->fd, lines, length, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&notify->address, notify->length) < 0)
		return -errno;
	return 0;
}
