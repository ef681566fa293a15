/* SPDX-License-Identifier: Apache-2.0 */
/*
 * T3 over a real device: what the ingress program notes in a packet comes through the kernel's
 * redirection to the egress program. Somebody's program that takes its time is in front of that and
 * tells when it was done, so that no clock is guessed at: T3 is from then on. In a network
 * namespace of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>

#include "device.h"
#include "stamp_harness.h"

#define WAIT_MAX_NS   10000000 /* after it nothing is put right: the machine had no time for us */
#define TRIES	      50
#define SLOW_READINGS 2000 /* of the clock: tens of microseconds, far from NTP_SLACK */

static const struct virtio_net_hdr no_header;

static const struct shape by_device[] = {
	{ "Ethernet, IPv4", .extensions = NO_EXTENSION },
	{ "Ethernet, IPv6", .ipv6 = true, .extensions = NO_EXTENSION },
	{ "L3, IPv4", .no_ethernet = true, .extensions = NO_EXTENSION },
	{ "L3, IPv6", .no_ethernet = true, .ipv6 = true, .extensions = NO_EXTENSION },
};

/* What the slow program tells of the last packet. */
struct passage {
	uint64_t begin_ns;
	uint64_t end_ns;
};

static int open_passages(void)
{
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "passages", 4, sizeof(struct passage), 1, NULL);
}

static int load_slow(int passages_fd)
{
	const struct bpf_insn instructions[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = 10, .off = -4, .imm = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -4 },
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = passages_fd },
		{ .code = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .imm = 0, .off = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 7, .src_reg = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 8, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns },
		{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 7, .src_reg = 0, .off = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 8, .imm = 1 },
		{ .code = BPF_JMP | BPF_JLT | BPF_K, .dst_reg = 8, .imm = SLOW_READINGS, .off = -3 },
		{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 7, .src_reg = 0, .off = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "slow", "GPL", instructions,
			     COUNT(instructions), NULL);
}

static void attach_egress(const struct device *device, int program_fd, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)device->index,
		    .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd, .priority = priority);

	assert_int_equal(bpf_tc_attach(&hook, &options), 0);
}

static struct frame answer_over(struct harness *harness, const struct device *device,
				const struct shape *shape, const struct stamp *request,
				struct frame *ret_in)
{
	struct frame in = frame_of_stamp(shape, request), out;

	if (!shape->no_ethernet)
		memcpy(in.octets, device_mac, sizeof(device_mac));
	harness_reset(harness);
	device_receive(device, &in, &no_header, 0);
	assert_true(device_sent(device, DEVICE_WAIT, &out));
	assert_only_counter(harness, COUNTER(reflected));
	*ret_in = in;
	return out;
}

/* Of one request and its answer. */
struct exchange {
	struct frame in, out;
	uint64_t before_ns, after_ns;
	struct passage passage;
};

static struct exchange exchange_over(struct harness *harness, const struct device *device,
				     const struct shape *shape, const struct stamp *request,
				     int passages_fd)
{
	struct exchange exchange = { .before_ns = 0 };
	uint32_t first = 0;

	for (int i = 0; i < TRIES; i++) {
		exchange.passage = (struct passage){ 0 };
		assert_int_equal(
			bpf_map_update_elem(passages_fd, &first, &exchange.passage, BPF_ANY), 0);
		exchange.before_ns = now_ns();
		exchange.out = answer_over(harness, device, shape, request, &exchange.in);
		exchange.after_ns = now_ns();
		assert_int_equal(bpf_map_lookup_elem(passages_fd, &first, &exchange.passage), 0);
		if (exchange.after_ns - exchange.before_ns < WAIT_MAX_NS)
			return exchange;
	}
	fail_msg("%d answers took longer than %d ns each", TRIES, WAIT_MAX_NS);
	return exchange;
}

/* with: the egress program, behind the slow one. */
static void check_answer(struct harness *harness, const struct device *device,
			 const struct shape *shape, int passages_fd, bool with)
{
	struct stamp request = stamp_request_in();
	struct exchange exchange = exchange_over(harness, device, shape, &request, passages_fd);
	const struct passage *passage = &exchange.passage;
	uint64_t t3 = value_be(exchange.out.octets + exchange.in.message + UDP_BYTES + 4, 8);
	struct frame expected;

	assert_true(passage->begin_ns > exchange.before_ns);
	assert_true(passage->end_ns > passage->begin_ns);
	if (with)
		assert_in_range(t3, ntp_of(passage->end_ns) - NTP_SLACK,
				ntp_of(exchange.after_ns) + NTP_SLACK);
	else /* so that the above says something */
		assert_in_range(t3, ntp_of(exchange.before_ns) - NTP_SLACK,
				ntp_of(passage->begin_ns) + NTP_SLACK);
	/* Checksums and all. */
	expected = frame_expected(shape, &request, &exchange.in, &exchange.out, 0);
	assert_same_frame(&exchange.out, &expected);
}

static void t3_is_put_right_behind_the_redirection(void **state)
{
	struct harness *harness = harness_or_skip(state);
	int passages_fd = open_passages();
	int slow_fd = load_slow(passages_fd);

	assert_true(passages_fd >= 0 && slow_fd >= 0);
	for (size_t i = 0; i < COUNT(by_device); i++) {
		struct programs programs = programs_of(harness, &by_device[i]);
		struct device device;

		if (unshare(CLONE_NEWNET) != 0 ||
		    device_open(&device, by_device[i].no_ethernet ? IFF_TUN : IFF_TAP,
				programs.ingress[0]) != 0) {
			print_message("no such device here: %s\n", strerror(errno));
			skip();
		}
		attach_egress(&device, slow_fd, 1);
		check_answer(harness, &device, &by_device[i], passages_fd, false);
		attach_egress(&device, bpf_program__fd(programs.egress), 2);
		check_answer(harness, &device, &by_device[i], passages_fd, true);
		device_close(&device);
	}
	close(slow_fd);
	close(passages_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t3_is_put_right_behind_the_redirection),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
