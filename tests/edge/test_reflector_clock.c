/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user-space reflector by clocks that the test sets back against the kernel's stamps, both by
 * the same, as it is seen by nobody who compares them. Must not set those of the machine.
 */
#include "edge/reflector_world.h"

#include <sys/syscall.h>

static int64_t back_ns;

/* In place of the C library's: what the program reads, but not the kernel's T2. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int64_t ns;

	if (syscall(SYS_clock_gettime, clock, ret) != 0)
		return -1;
	ns = ret->tv_sec * 1000000000 + ret->tv_nsec - back_ns;
	*ret = (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	return 0;
}

static void no_reply_leaves_before_its_request_came(void **state)
{
	static const int64_t backs_ns[] = { 1000000, 1000000000, 3600000000000 };
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];

	request_fill(asked, 1, 0);
	FOR_EACH_FAMILY(world, family)
	{
		for (size_t i = 0; i < sizeof(backs_ns) / sizeof(backs_ns[0]); i++) {
			check_answered(world, family, 0);
			ask(world, family, asked, sizeof(asked));
			back_ns = backs_ns[i];
			check_refused(world, family, COUNTER(refused_failed));
			back_ns = 0;
		}
		check_answered(world, family, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_reply_leaves_before_its_request_came, open_world,
						close_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
