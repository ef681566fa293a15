/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink: the way through a datagram ends where it ends. */
#include "unit/cmocka_all.h"

#include "netlink.h"

/* The kernel pads between messages, and need not after the last one. */
static void the_last_message_need_not_be_padded(void **state)
{
	union {
		struct nlmsghdr header;
		char bytes[64];
	} datagram = { .header = { .nlmsg_len = NLMSG_LENGTH(3) } };
	struct nlmsghdr *last = (void *)(datagram.bytes + NLMSG_SPACE(3));
	uint32_t left = NLMSG_SPACE(3) + NLMSG_LENGTH(1);
	struct nlmsghdr *header = &datagram.header;

	(void)state;
	last->nlmsg_len = NLMSG_LENGTH(1);
	assert_true(NLMSG_OK(header, left));
	header = netlink_next_message(header, &left);
	assert_ptr_equal(header, last);
	assert_int_equal(left, NLMSG_LENGTH(1));
	assert_true(NLMSG_OK(header, left));
	header = netlink_next_message(header, &left);
	assert_int_equal(left, 0);
	assert_false(NLMSG_OK(header, left));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_message_need_not_be_padded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
