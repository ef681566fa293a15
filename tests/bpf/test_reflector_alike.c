/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reflector of bpf/ and that of user space, beside each other: the same random request by the
 * same tables, and then the same verdict, reply, counters, sessions and rate, but for the times.
 * The seed is printed; SEED and ROUNDS may be given. Must not know how either does it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "reflector_rules.h"
#include "sim/fake_memory.h"
#include "stamp_harness.h"

#define ROUNDS	    60000
#define ROUND_NS    3000000ULL /* longer, and the rate may have been another's affair */
#define BYTES_MAX   2000       /* a test run takes a page at most, with all headers */
#define UNITS(ns)   ((uint32_t)((uint64_t)(ns) >> 16))
#define RATE_FULL   1000000000 /* ahead of now: refused for 5 ms yet */
#define UNITS_SLACK UNITS(2 * ROUND_NS)

struct twins {
	struct harness *harness;
	struct kernel_memory memory; /* of user space */
	struct stamp_identity identity;
	uint64_t seed;
	uint64_t answered, refused; /* what the run was worth */
};

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static uint32_t below(struct twins *twins, uint32_t count)
{
	return (uint32_t)((fake_random(&twins->seed) >> 16) % count);
}

static void fill(struct twins *twins, uint8_t *octets, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		octets[i] = (uint8_t)below(twins, 256);
}

static void add_tlv(struct twins *twins, struct stamp *stamp)
{
	static const uint8_t types[] = { 1, 1, 245, 245, 245, 7, 200, 2, 0 };
	static const uint16_t lengths[] = { 320, 320, 320, 319, 321, 0, 1, 4, 33 };
	size_t bytes = lengths[below(twins, COUNT(lengths))];
	uint8_t *value;

	stamp_add_tlv(stamp, (uint8_t)below(twins, 256), types[below(twins, COUNT(types))], bytes,
		      below(twins, 4) ? 0 : 0x5a);
	value = stamp->payload + stamp->payload_bytes - bytes;
	if (bytes > 0 && below(twins, 8) == 0)
		value[below(twins, (uint32_t)bytes)]++;
}

static void fill_payload(struct twins *twins, struct stamp *stamp)
{
	uint32_t tlvs = below(twins, 3) ? below(twins, 4) : below(twins, 12);
	uint64_t now = (now_ns() + (uint64_t)REAL_OFFSET_NS) / 1000000000 + NTP_UNIX_OFFSET;

	stamp_fill_request(stamp, below(twins, 1000));
	octets_be(stamp->payload + 14, 2, below(twins, 5));
	if (below(twins, 4) == 0)
		fill(twins, stamp->payload + 16, 28);
	if (below(twins, 16) == 0)
		octets_be(stamp->payload + (below(twins, 2) ? 16 : 28), 4,
			  now + below(twins, 160) - 80);
	for (uint32_t i = 0; i < tlvs && stamp->payload_bytes < BYTES_MAX; i++)
		add_tlv(twins, stamp);
	if (below(twins, 6) == 0)
		stamp->payload_bytes -= below(twins, (uint32_t)stamp->payload_bytes);
}

/* Mostly one that may be answered. */
static struct stamp random_request(struct twins *twins, const struct shape *shape)
{
	static const uint8_t mapped_peer[16] = { [10] = 0xff, [11] = 0xff, [12] = 8, [15] = 2 };
	static const uint8_t mapped_own[16] = { [10] = 0xff, [11] = 0xff, [12] = 8, [15] = 1 };
	static const uint8_t *const ipv4[] = { ipv4_peer, ipv4_own, ipv4_stranger, ipv4_stranger };
	static const uint8_t *const ipv6[] = { ipv6_peer, ipv6_own, ipv6_stranger, mapped_peer };
	static const uint8_t *const mapped[] = { mapped_own, mapped_peer };
	static const uint16_t ports[] = { REQUEST_PORT, FLOW_PORT, 1, 65535, STAMP_PORT, 0 };
	struct stamp stamp = { .destination_port = STAMP_PORT,
			       .source_port =
				       ports[below(twins, 10) ? below(twins, 4) : below(twins, 6)],
			       .ttl = (uint8_t)(below(twins, 10) ? 1 + below(twins, 255) : 0) };

	if (below(twins, 10) == 0)
		stamp.source = (shape->ipv6 ? ipv6 : ipv4)[below(twins, 4)];
	if (below(twins, 10) == 0)
		stamp.destination = (shape->ipv6 ? ipv6 : ipv4)[below(twins, 4)];
	if (shape->ipv6 && below(twins, 20) == 0)
		stamp.destination = mapped[below(twins, 2)];
	fill_payload(twins, &stamp);
	return stamp;
}

static struct address address_in(const struct shape *shape, const uint8_t *octets)
{
	struct address address;

	if (shape->ipv6)
		memcpy(address.octets, octets, 16);
	else
		harness_map_ipv4(octets, address.octets);
	return address;
}

/* What the kernel would tell a socket of this frame. */
static struct reflector_request request_of(const struct shape *shape, const struct stamp *stamp,
					   uint64_t at_ns)
{
	const uint8_t *peer = shape->ipv6 ? ipv6_peer : ipv4_peer;
	const uint8_t *own = shape->ipv6 ? ipv6_own : ipv4_own;

	return (struct reflector_request){
		.source = address_in(shape, stamp->source ? stamp->source : peer),
		.destination = address_in(shape, stamp->destination ? stamp->destination : own),
		.source_port_be = htons(stamp->source_port),
		.ttl = stamp->ttl,
		.is_ipv4 = !shape->ipv6,
		.is_plain = shape->ipv4_option_bytes == 0 && shape->extensions[0] == 255,
		.bytes = (uint32_t)stamp->payload_bytes,
		.payload = stamp->payload,
		.arrived = { .ns = (int64_t)at_ns },
		.t2_unix_ns = (int64_t)at_ns + REAL_OFFSET_NS,
	};
}

static bool answer(struct twins *twins, const struct reflector_request *request, uint8_t *payload)
{
	struct reflector_asker asker;

	if (!reflector_judge(&twins->memory, htons(STAMP_PORT), request, &asker))
		return false;
	reflector_write(&twins->memory, &twins->identity, request, &asker, payload);
	reflector_write_t3(payload, request->t2_unix_ns + 1);
	reflector_count_answered(&twins->memory, &asker);
	return true;
}

/* The times are each one's own, but near each other. */
static void assert_same_payload(const uint8_t *theirs, uint8_t *ours, size_t bytes)
{
	for (size_t at = 4; at <= 16; at += 12) {
		assert_true(value_be(theirs + at, 8) - value_be(ours + at, 8) + (1ULL << 30) <
			    1ULL << 31);
		memcpy(ours + at, theirs + at, 8);
	}
	assert_memory_equal(theirs, ours, bytes);
}

/* And made so to the last unit of time. */
static void assert_same_tables(struct twins *twins)
{
	struct harness *harness = twins->harness;
	struct kernel_memory *memory = &twins->memory;

	assert_memory_equal(memory->counters, harness->counters, sizeof(*memory->counters));
	for (size_t i = 0; i < SLOTS; i++)
		assert_int_equal(memory->peers[i].reflected, harness->peers[i].reflected);
	for (size_t i = 0; i < SESSION_CAPACITY; i++) {
		assert_int_equal(memory->sessions[i].key, harness->sessions[i].key);
		assert_int_equal(memory->sessions[i].count, harness->sessions[i].count);
		assert_true(harness->sessions[i].used_at - memory->sessions[i].used_at <=
			    UNITS_SLACK);
	}
	for (size_t i = 0; i < ADDRESS_CAPACITY; i++)
		assert_true(harness->addresses[i].reflect_at - memory->addresses[i].reflect_at +
				    1 <=
			    UNITS_SLACK);
	memcpy(memory->sessions, harness->sessions, SESSION_CAPACITY * sizeof(*memory->sessions));
	memcpy(memory->addresses, harness->addresses,
	       ADDRESS_CAPACITY * sizeof(*memory->addresses));
}

/* Idle, busy, or with no more to give. */
static void set_rate(struct twins *twins)
{
	static const int64_t ahead_ns[] = { -20000000000, 0, 500000000, RATE_FULL, 1100000000 };
	uint32_t at = UNITS(now_ns() + (uint64_t)ahead_ns[below(twins, COUNT(ahead_ns))]);

	for (size_t i = 0; i < ADDRESS_CAPACITY; i++) {
		twins->harness->addresses[i].reflect_at = at;
		twins->memory.addresses[i].reflect_at = at;
	}
}

static void tables_copy(struct twins *twins)
{
	struct harness *harness = twins->harness;
	struct kernel_memory *memory = &twins->memory;

	*memory->control = *harness->control;
	*memory->counters = *harness->counters;
	memcpy(memory->peers, harness->peers, SLOTS * sizeof(*memory->peers));
	memcpy(memory->sessions, harness->sessions, SESSION_CAPACITY * sizeof(*memory->sessions));
	memcpy(memory->addresses, harness->addresses,
	       ADDRESS_CAPACITY * sizeof(*memory->addresses));
}

static void round_of(struct twins *twins)
{
	const struct shape *shape = below(twins, 8) ? &plain[below(twins, 2)]
						    : &shapes[below(twins, 8)];
	struct stamp stamp = random_request(twins, shape);
	struct frame in = frame_of_stamp(shape, &stamp), out = { 0 };
	struct reflector_request request;
	uint64_t start_ns = now_ns();
	bool is_answered;
	int verdict;

	twins->harness->control->heartbeat_ns = start_ns;
	set_rate(twins);
	request = request_of(shape, &stamp, now_ns());
	is_answered = answer(twins, &request, stamp.payload);
	verdict = harness_run_freely(reflectors_of(twins->harness).programs[1], in.octets,
				     in.bytes < 60 ? 60 : in.bytes, &out);
	if (now_ns() - start_ns > ROUND_NS) {
		tables_copy(twins); /* interrupted */
		return;
	}
	assert_int_equal(verdict, is_answered ? TC_ACT_REDIRECT : TC_ACT_UNSPEC);
	if (is_answered)
		assert_same_payload(out.octets + in.message + UDP_BYTES, stamp.payload,
				    stamp.payload_bytes);
	assert_same_tables(twins);
	twins->answered += is_answered;
	twins->refused += !is_answered;
}

static void both_reflectors_do_the_same(void **state)
{
	static const struct kernel_shape shape = { .slots = SLOTS,
						   .flows = FLOWS,
						   .window = WINDOW,
						   .echo_window = ECHO_WINDOW,
						   .address_capacity = ADDRESS_CAPACITY,
						   .session_capacity = SESSION_CAPACITY,
						   .hash_seed = HASH_SEED };
	uint64_t rounds = number_of("ROUNDS", ROUNDS);
	struct twins twins = { .harness = harness_or_skip(state),
			       .memory = fake_memory_of(&shape),
			       .identity = harness_identity(),
			       .seed = number_of("SEED", now_ns()) };

	print_message("SEED=%llu\n", (unsigned long long)twins.seed);
	harness_reset(twins.harness);
	/* As an entry is while it leaves; and a peer's that is ours too. */
	harness_insert(twins.harness, ipv6_stranger, KC_SLOT_NONE)->own = 0;
	entry_of(twins.harness, ipv6_own, NULL)->slot = SLOT_IPV6;
	tables_copy(&twins);
	for (uint64_t i = 0; i < rounds; i++)
		round_of(&twins);
	print_message("%llu answered, %llu refused\n", (unsigned long long)twins.answered,
		      (unsigned long long)twins.refused);
	assert_true(twins.answered > rounds / 5);
	assert_true(twins.refused > rounds / 5);
	fake_memory_close(&twins.memory);
}

/* What the rounds came upon. */
static void every_refusal_was_seen(void **state)
{
	const struct kc_counters *counters = harness_or_skip(state)->counters;

	assert_true(counters->refused_destination > 0);
	assert_true(counters->refused_source > 0);
	assert_true(counters->refused_port > 0);
	assert_true(counters->refused_loop > 0);
	assert_true(counters->refused_options > 0);
	assert_true(counters->refused_length > 0);
	assert_true(counters->refused_rate > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_reflectors_do_the_same),
		cmocka_unit_test(every_refusal_was_seen),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
