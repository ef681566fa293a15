/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A word to the service manager that started us (sd_notify(3)): state lines in one datagram. Must
 * not know what the lines say.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1: nobody wants to hear */
	struct sockaddr_un address;
	socklen_t length;
	int64_t watchdog_ns; /* who is silent for so long is killed; 0: for ever */
};

/* From NOTIFY_SOCKET (a path, or abstract after '@'), WATCHDOG_USEC and WATCHDOG_PID. They stay in
 * the environment: we start nobody who could take them for his own. Success where there is no
 * manager. -EINVAL: NOTIFY_SOCKET is neither; -errno: no socket. Then, too, nobody hears. */
int notify_open(struct notify *ret);
void notify_close(struct notify *notify);

/* "NAME=value" lines. Never waits; success if nobody wants to hear. 0 or -errno. */
int notify_send(const struct notify *notify, const char *lines, size_t length);

#endif
