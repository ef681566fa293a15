/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries whether this kernel gives an unprivileged socket the stamps that it promises: packets to
 * ourselves, over the loopback device, before anything is built on them. Must not know probes.
 */
#include <errno.h>
#include <linux/net_tstamp.h>
#include <string.h>
#include <unistd.h>

#include "instant.h"
#include "loop.h"
#include "prober_stamp_state.h"

/* The first socket that wants stamps of what comes switches them on in the whole host, a moment
 * later: it is tried again and again. */
#define TRY_NS	     NS_PER_SECOND
#define TRY_EVERY_MS 20

#define TRIED_BYTES 512 /* with all headers */

static const char tried_text[] = "kube-canary tries the kernel's stamps";

struct trial {
	bool left;  /* the stamp of one that left, and the packet behind it */
	bool whole; /* as it was sent */
	bool came;
};

static bool has_stamp(struct msghdr *header)
{
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
	     control = CMSG_NXTHDR(header, control)) {
		struct scm_timestamping stamps;

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPING)
			continue;
		memcpy(&stamps, CMSG_DATA(control), sizeof(stamps));
		if (stamps.ts[0].tv_sec > 0)
			return true;
	}
	return false;
}

static void look(int fd, int flags, struct trial *trial)
{
	_Alignas(struct cmsghdr) char control[256];
	char octets[TRIED_BYTES];
	struct iovec part = { .iov_base = octets, .iov_len = sizeof(octets) };
	ssize_t length;

	do {
		struct msghdr header = { .msg_iov = &part,
					 .msg_iovlen = 1,
					 .msg_control = control,
					 .msg_controllen = sizeof(control) };
		bool stamped;

		length = recvmsg(fd, &header, flags | MSG_DONTWAIT);
		stamped = length >= 0 && has_stamp(&header);
		if (stamped && (flags & MSG_ERRQUEUE)) {
			trial->left = true;
			trial->whole |= length >= (ssize_t)sizeof(tried_text) &&
					memcmp(octets + length - sizeof(tried_text), tried_text,
					       sizeof(tried_text)) == 0;
		} else if (stamped) {
			trial->came = true;
		}
	} while (length >= 0);
}

/* 0: it was tried. */
static int try_socket(int fd, int domain, struct trial *trial)
{
	static const struct address loopback[2] = {
		{ .octets = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 } },
		{ .octets = { [15] = 1 } },
	};
	union socket_address address;
	socklen_t length = socket_address_write(&address, &loopback[domain == AF_INET6], 0);
	struct local_time begin = loop_now();
	int err = prober_stamp_want_stamps(fd, domain);

	if (err)
		return err;
	if (bind(fd, &address.any, length) < 0 || getsockname(fd, &address.any, &length) < 0)
		return -errno;
	while (!(trial->left && trial->whole && trial->came) &&
	       local_since(loop_now(), begin) < TRY_NS) {
		struct pollfd nothing = { .fd = -1 };

		if (sendto(fd, tried_text, sizeof(tried_text), 0, &address.any, length) < 0)
			return -errno;
		poll(&nothing, 1, TRY_EVERY_MS);
		look(fd, MSG_ERRQUEUE, trial);
		look(fd, 0, trial);
	}
	return 0;
}

static const char *missing_in(const struct trial *trial)
{
	if (!trial->left)
		return "stamps of packets that leave, and these with them: the loopback device is "
		       "down, or the sysctl net.core.tstamp_allow_data is 0";
	if (!trial->whole)
		return "the packets that their stamps belong to";
	return trial->came ? NULL : "stamps of packets that come";
}

int prober_stamp_try_stamps(const char **ret_missing)
{
	static const int domains[] = { AF_INET, AF_INET6 };
	int status = -EADDRNOTAVAIL;

	*ret_missing = "a loopback device, at which they could be tried";
	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		int fd = socket(domains[i], SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		struct trial trial = { .left = false };
		int err;

		if (fd < 0 && errno == EAFNOSUPPORT)
			continue;
		err = fd < 0 ? -errno : try_socket(fd, domains[i], &trial);
		if (fd >= 0)
			close(fd);
		/* A family without its loopback address carries nothing to try. */
		if (err == -EADDRNOTAVAIL || err == -ENETUNREACH)
			continue;
		*ret_missing = err ? "a socket that takes part" : missing_in(&trial);
		status = err ? err : *ret_missing ? -EOPNOTSUPP : 0;
		if (status)
			return status;
	}
	return status;
}
