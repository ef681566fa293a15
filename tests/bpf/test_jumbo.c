/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real probes of every size over the loopback of a network namespace of its own: fragmented socket buffers,
 * which BPF_PROG_TEST_RUN does not make, and the kernel's own replies. Touches no interface of the host.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "echo.h"
#include "harness.h"

#define LOOPBACK    1 /* its ifindex in every namespace */
#define TCX_INGRESS 46
#define TCX_EGRESS  47
#define SKIPPED	    77
#define WAIT_NS	    1000000000ULL
#define MESSAGE_MAX (ECHO_HEADER_BYTES + ECHO_PAYLOAD_MAX + 1)

static int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);

	close(fd);
	return err;
}

static int send_probe(bool ipv6, size_t payload_bytes)
{
	static uint8_t message[MESSAGE_MAX];
	struct echo_probe probe = { .type = ipv6 ? ECHO_REQUEST_V6 : ECHO_REQUEST,
				    .id_be = htons(PACKET_ID),
				    .sequence_be = htons(SEQUENCE),
				    .nonce = NONCE };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 to_v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	size_t bytes = ECHO_HEADER_BYTES + payload_bytes;
	ssize_t sent;
	int fd;

	memset(message, 0x5a, sizeof(message));
	memcpy(message, &probe, sizeof(probe));
	probe.checksum = htons((uint16_t)~sum_octets(message, bytes, 0));
	memcpy(message, &probe, sizeof(probe)); /* ICMPv6: the kernel does it again */
	fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC,
		    ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	sent = sendto(fd, message, bytes, 0,
		      ipv6 ? (struct sockaddr *)&to_v6 : (struct sockaddr *)&to,
		      ipv6 ? sizeof(to_v6) : sizeof(to));
	close(fd);
	return sent == (ssize_t)bytes ? 0 : -1;
}

/* Whether a probe of that size is measured. */
static bool is_measured(struct harness *harness, bool ipv6, size_t payload_bytes)
{
	static const uint8_t loopback_v4[16] = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 };
	static const uint8_t loopback_v6[16] = { [15] = 1 };
	uint32_t slot = ipv6 ? SLOT_IPV6 : SLOT_IPV4;
	const struct kc_flight *flight = arm(harness, ipv6 ? &shapes[3] : &shapes[0], KC_T1_ARMED);
	uint64_t deadline_ns = now_ns() +
			       (payload_bytes > ECHO_PAYLOAD_MAX ? WAIT_NS / 10 : WAIT_NS);

	harness_insert(harness, ipv6 ? loopback_v6 : loopback_v4, slot);
	if (send_probe(ipv6, payload_bytes) != 0)
		return false;
	while (__atomic_load_n(&flight->t1_ns, __ATOMIC_RELAXED) != KC_T1_TAKEN &&
	       now_ns() < deadline_ns)
		usleep(100);
	return harness->peers[slot].sent == 1 && harness->peers[slot].returned == 1 &&
	       harness_drain(harness) == 1 && harness->records[0].kind == KC_RETURNED;
}

/* 0, SKIPPED, or the number of the size that failed. */
static int check_sizes(struct harness *harness, bool xdp)
{
	static const size_t sizes[] = {
		8, 44, 45, 1472, 4000, 8191, ECHO_PAYLOAD_MAX - 1, ECHO_PAYLOAD_MAX
	};
	const struct canary_bpf *skeleton = harness->skeleton;
	const struct bpf_program *ingress = xdp ? skeleton->progs.kc_ingress_xdp
						: skeleton->progs.kc_ingress;
	LIBBPF_OPTS(bpf_link_create_opts, generic, .flags = XDP_FLAGS_SKB_MODE);

	if (unshare(CLONE_NEWNET) != 0 || loopback_up() != 0)
		return SKIPPED;
	if (bpf_link_create(bpf_program__fd(skeleton->progs.kc_egress), LOOPBACK, TCX_EGRESS,
			    NULL) < 0 ||
	    bpf_link_create(bpf_program__fd(ingress), LOOPBACK, xdp ? BPF_XDP : TCX_INGRESS,
			    xdp ? &generic : NULL) < 0)
		return SKIPPED; /* no TCX before 6.6 */
	for (size_t i = 0; i < COUNT(sizes); i++) {
		if (!is_measured(harness, false, sizes[i]) || !is_measured(harness, true, sizes[i]))
			return (int)i + 1;
	}
	return is_measured(harness, false, ECHO_PAYLOAD_MAX + 1) ? SKIPPED - 1 : 0;
}

/* The namespace is the child's and ends with it. */
static void check_in_child(void **state, bool xdp)
{
	struct harness *harness = harness_or_skip(state);
	int status = -1;
	pid_t child = fork();

	assert_int_not_equal(child, -1);
	if (child == 0)
		_exit(check_sizes(harness, xdp));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED) {
		print_message("no namespace or no TCX here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void probes_of_every_size_are_measured_by_tc(void **state)
{
	check_in_child(state, false);
}

static void probes_of_every_size_are_measured_by_generic_xdp(void **state)
{
	check_in_child(state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_of_every_size_are_measured_by_tc),
		cmocka_unit_test(probes_of_every_size_are_measured_by_generic_xdp),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
