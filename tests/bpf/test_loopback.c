/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real packets over the loopback of a network namespace of its own: probes of every size, the
 * kernel's own replies, and socket buffers in pieces, which BPF_PROG_TEST_RUN does not make.
 * Touches no interface of the host.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/if_link.h>
#include <linux/if_packet.h>
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
	uint16_t slot = ipv6 ? SLOT_IPV6 : SLOT_IPV4;
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

/* Only the Ethernet header in the linear area: so the kernel builds what comes through a
 * transmit ring. */
struct transmit_ring {
	int fd;
	struct tpacket2_hdr *slot;
};

static int transmit_ring_open(struct transmit_ring *ret)
{
	struct tpacket_req request = {
		.tp_block_size = 8192, .tp_block_nr = 1, .tp_frame_size = 8192, .tp_frame_nr = 1
	};
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = LOOPBACK };
	int version = TPACKET_V2;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	void *memory;

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -errno;
	memory = mmap(NULL, request.tp_block_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	*ret = (struct transmit_ring){ .fd = fd, .slot = memory };
	return 0;
}

static int transmit(const struct transmit_ring *ring, const struct frame *frame)
{
	_Static_assert(sizeof(*ring->slot) % TPACKET_ALIGNMENT == 0,
		       "data follow the header at once");
	memcpy(ring->slot + 1, frame->octets, frame->bytes);
	ring->slot->tp_len = (uint32_t)frame->bytes;
	__atomic_store_n(&ring->slot->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_SEQ_CST);
	return send(ring->fd, NULL, 0, 0) == (ssize_t)frame->bytes ? 0 : -1;
}

/* tc programs on the loopback of a namespace of this process's own; 0 or SKIPPED. */
static int attach(struct harness *harness, bool xdp)
{
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
	return 0;
}

/* 0, SKIPPED, or 1 + the index of the size that failed. */
static int check_sizes(struct harness *harness, bool xdp)
{
	static const size_t sizes[] = {
		8, 44, 45, 1472, 4000, 8191, ECHO_PAYLOAD_MAX - 1, ECHO_PAYLOAD_MAX
	};

	if (attach(harness, xdp) != 0)
		return SKIPPED;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		if (!is_measured(harness, false, sizes[i]) || !is_measured(harness, true, sizes[i]))
			return (int)i + 1;
	}
	return is_measured(harness, false, ECHO_PAYLOAD_MAX + 1) ? SKIPPED - 1 : 0;
}

static int check_sizes_tc(struct harness *harness)
{
	return check_sizes(harness, false);
}

static int check_sizes_xdp(struct harness *harness)
{
	return check_sizes(harness, true);
}

/* 0, SKIPPED, or 1 + the index of the shape that failed. */
static int check_nonlinear(struct harness *harness)
{
	struct transmit_ring ring;

	if (attach(harness, false) != 0 || transmit_ring_open(&ring) != 0)
		return SKIPPED;
	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct echo request = echo_of(false), reply = echo_of(true);
		struct frame out = frame_of_echo(&shapes[i], &request);
		struct frame in = frame_of_echo(&shapes[i], &reply);
		struct kc_flight *flight = arm(harness, &shapes[i], KC_T1_ARMED);

		if (shapes[i].no_ethernet)
			continue;
		if (transmit(&ring, &out) != 0 || flight->t1_ns == KC_T1_ARMED)
			return (int)i + 1;
		if (transmit(&ring, &in) != 0 || flight->t1_ns != KC_T1_TAKEN)
			return (int)i + 1;
	}
	return 0;
}

/* The namespace is the child's and ends with it. */
static void run_in_child(void **state, int check(struct harness *harness))
{
	struct harness *harness = harness_or_skip(state);
	int status = -1;
	pid_t child = fork();

	assert_int_not_equal(child, -1);
	if (child == 0)
		_exit(check(harness));
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
	run_in_child(state, check_sizes_tc);
}

static void probes_of_every_size_are_measured_by_generic_xdp(void **state)
{
	run_in_child(state, check_sizes_xdp);
}

static void headers_outside_the_linear_area_are_read_too(void **state)
{
	run_in_child(state, check_nonlinear);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_of_every_size_are_measured_by_tc),
		cmocka_unit_test(probes_of_every_size_are_measured_by_generic_xdp),
		cmocka_unit_test(headers_outside_the_linear_area_are_read_too),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
