/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which handle our filters stand under: claimed by an abstract socket, or at random. Must not know
 * filters.
 */
#include "clsact.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Beyond all that can be claimed, and so that what is added for other places stays beyond. */
static int handle_at_random(uint32_t *ret_handle)
{
	uint16_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	*ret_handle = CLSACT_HANDLE_BASE + CLSACT_UNCLAIMED +
		      random % (UINT16_MAX - 2 * CLSACT_UNCLAIMED);
	return 0;
}

int clsact_claim_handle(uint32_t *ret_handle, int *ret_fd)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	for (uint32_t instance = 0; instance < CLSACT_INSTANCES; instance++) {
		/* Abstract, since it begins with zero: no file, one for each network namespace. */
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		int length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
				      CLSACT_CLAIM "%u", instance);

		if (bind(fd, (const struct sockaddr *)&name,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				     (size_t)length)) == 0) {
			*ret_handle = CLSACT_HANDLE_BASE + instance;
			*ret_fd = fd;
			return 0;
		}
		if (errno != EADDRINUSE) {
			err = -errno;
			close(fd);
			return err;
		}
	}
	close(fd);
	err = handle_at_random(ret_handle);
	if (!err)
		*ret_fd = -1;
	return err;
}
