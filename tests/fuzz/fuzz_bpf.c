/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets through the programs of bpf/, compiled into this process: what they may never do,
 * whatever comes; and as root the same packet through the same programs in the kernel
 * (BPF_PROG_TEST_RUN), which must do the same to packet, maps and ring, octet for octet.
 */
#include "bpf/frames.h"
#include "bpf/kernel_side.h"
#include "fuzz.h"

struct kc_config programs_config;
struct stamp_identity programs_identity;

#define AGE_NS 1000000000ULL
/* Of what is longer BPF_PROG_TEST_RUN shows XDP the first page only, and the rest is fragments,
 * which no driver hands to a program that does not ask for them. */
#define XDP_BYTES      3000
#define UNDISTURBED_NS 1000000 /* many times what a run takes */
#define ATTEMPTS       8
#define RATE_AHEAD     15280 /* units of 2^16 ns: at the limit of what rate_allows() */

static uint64_t compared;

static void tell_compared(void)
{
	fprintf(stderr, "fuzz_bpf: %llu packets went through the kernel too\n",
		(unsigned long long)compared);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct stamp_identity said = harness_identity();
	const char *wanted = getenv("FUZZ_KERNEL");

	(void)argc;
	(void)argv;
	programs_open();
	programs_identity = said;
	programs_config = (struct kc_config){ .inert_after_ns = INERT_AFTER_NS,
					      .window = WINDOW,
					      .echo_window = ECHO_WINDOW,
					      .flows = FLOWS,
					      .address_capacity = ADDRESS_CAPACITY,
					      .session_capacity = SESSION_CAPACITY,
					      .hash_seed = HASH_SEED,
					      .icmp_id_be = htons(PACKET_ID),
					      .stamp_port_be = htons(STAMP_PORT),
					      .reflector = 1,
					      .tai_clock = 1 };
	for (unsigned flow = 0; flow < FLOWS; flow++)
		programs_config.flow_ports_be[flow] = htons((uint16_t)(FLOW_PORT + flow));
	if (!wanted || strcmp(wanted, "0") != 0)
		kernel = harness_open(true);
	if (!kernel)
		fprintf(stderr, "fuzz_bpf: not compared with the kernel: %s\n",
			wanted ? "FUZZ_KERNEL" : strerror(errno));
	else
		atexit(tell_compared);
	return 0;
}

/* As harness_reset(), and what the recipe wants. */
static void state_make(struct state *state, const struct recipe *recipe, uint64_t now)
{
	struct harness places = { .addresses = state->addresses };
	uint8_t kind = recipe->flights, mapped[16];

	memset(state, 0, sizeof(*state));
	state->control = (struct kc_control){ .heartbeat_ns = kind & 4 ? 1 : now,
					      .real_offset_ns = REAL_OFFSET_NS,
					      .error_estimate_be = htons(ERROR_ESTIMATE + 1) };
	harness_map_ipv4(ipv4_peer, mapped);
	harness_insert(&places, mapped, kind & 8 ? KC_SLOT_KNOWN : SLOT_IPV4);
	harness_insert(&places, ipv6_peer, SLOT_IPV6);
	harness_map_ipv4(ipv4_own, mapped);
	harness_insert(&places, mapped, KC_SLOT_NONE);
	harness_insert(&places, ipv6_own, KC_SLOT_NONE);
	for (size_t i = 0; i < COUNT(state->addresses) && (kind & 16); i++)
		if (state->addresses[i].use == KC_ADDRESS_USED)
			state->addresses[i].reflect_at = (uint32_t)(now >> 16) + RATE_AHEAD;
	for (size_t i = 0; i < COUNT(state->flights); i++) {
		static const uint64_t bits[] = { KC_T1_ARMED, 0, KC_T1_TAKEN, KC_T1_SEEN };
		uint64_t t1_ns = (kind & 1 ? (now - AGE_NS) & ~1ULL : 0) | bits[kind & 3];

		state->flights[i] = (struct kc_flight){
			.nonce = NONCE,
			.t1_ns = (kind & 3) == 2 ? KC_T1_TAKEN : t1_ns,
		};
	}
	for (size_t i = 0; i < COUNT(state->sessions) && (kind & 32); i++)
		state->sessions[i] = (struct kc_session){
			.key = 1 + i,
			.count = 7,
			.used_at = (uint32_t)((now - i * AGE_NS) >> 16),
		};
}

static bool is_ingress(enum program program)
{
	return program >= PROGRAM_INGRESS && program <= PROGRAM_REFLECT;
}

/* As eth_type_trans() of the kernel, on a device whose address is zeros. */
static uint32_t packet_type(const uint8_t *octets)
{
	static const uint8_t own[6], all[6] = { 255, 255, 255, 255, 255, 255 };

	if (memcmp(octets, own, 6) == 0)
		return 0; /* PACKET_HOST */
	if (memcmp(octets, all, 6) == 0)
		return 1;
	return octets[0] & 1 ? 2 : 3;
}

static struct packet_facts facts_of(const struct recipe *recipe, struct outcome *ret)
{
	uint8_t strange = recipe->stranger;
	struct packet_facts facts = { .octets = ret->octets,
				      .bytes = packet_bytes,
				      .linear = packet_bytes };

	memcpy(ret->octets, packet, packet_bytes);
	ret->bytes = packet_bytes;
	if (packet_bytes >= 14) {
		memcpy(&facts.protocol_be, packet + 12, 2);
		facts.pkt_type = packet_type(packet);
	}
	facts.vlan_tci = strange & 1 ? 0x1000 | (strange & 8) : 0;
	facts.gso_size = strange & 2 ? 1400 : 0;
	if (strange & 128)
		facts.pkt_type = 3;
	return facts;
}

static void run_here(const struct recipe *recipe, size_t linear, const struct state *state,
		     const uint64_t times_ns[2], bool socket_exists, struct outcome *ret)
{
	enum program program = recipe->program % PROGRAMS;
	struct packet_facts facts = facts_of(recipe, ret);
	struct world world = { .control = &ret->state.control,
			       .counters = &ret->state.counters,
			       .addresses = ret->state.addresses,
			       .peers = ret->state.peers,
			       .flights = ret->state.flights,
			       .sessions = ret->state.sessions,
			       .slots = SLOTS,
			       .times_ns = { times_ns[0], times_ns[1] },
			       .socket_exists = socket_exists || (recipe->stranger & 16),
			       .tunnelled = recipe->stranger & 32,
			       .ring_full = recipe->stranger & 64,
			       .memory_short = recipe->stranger & 4 };

	ret->state = *state;
	if (linear > 0 && linear < facts.linear)
		facts.linear = linear;
	ret->verdict = programs_run(program, &world, &facts);
	ret->record = world.record;
	ret->records = world.records;
	/* What was answered may have been written to; nothing else. */
	if (ret->verdict != TC_ACT_REDIRECT)
		require(world.stores == 0 && memcmp(ret->octets, packet, packet_bytes) == 0);
}

static uint64_t counters_total(const struct kc_counters *counters)
{
	const uint64_t *values = (const void *)counters;
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(*counters) / sizeof(*values); i++)
		sum += values[i];
	return sum;
}

/* The TLVs of a reply, by what the tests of the programs take for right. */
static void check_tlvs(const uint8_t *request, const uint8_t *reply, size_t udp_bytes)
{
	static uint8_t expected[PACKET_CAPACITY];
	size_t bytes;

	require(udp_bytes >= UDP_BYTES + STAMP_BYTES && udp_bytes <= packet_bytes);
	bytes = udp_bytes - UDP_BYTES - STAMP_BYTES;
	memcpy(expected, request + UDP_BYTES + STAMP_BYTES, bytes);
	tlvs_reflect(expected, bytes, &programs_identity);
	require(memcmp(expected, reply + UDP_BYTES + STAMP_BYTES, bytes) == 0);
}

/* What a reply is, read from its octets. */
static void check_reply(const struct recipe *recipe, const struct outcome *outcome)
{
	bool ethernet = !is_l3(recipe->program % PROGRAMS);
	size_t ip = ethernet ? 14 : 0;
	bool ipv6 = packet[ip] >> 4 == 6;
	size_t addresses = ipv6 ? 8 : 12, size = ipv6 ? 16 : 4, udp = ip + (ipv6 ? 40 : 20);
	const uint8_t *out = outcome->octets;
	size_t udp_bytes;

	require(is_ingress(recipe->program % PROGRAMS) && outcome->bytes == packet_bytes);
	require(udp + 8 + 44 <= packet_bytes);
	/* A peer's to us, whole, and nobody else's. */
	require(!memcmp(packet + ip + addresses, ipv6 ? ipv6_peer : ipv4_peer, size));
	require(!memcmp(packet + ip + addresses + size, ipv6 ? ipv6_own : ipv4_own, size));
	require(packet[ip + (ipv6 ? 7 : 8)] != 0 && !(recipe->stranger & (2 | 4 | 16 | 32 | 128)));
	require((recipe->stranger & 9) != 9 && !(ethernet && packet[6] & 1));
	if (ethernet)
		require(!memcmp(out, packet + 6, 6) && !memcmp(out + 6, packet, 6) &&
			!(out[0] & 1));
	require(!memcmp(out + ip + addresses, packet + ip + addresses + size, size));
	require(!memcmp(out + ip + addresses + size, packet + ip + addresses, size));
	require(out[ip + (ipv6 ? 7 : 8)] == 255);
	require(!memcmp(out + udp, packet + udp + 2, 2) && !memcmp(out + udp + 2, packet + udp, 2));
	require(value_be(out + udp, 2) == STAMP_PORT && value_be(out + udp + 2, 2) != STAMP_PORT);
	/* Verbatim: sequence, timestamp, error estimate of the sender; its TTL. */
	require(!memcmp(out + udp + 8 + 24, packet + udp + 8, 14));
	require(out[udp + 8 + 40] == packet[ip + (ipv6 ? 7 : 8)]);
	/* Of one that was right, the sums are. */
	if (value_be(packet + udp + 6, 2) != 0 && frame_holds(packet, packet_bytes, ethernet))
		require(frame_holds(out, packet_bytes, ethernet));
	udp_bytes = value_be(packet + udp + 4, 2);
	check_tlvs(packet + udp, out + udp, udp_bytes);
	/* Nothing behind the datagram, which IP's holds, is touched. */
	require(udp_bytes <= value_be(packet + ip + (ipv6 ? 4 : 2), 2) - (ipv6 ? 0 : 20U));
	require(udp + udp_bytes <= packet_bytes);
	require(!memcmp(out + udp + udp_bytes, packet + udp + udp_bytes,
			packet_bytes - udp - udp_bytes));
	require(outcome->state.counters.reflected == 1);
}

/* A reply that was paired, by STAMP: the datagram is long enough, and IP's holds it. */
static void check_paired(const struct recipe *recipe)
{
	size_t ip = frame_ip(packet, packet_bytes, !is_l3(recipe->program % PROGRAMS)), udp, end;
	bool ipv6 = packet[ip] >> 4 == 6;
	uint8_t protocol = packet[ip + 9];

	udp = ip + 4U * (packet[ip] & 15);
	end = ip + value_be(packet + ip + (ipv6 ? 4 : 2), 2) + (ipv6 ? 40 : 0);
	if (ipv6)
		udp = frame_walk(packet, packet_bytes, ip, &protocol);
	if (protocol != 17)
		return;
	require(udp + UDP_BYTES + STAMP_BYTES <= packet_bytes);
	require(value_be(packet + udp + 4, 2) >= UDP_BYTES + STAMP_BYTES);
	require(udp + value_be(packet + udp + 4, 2) <= end);
}

static void check_outcome(const struct recipe *recipe, const struct state *before,
			  const struct outcome *outcome)
{
	enum program program = recipe->program % PROGRAMS;
	const struct state *after = &outcome->state;
	uint64_t sent = 0, returned = 0, counted = counters_total(&after->counters);

	for (size_t i = 0; i < SLOTS; i++) {
		sent += after->peers[i].sent;
		returned += after->peers[i].returned;
	}
	require(counted <= 1 && sent <= 1 && returned <= 1 && outcome->records <= 1);
	if (recipe->flights & 4) /* nobody behind them: inert */
		require(memcmp(before, after, sizeof(*before)) == 0 && !outcome->records);
	if (outcome->verdict == TC_ACT_REDIRECT)
		check_reply(recipe, outcome);
	else
		require(outcome->verdict == (program == PROGRAM_XDP ? 2 : TC_ACT_UNSPEC) &&
			after->counters.reflected == 0);
	if (program <= PROGRAM_EGRESS_L3)
		require(counted == 0 && !outcome->records && returned == 0 &&
			outcome->verdict == TC_ACT_UNSPEC);
	else
		require(sent == 0);
	if (program == PROGRAM_REFLECT)
		require(!outcome->records && returned == 0);
	if (outcome->records) {
		check_paired(recipe);
		require(outcome->record.nonce == NONCE && outcome->record.slot < SLOTS &&
			outcome->record.flow < FLOWS);
	}
	if (outcome->records && returned)
		require(outcome->record.residence_ns <=
			outcome->record.t4_ns - outcome->record.t1_ns);
	require(returned == (outcome->records && outcome->record.kind == KC_RETURNED) ||
		after->counters.ring_full == 1);
}

/* Asked again and again, the session's count goes on; or it is asked too often. */
static void check_again(const struct recipe *recipe, const struct outcome *first,
			const uint64_t times_ns[2])
{
	size_t ip = is_l3(recipe->program % PROGRAMS) ? 0 : 14;
	size_t stamp = ip + (packet[ip] >> 4 == 6 ? 40 : 20) + UDP_BYTES;
	uint64_t counted = value_be(first->octets + stamp, 4);
	struct state state = first->state;
	static struct outcome again;

	for (int i = 0; i < 2; i++) {
		memset(&again, 0, sizeof(again));
		run_here(recipe, 0, &state, times_ns, false, &again);
		if (again.verdict != TC_ACT_REDIRECT)
			break;
		counted = (counted + 1) & 0xffffffff;
		require(value_be(again.octets + stamp, 4) == counted);
		state = again.state;
	}
	require(again.verdict == TC_ACT_REDIRECT || again.state.counters.refused_rate == 1);
}

/* In one go: where somebody else had the processor between, the clock may have passed any bound.
 * False: never in one go, or not at all. */
static bool run_undisturbed(const struct recipe *recipe, const struct state *state,
			    uint64_t ret_span[2], struct outcome *ret)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		memset(ret, 0, sizeof(*ret));
		ret_span[0] = now_ns();
		if (!run_in_kernel(recipe, state, ret))
			return false;
		ret_span[1] = now_ns();
		if (ret_span[1] - ret_span[0] < UNDISTURBED_NS)
			return true;
	}
	return false;
}

static void compare_with_kernel(const struct recipe *recipe, const struct state *state)
{
	static struct outcome there, here;
	uint64_t span[2], times[2];

	if (!run_undisturbed(recipe, state, span, &there))
		return;
	/* Where it wrote no time, it was one of these: the clock may have passed a bound between. */
	for (int i = 0; i < 2; i++) {
		bool socket_exists = there.state.counters.refused_socket > 0;

		times[0] = times[1] = span[i];
		times_of(recipe, state, &there, times);
		require(times[0] + 1 >= span[0] && times[0] <= span[1] + 1 &&
			times[1] <= span[1] + 1);
		memset(&here, 0, sizeof(here));
		run_here(recipe, 0, state, times, socket_exists, &here);
		if (outcome_equal(&there, &here)) {
			compared++;
			return;
		}
	}
	fprintf(stderr, "verdict %d there, %d here; counters %d, packet %d, maps %d\n",
		there.verdict, here.verdict,
		memcmp(&there.state.counters, &here.state.counters, sizeof(here.state.counters)),
		memcmp(there.octets, here.octets, here.bytes),
		memcmp(&there.state, &here.state, sizeof(here.state)));
	abort();
}

static void packet_make(struct input *input, const struct recipe *recipe, uint64_t now)
{
	packet_bytes = input_take(input, packet, PACKET_BYTES);
	for (size_t i = 0; i < recipe->stretch * 32U && packet_bytes < PACKET_BYTES; i++)
		packet[packet_bytes++] = (uint8_t)(i * 7);
	if (recipe->flights & 128)
		frame_put_seconds(packet, packet_bytes, !is_l3(recipe->program % PROGRAMS),
				  ntp_of_ns((__int128)now + REAL_OFFSET_NS) >> 32);
	if (recipe->flights & 64)
		frame_repair(packet, packet_bytes, !is_l3(recipe->program % PROGRAMS));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static struct outcome whole, parted;
	static struct state state;
	struct input input = { octets, length };
	uint64_t now = now_ns(), times[2] = { now, now + 250 };
	struct recipe recipe;

	input_take(&input, &recipe, sizeof(recipe));
	packet_make(&input, &recipe, now);
	state_make(&state, &recipe, now);
	memset(&whole, 0, sizeof(whole));
	memset(&parted, 0, sizeof(parted));
	run_here(&recipe, 0, &state, times, false, &whole);
	check_outcome(&recipe, &state, &whole);
	if (whole.verdict == TC_ACT_REDIRECT)
		check_again(&recipe, &whole, times);
	/* However much of it can be accessed directly. */
	run_here(&recipe, recipe.linear, &state, times, false, &parted);
	require(recipe.program % PROGRAMS == PROGRAM_XDP || is_l3(recipe.program % PROGRAMS) ||
		recipe.linear < 14 || outcome_equal(&whole, &parted));
	check_outcome(&recipe, &state, &parted);
	if (kernel && recipe.stranger == 0 &&
	    (recipe.program % PROGRAMS != PROGRAM_XDP || packet_bytes <= XDP_BYTES))
		compare_with_kernel(&recipe, &state);
	return 0;
}
