/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of rtnetlink that are not the kernel's, from another socket of a namespace of our own,
 * where we may send them: no route and no link is taken from them.
 */
#include <errno.h>
#include <linux/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "routes_state.h"
#include "unit/cmocka_all.h"

#define FORGED_IFINDEX 4242
#define WAIT_MS	       5000

struct world {
	struct routes *routes;
	int forger;
	uint32_t links; /* told by notices */
	uint32_t forged_links;
};

/* A route to nowhere in particular, or a link. */
struct forged {
	struct nlmsghdr header;
	union {
		struct rtmsg route;
		struct ifinfomsg link;
	};
};

static void on_link(void *ctx, uint32_t ifindex)
{
	struct world *world = ctx;

	world->links++;
	world->forged_links += ifindex == FORGED_IFINDEX;
}

/* Up, so that there are notices and a route. */
static void set_loopback(bool up)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static int open_world(void **state)
{
	static struct world world;

	world = (struct world){ .forger = -1 };
	*state = NULL;
	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return 0; /* not permitted */
	set_loopback(true);
	assert_int_equal(routes_open(&world.routes), 0);
	world.forger = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	*state = &world;
	return 0;
}

static int close_world(void **state)
{
	struct world *world = *state;

	if (!world)
		return 0;
	close(world->forger);
	routes_close(world->routes);
	return 0;
}

static void forge(const struct world *world, int fd, uint16_t type, uint32_t sequence)
{
	struct forged forged = {
		.header = { .nlmsg_len = sizeof(forged), .nlmsg_type = type, .nlmsg_seq = sequence }
	};
	struct sockaddr_nl to;
	socklen_t length = sizeof(to);

	if (type == RTM_NEWROUTE)
		forged.route.rtm_type = RTN_UNREACHABLE;
	else
		forged.link.ifi_index = FORGED_IFINDEX;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &length), 0);
	assert_int_equal(
		sendto(world->forger, &forged, sizeof(forged), 0, (struct sockaddr *)&to, length),
		sizeof(forged));
}

static void an_answer_is_the_kernels(void **state)
{
	static const struct address own = { .octets = { [10] = 0xff, 0xff, 127, 0, 0, 1 } };
	struct world *world = *state;
	struct route route;

	if (!world)
		skip();
	assert_int_equal(routes_get(world->routes, &own, &route), 0);
	assert_true(route.own);
	/* It waits already when the question is asked, and has its very sequence. */
	forge(world, world->routes->request_fd, RTM_NEWROUTE, world->routes->sequence + 1);
	assert_int_equal(routes_get(world->routes, &own, &route), 0);
	assert_true(route.own);
}

/* The kernel's own, of a question that was given up. */
static void an_answer_is_to_this_question(void **state)
{
	static const struct address own = { .octets = { [10] = 0xff, 0xff, 127, 0, 0, 1 } };
	static const struct address nowhere = { .octets = { [10] = 0xff, 0xff, 198, 18, 0, 1 } };
	struct world *world = *state;
	struct route route;
	struct forged question = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
					       .nlmsg_type = RTM_GETROUTE,
					       .nlmsg_flags = NLM_F_REQUEST } };

	if (!world)
		skip();
	assert_int_equal(routes_get(world->routes, &nowhere, &route), -ENETUNREACH);
	/* Refused: it has neither a family nor a destination. */
	assert_true(send(world->routes->request_fd, &question, question.header.nlmsg_len, 0) > 0);
	assert_int_equal(routes_get(world->routes, &own, &route), 0);
	assert_true(route.own);
}

static void a_notice_is_the_kernels(void **state)
{
	struct world *world = *state;
	struct pollfd polled;

	if (!world)
		skip();
	routes_changed(world->routes, on_link, world);
	world->links = 0;
	forge(world, routes_fd(world->routes), RTM_NEWLINK, 0);
	routes_changed(world->routes, on_link, world);
	assert_int_equal(world->links, 0);
	set_loopback(false);
	polled = (struct pollfd){ .fd = routes_fd(world->routes), .events = POLLIN };
	assert_int_equal(poll(&polled, 1, WAIT_MS), 1);
	assert_true(routes_changed(world->routes, on_link, world));
	assert_true(world->links > 0);
	assert_int_equal(world->forged_links, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
		TEST(an_answer_is_the_kernels),
		TEST(an_answer_is_to_this_question),
		TEST(a_notice_is_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
