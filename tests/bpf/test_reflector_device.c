/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that come in over a real device and the replies that leave by it: with and without
 * Ethernet header, checksums left to the device, tags taken off, octets in pieces, and listeners
 * beside us. Each in a network namespace of its own; touches no interface of the host.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>

#include "device.h"
#include "stamp_harness.h"

static const struct virtio_net_hdr no_header;

static const struct shape l3[] = {
	{ "L3, IPv4", .no_ethernet = true, .extensions = NO_EXTENSION },
	{ "L3, IPv6", .no_ethernet = true, .ipv6 = true, .extensions = NO_EXTENSION },
};

static void open_or_skip(struct device *device, int kind, const struct bpf_program *program)
{
	if (unshare(CLONE_NEWNET) != 0 || device_open(device, kind, program) != 0) {
		print_message("no such device here: %s\n", strerror(errno));
		skip();
	}
}

static struct frame frame_in(const struct shape *shape, const struct stamp *request)
{
	struct frame frame = frame_of_stamp(shape, request);

	if (!shape->no_ethernet)
		memcpy(frame.octets, device_mac, sizeof(device_mac));
	return frame;
}

/* Where what went out should be the reply to what came in. The checksum is whole by then. */
static void assert_sent(const struct device *device, const struct shape *shape,
			const struct stamp *request, const struct frame *in, uint32_t count,
			uint64_t before_ns)
{
	struct stamp whole = *request;
	struct frame out, expected;

	assert_true(device_sent(device, DEVICE_WAIT, &out));
	assert_times(out.octets + in->message + UDP_BYTES, before_ns, now_ns());
	if (whole.checksum == SUM_PARTIAL)
		whole.checksum = SUM_RIGHT;
	expected = frame_expected(shape, &whole, in, &out, count);
	assert_same_frame(&out, &expected);
}

static void check_answered(struct harness *harness, const struct device *device,
			   const struct shape *shape, const struct stamp *request, size_t first)
{
	struct frame in = frame_in(shape, request);
	uint64_t before_ns;

	harness_reset(harness);
	before_ns = now_ns();
	device_receive(device, &in, &no_header, first);
	assert_sent(device, shape, request, &in, 0, before_ns);
	assert_only_counter(harness, COUNTER(reflected));
}

static void check_not_answered(struct harness *harness, const struct device *device,
			       const struct frame *in, size_t counter)
{
	struct frame out;

	harness_reset(harness);
	device_receive(device, in, &no_header, 0);
	assert_false(device_sent(device, 0, &out));
	assert_only_counter(harness, counter);
}

static struct stamp request_with_tlvs(void)
{
	struct stamp request = stamp_request_in();

	stamp_add_tlv(&request, 0, 77, 3, 9);
	stamp_add_tlv(&request, 0x80, STAMP_TLV_IDENTITY, IDENTITY_BYTES, 0);
	stamp_add_tlv(&request, 0x80, 1, 700, 0xff);
	return request;
}

static void a_reply_leaves_by_the_device_of_the_request(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp requests[] = { stamp_request_in(), request_with_tlvs() };
	const struct bpf_program *programs[] = { harness->skeleton->progs.kc_ingress,
						 harness->skeleton->progs.kc_reflect };

	for (size_t i = 0; i < COUNT(programs); i++) {
		struct device device;

		open_or_skip(&device, IFF_TAP, programs[i]);
		for (size_t j = 0; j < COUNT(plain) * COUNT(requests); j++)
			check_answered(harness, &device, &plain[j / 2], &requests[j % 2], 0);
		device_close(&device);
	}
}

static void a_device_without_ethernet_header_does_too(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp requests[] = { stamp_request_in(), request_with_tlvs() };
	struct device device;

	open_or_skip(&device, IFF_TUN, harness->skeleton->progs.kc_ingress_l3);
	for (size_t i = 0; i < COUNT(l3) * COUNT(requests); i++)
		check_answered(harness, &device, &l3[i / 2], &requests[i % 2], 0);
	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct frame frame = frame_of_stamp(&shapes[i], &requests[0]);

		if (!shapes[i].no_ethernet)
			continue;
		if (shapes[i].ipv4_option_bytes || shapes[i].extension_bytes)
			check_not_answered(harness, &device, &frame, COUNTER(refused_options));
	}
	for (size_t i = 0; i < COUNT(l3); i++) {
		struct stamp forged = stamp_request_in();
		struct frame frame;

		forged.source = l3[i].ipv6 ? ipv6_stranger : ipv4_stranger;
		frame = frame_of_stamp(&l3[i], &forged);
		check_not_answered(harness, &device, &frame, COUNTER(refused_source));
	}
	device_close(&device);
}

/* The sender's device left it to ours, which it never met: as between two namespaces. */
static void a_checksum_left_to_the_device_is_right_in_the_end(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp requests[] = { stamp_request_in(), request_with_tlvs() };
	struct device device;

	open_or_skip(&device, IFF_TAP, harness->skeleton->progs.kc_ingress);
	for (size_t i = 0; i < COUNT(plain) * COUNT(requests); i++) {
		struct stamp *request = &requests[i % 2];
		struct frame in;
		uint64_t before_ns = now_ns();

		request->checksum = SUM_PARTIAL;
		in = frame_in(&plain[i / 2], request);
		struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						 .csum_start = (uint16_t)in.message,
						 .csum_offset = 6 };

		harness_reset(harness);
		device_receive(&device, &in, &header, 0);
		assert_sent(&device, &plain[i / 2], request, &in, 0, before_ns);
		assert_only_counter(harness, COUNTER(reflected));
	}
	device_close(&device);
}

static void frames_for_others_are_not_answered(void **state)
{
	static const uint8_t macs[][6] = {
		{ 2, 0, 0, 0, 0, 9 },
		{ 1, 0, 0x5e, 0, 0, 1 },
		{ 0x33, 0x33, 0, 0, 0, 1 },
		{ 255, 255, 255, 255, 255, 255 },
	};
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();
	struct device device;

	open_or_skip(&device, IFF_TAP, harness->skeleton->progs.kc_ingress);
	for (size_t i = 0; i < COUNT(macs) * COUNT(plain); i++) {
		struct frame frame = frame_in(&plain[i / COUNT(macs)], &request);

		memcpy(frame.octets, macs[i % COUNT(macs)], 6);
		check_not_answered(harness, &device, &frame, COUNTER(refused_host));
	}
	/* The kernel takes the outer tag off before we see it. */
	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct frame frame = frame_in(&shapes[i], &request);

		if (shapes[i].vlan_tags > 0)
			check_not_answered(harness, &device, &frame, COUNTER(refused_host));
	}
	device_close(&device);
}

/* A tag that names no VLAN but tells the priority: for the device itself. The kernel takes it off
 * before we see it, and puts it back on. */
static void a_priority_tag_is_answered_with_one(void **state)
{
	static const struct shape tagged[] = {
		{ "priority, IPv4", .vlan_tags = 1, .priority_only = true,
		  .extensions = NO_EXTENSION },
		{ "priority, IPv6", .vlan_tags = 1, .priority_only = true, .ipv6 = true,
		  .extensions = NO_EXTENSION },
	};
	struct harness *harness = harness_or_skip(state);
	struct stamp request = request_with_tlvs();
	struct device device;

	open_or_skip(&device, IFF_TAP, harness->skeleton->progs.kc_ingress);
	for (size_t i = 0; i < COUNT(tagged); i++) {
		struct shape twice = tagged[i];
		struct frame frame;

		check_answered(harness, &device, &tagged[i], &request, 0);
		twice.vlan_tags = 2;
		frame = frame_in(&twice, &request);
		check_not_answered(harness, &device, &frame, COUNTER(refused_host));
	}
	device_close(&device);
}

/* A program that says of each packet that it came through a tunnel, as a device does that collects
 * metadata. */
static int load_tunnel(bool ipv6)
{
	const struct bpf_insn instructions[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -8, .imm = 7 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = 4,
		  .imm = ipv6 ? BPF_F_TUNINFO_IPV6 : 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_set_tunnel_key },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "tunnel", "GPL", instructions,
			     COUNT(instructions), NULL);
}

static void what_came_through_a_tunnel_is_not_answered(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	for (size_t i = 0; i < 4; i++) {
		int program_fd = load_tunnel(i / 2);
		LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd, .priority = 1);
		LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
		const struct shape *shape = i % 2 ? &l3[0] : &plain[1];
		struct frame frame = frame_in(shape, &request);
		struct device device;

		assert_true(program_fd >= 0);
		open_or_skip(&device, i % 2 ? IFF_TUN : IFF_TAP,
			     i % 2 ? harness->skeleton->progs.kc_ingress_l3
				   : harness->skeleton->progs.kc_ingress);
		check_answered(harness, &device, shape, &request, 0);
		hook.ifindex = (int)device.index;
		assert_int_equal(bpf_tc_attach(&hook, &options), 0);
		check_not_answered(harness, &device, &frame, COUNTER(refused_host));
		device_close(&device);
		close(program_fd);
	}
}

static void octets_in_pieces_are_answered_whole(void **state)
{
	static const size_t firsts[] = { 54, 62, 63, 90, 106, 300 };
	struct harness *harness = harness_or_skip(state);
	struct stamp request = request_with_tlvs();
	struct device device;

	open_or_skip(&device, IFF_TAP | IFF_NAPI | IFF_NAPI_FRAGS,
		     harness->skeleton->progs.kc_ingress);
	for (size_t i = 0; i < COUNT(firsts) * COUNT(plain); i++)
		check_answered(harness, &device, &plain[i / COUNT(firsts)], &request,
			       firsts[i % COUNT(firsts)]);
	device_close(&device);
}

static void the_longest_is_answered_and_no_longer(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();
	struct device device;

	open_or_skip(&device, IFF_TAP, harness->skeleton->progs.kc_ingress);
	stamp_add_tlv(&request, 0x80, 1, 9168 - 44 - 4, 0x77);
	for (size_t i = 0; i < COUNT(plain); i++)
		check_answered(harness, &device, &plain[i], &request, 0);
	stamp_add(&request, "", 1);
	for (size_t i = 0; i < COUNT(plain); i++) {
		struct frame frame = frame_in(&plain[i], &request);

		check_not_answered(harness, &device, &frame, COUNTER(refused_length));
	}
	device_close(&device);
}

/* A capture beside us holds the same buffer: it must not see it change. */
static void a_listener_sees_the_request_as_it_came(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = request_with_tlvs();
	struct device device;

	open_or_skip(&device, IFF_TAP, harness->skeleton->progs.kc_ingress);
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = (int)device.index };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	for (size_t i = 0; i < COUNT(plain); i++) {
		struct frame in = frame_in(&plain[i], &request), seen;
		ssize_t bytes;

		while (recv(fd, seen.octets, sizeof(seen.octets), 0) > 0)
			;
		check_answered(harness, &device, &plain[i], &request, 0);
		bytes = recv(fd, seen.octets, sizeof(seen.octets), 0);
		assert_int_equal(bytes, in.bytes);
		assert_memory_equal(seen.octets, in.octets, in.bytes);
	}
	close(fd);
	device_close(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_leaves_by_the_device_of_the_request),
		cmocka_unit_test(a_device_without_ethernet_header_does_too),
		cmocka_unit_test(a_checksum_left_to_the_device_is_right_in_the_end),
		cmocka_unit_test(frames_for_others_are_not_answered),
		cmocka_unit_test(a_priority_tag_is_answered_with_one),
		cmocka_unit_test(what_came_through_a_tunnel_is_not_answered),
		cmocka_unit_test(octets_in_pieces_are_answered_whole),
		cmocka_unit_test(the_longest_is_answered_and_no_longer),
		cmocka_unit_test(a_listener_sees_the_request_as_it_came),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
