/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the user-space reflector, from its sockets to its replies, over a kernel and clocks
 * of ours. Each is asked of the programs of bpf/ too, as a packet, over the same tables: who is
 * answered, what is counted and what the reply says must be the same. And no reply may bear times
 * of two clocks.
 */
#include <linux/pkt_cls.h>

#include "address_hash.h"
#include "bpf/programs.h"
#include "loop.h"
#include "reflector/sockets.h"

struct kc_config programs_config;
struct stamp_identity programs_identity;

#define SLOTS	    4
#define SESSIONS    8 /* so that every place is tried for every session */
#define HASH_SEED   0x5eed
#define ESTIMATE    0x8a05
#define INERT_NS    3000000000ULL
#define TURN_MAX_NS 2000000000
#define RATE_AHEAD  15182 /* units of 2^16 ns: at the limit of reflector_rate_allows() */
/* A bound on what readings of the clocks are off, above reflector.c's own and below a step. */
#define CLOCK_ERROR_NS 200000

/* The request that is being answered. */
static struct {
	const struct told *told; /* NULL: none */
	struct reflector_request request;
	struct reflector_asker asker;
	bool allowed;
	bool written;
	bool sent;
	int64_t t3_ns;
	uint32_t next; /* of the batch */
} current;

static struct kernel_memory tables; /* the reflector's */
static struct kernel_memory model;  /* the programs': what the reflector's was before */

/* --- by the programs --- */

static void memory_copy(struct kernel_memory *to, const struct kernel_memory *from)
{
	const struct kernel_shape *shape = &from->shape;

	*to->control = *from->control;
	*to->counters = *from->counters;
	memcpy(to->addresses, from->addresses, sizeof(*to->addresses) * shape->address_capacity);
	memcpy(to->peers, from->peers, sizeof(*to->peers) * shape->slots);
	memcpy(to->sessions, from->sessions, sizeof(*to->sessions) * shape->session_capacity);
}

static struct frame frame_of_told(const struct told *told)
{
	static const struct shape shapes_of[FAMILIES][2] = {
		{ { "", .no_ethernet = true, .extensions = NO_EXTENSION },
		  { "", .no_ethernet = true, .ipv4_option_bytes = 4, .extensions = NO_EXTENSION } },
		{ { "", .no_ethernet = true, .ipv6 = true, .extensions = NO_EXTENSION },
		  { "", .no_ethernet = true, .ipv6 = true, .extensions = { HOP, 255 },
		    .extension_bytes = 8 } },
	};
	size_t skipped = told->is_ipv4 ? sizeof(address_ipv4_prefix) : 0;
	static struct stamp stamp;

	stamp.source = told->source.octets + skipped;
	stamp.destination = told->destination.octets + skipped;
	stamp.source_port = ntohs(told->port_be);
	stamp.destination_port = OWN_PORT;
	stamp.ttl = told->ttl;
	stamp.payload_bytes = told->bytes;
	memcpy(stamp.payload, told->payload, told->bytes);
	return frame_of_stamp(&shapes_of[!told->is_ipv4][!told->is_plain], &stamp);
}

/* At the same times, over what the reflector's tables were; returns the verdict. */
static int programs_answer(struct frame *frame)
{
	int64_t arrived_ns = current.request.arrived.ns;
	int64_t offset_ns = current.request.t2_unix_ns - arrived_ns;
	struct world world = {
		.control = model.control,
		.counters = model.counters,
		.addresses = model.addresses,
		.peers = model.peers,
		.flights = model.flights,
		.sessions = model.sessions,
		.slots = model.shape.slots,
		.times_ns = { (uint64_t)arrived_ns, (uint64_t)(current.t3_ns - offset_ns) },
		.memory_short = !current.sent,
	};
	struct packet_facts facts = {
		.octets = frame->octets,
		.bytes = frame->bytes,
		.linear = frame->bytes,
		.protocol_be = htons(current.told->is_ipv4 ? 0x0800 : 0x86dd),
	};

	model.control->heartbeat_ns = (uint64_t)arrived_ns;
	model.control->real_offset_ns = offset_ns;
	return programs_run(PROGRAM_INGRESS_L3, &world, &facts);
}

static void check_sessions(void)
{
	size_t bytes = sizeof(*tables.sessions) * SESSIONS;
	bool found = false;

	/* Where the sending failed, the programs had not counted yet. */
	if (!current.written || current.sent) {
		require(memcmp(tables.sessions, model.sessions, bytes) == 0);
		return;
	}
	for (uint32_t i = 0; i < SESSIONS; i++) {
		found |= tables.sessions[i].key == current.asker.session;
		require(tables.sessions[i].key != current.asker.session ||
			tables.sessions[i].count == 0);
	}
	require(found);
}

/* Of one clock, or of two that differ by less than a step. */
static void check_times(void)
{
	const struct told *told = current.told;
	int64_t truth_ns = kernel.unix_mono_ns - told->arrived_ns;

	require(told->stamp_ns > 0 && current.request.t2_unix_ns == told->stamp_ns);
	require(current.t3_ns >= told->stamp_ns);
	require(llabs(current.t3_ns - told->stamp_ns - truth_ns) <= CLOCK_ERROR_NS);
	require(llabs(current.request.arrived.ns - told->arrived_ns) <= CLOCK_ERROR_NS);
}

/* What became of the request, and what the programs make of it. dropped: counted since, for the
 * next one told of them. */
static void settle(uint32_t dropped)
{
	const struct told *told = current.told;
	struct frame frame;
	int verdict;

	if (!told)
		return;
	frame = frame_of_told(told);
	verdict = programs_answer(&frame);
	model.counters->refused_failed += dropped;
	require(current.sent == (verdict == TC_ACT_REDIRECT));
	require(memcmp(tables.counters, model.counters, sizeof(*tables.counters)) == 0);
	require(memcmp(tables.addresses, model.addresses,
		       sizeof(*tables.addresses) * tables.shape.address_capacity) == 0);
	require(memcmp(tables.peers, model.peers, sizeof(*tables.peers) * SLOTS) == 0);
	check_sessions();
	if (current.sent)
		check_times();
	/* It goes out unless something is in its way. */
	require(current.sent || !current.allowed || told->send_fails || told->stamp_ns == 0 ||
		!told->is_sure || told->steps_count != kernel.steps_count);
	if (current.sent)
		require(memcmp(kernel.reflector->payloads[told - kernel.told],
			       frame.octets + frame.message + UDP_BYTES, told->bytes) == 0);
	current.told = NULL;
}

/* --- between the reflector and its kernel --- */

static bool judged(const struct kernel_memory *memory, uint16_t own_port_be,
		   const struct reflector_request *request, struct reflector_asker *ret)
{
	const struct told *told = &kernel.told[current.next];

	settle(told->dropped);
	require(current.next < kernel.count && own_port_be == htons(OWN_PORT));
	require(request->payload == kernel.reflector->payloads[current.next++]);
	require(address_equal(&request->source, &told->source));
	require(told->destination.octets[15] == 0 || /* for nobody */
		address_equal(&request->destination, &told->destination));
	require(request->source_port_be == told->port_be && request->ttl == told->ttl);
	require(request->is_ipv4 == told->is_ipv4 && request->is_plain == told->is_plain);
	require(request->bytes == told->bytes && request->arrived.ns <= kernel.mono_ns);
	memory_copy(&model, memory);
	current.told = told;
	current.request = *request;
	current.written = current.sent = false;
	current.t3_ns = request->t2_unix_ns;
	current.allowed = reflector_judge(memory, own_port_be, request, ret);
	if (current.allowed)
		current.asker = *ret;
	return current.allowed;
}

static void written(const struct kernel_memory *memory, const struct stamp_identity *identity,
		    const struct reflector_request *request, const struct reflector_asker *asker,
		    uint8_t *payload)
{
	require(current.allowed && !current.written);
	current.written = true;
	reflector_write(memory, identity, request, asker, payload);
}

/* From the address that was asked, in the class of the question; by whichever interface. */
static void check_sent_by(struct msghdr *header)
{
	const struct told *told = current.told;
	struct cmsghdr *address = CMSG_FIRSTHDR(header);
	struct cmsghdr *tos = CMSG_NXTHDR(header, address);
	struct in_pktinfo four;
	struct in6_pktinfo six;
	int value;

	require(tos && !CMSG_NXTHDR(header, tos));
	memcpy(&value, CMSG_DATA(tos), sizeof(value));
	require(value == told->tos && tos->cmsg_len == CMSG_LEN(sizeof(value)));
	memcpy(&four, CMSG_DATA(address), sizeof(four));
	if (told->is_ipv4) {
		require(address->cmsg_level == IPPROTO_IP && address->cmsg_type == IP_PKTINFO);
		require(address->cmsg_len == CMSG_LEN(sizeof(four)) && four.ipi_ifindex == 0);
		require(memcmp(&four.ipi_spec_dst, told->destination.octets + 12, 4) == 0);
		require(tos->cmsg_level == IPPROTO_IP && tos->cmsg_type == IP_TOS);
		return;
	}
	require(address->cmsg_level == IPPROTO_IPV6 && address->cmsg_type == IPV6_PKTINFO);
	require(address->cmsg_len == CMSG_LEN(sizeof(six)));
	memcpy(&six, CMSG_DATA(address), sizeof(six));
	require(memcmp(&six.ipi6_addr, told->destination.octets, 16) == 0 && six.ipi6_ifindex == 0);
	require(tos->cmsg_level == IPPROTO_IPV6 && tos->cmsg_type == IPV6_TCLASS);
}

static ssize_t kernel_send(int fd, struct msghdr *header, int flags)
{
	const struct told *told = current.told;
	struct address to;

	require(told && current.written && !current.sent);
	require(fd == (told->is_ipv4 ? FD : FD + 1) && (flags & MSG_DONTWAIT));
	socket_address_read(header->msg_name, &to);
	require(address_equal(&to, &told->source) && header->msg_iovlen == 1);
	require(((union socket_address *)header->msg_name)->ipv4.sin_port == told->port_be);
	require(header->msg_iov->iov_base == current.request.payload &&
		header->msg_iov->iov_len == told->bytes);
	check_sent_by(header);
	errno = ENOBUFS;
	if (told->send_fails)
		return -1;
	current.sent = true;
	current.t3_ns = kernel.unix_ns;
	return (ssize_t)told->bytes;
}

static int received(int fd, struct mmsghdr *messages, unsigned int wanted, int flags,
		    struct timespec *timeout)
{
	settle(0);
	require(!timeout && current.next == kernel.count); /* all of the last batch was judged */
	current.next = 0;
	return kernel_receive(fd, messages, wanted, flags);
}

#define loop_now		   kernel_now
#define loop_unix_ns		   kernel_unix_ns
#define socket			   kernel_socket
#define bind			   kernel_bind
#define close			   kernel_close
#define probe_socket_set	   kernel_set
#define probe_socket_set_path	   kernel_set_path
#define recvmmsg		   received
#define sendmsg(fd, header, flags) kernel_send(fd, header, flags)
#define reflector_judge		   judged
#define reflector_write		   written
#define option			   reflector_option /* not options.h's */
#include "../../src/reflector.c"
#include "../../src/reflector_answer.c"
#undef reflector_judge
#undef reflector_write

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct kernel_shape shape = { .slots = SLOTS,
				      .flows = 1,
				      .window = 8,
				      .echo_window = 8,
				      .address_capacity = addresses_capacity(32),
				      .session_capacity = SESSIONS,
				      .hash_seed = HASH_SEED };

	(void)argc;
	(void)argv;
	programs_open();
	tables = fake_memory_of(&shape);
	model = fake_memory_of(&shape);
	programs_identity =
		(struct stamp_identity){ .version = 1, .name_length = 3, .name = "abc" };
	programs_config = (struct kc_config){ .inert_after_ns = INERT_NS,
					      .window = shape.window,
					      .echo_window = shape.echo_window,
					      .flows = shape.flows,
					      .address_capacity = shape.address_capacity,
					      .session_capacity = SESSIONS,
					      .hash_seed = HASH_SEED,
					      .stamp_port_be = htons(OWN_PORT),
					      .reflector = 1 };
	return 0;
}

/* Our own addresses, of which one is a peer's too, and peers with a slot and without. */
static void tables_make(void)
{
	memset(tables.counters, 0, sizeof(*tables.counters));
	memset(tables.addresses, 0, sizeof(*tables.addresses) * tables.shape.address_capacity);
	memset(tables.peers, 0, sizeof(*tables.peers) * SLOTS);
	memset(tables.sessions, 0, sizeof(*tables.sessions) * SESSIONS);
	tables.control->error_estimate_be = htons(ESTIMATE);
	for (int ipv4 = 0; ipv4 < 2; ipv4++) {
		struct address peer = address_of(1, ipv4), other = address_of(2, ipv4);
		struct address known = address_of(3, ipv4), own = address_of(4, ipv4);
		struct address both = address_of(5, ipv4);

		require(addresses_insert(&tables, &peer, 1) == 0);
		require(addresses_insert(&tables, &other, 2) == 0);
		require(addresses_insert(&tables, &known, KC_SLOT_KNOWN) == 0);
		require(addresses_insert(&tables, &both, 3) == 0);
		require(addresses_set_own(&tables, &own, true) == 0);
		require(addresses_set_own(&tables, &both, true) == 0);
	}
}

/* Times near where those of sessions wrap, too; the wall clock from 1970 on. */
static void clocks_make(void)
{
	kernel.mono_ns = NS_PER_SECOND + ((int64_t)input_u16(&kernel.input) << 34);
	kernel.steps_count = 1;
	kernel.steps[0].from_ns = 0;
	kernel.steps[0].offset_ns = input_u32(&kernel.input) * NS_PER_SECOND;
	kernel.emptied_ns[0] = kernel.emptied_ns[1] = kernel.mono_ns;
	kernel.random = 1 + (uint64_t)kernel.mono_ns;
}

/* Time goes by; the clock may be set before one of the next readings; peers may have asked as often
 * as they may, or not for long. */
static void turn(void)
{
	uint8_t kind = input_octet(&kernel.input);
	uint32_t reflect_at = 0;

	kernel.mono_ns += (int64_t)(fake_random(&kernel.random) % TURN_MAX_NS) >> (kind % 16);
	if (kind & 16) {
		int64_t unit_ns = kind & 32 ? NS_PER_SECOND : STEP_LEAST_NS;
		uint16_t steps = input_u16(&kernel.input);

		kernel.step_in = 1 + (input_octet(&kernel.input) & 63);
		kernel.step_ns = (steps ? (int16_t)steps : 1) * unit_ns;
	}
	if (kind & 64)
		reflect_at = (uint32_t)(kernel.mono_ns >> 16) + RATE_AHEAD +
			     (uint32_t)(int8_t)input_octet(&kernel.input);
	for (uint32_t i = 0; i < tables.shape.address_capacity && (kind & (64 | 128)); i++)
		tables.addresses[i].reflect_at = reflect_at;
	reflector_answer(kernel.reflector);
	settle(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	const struct reflector_settings settings = { htons(OWN_PORT), &programs_identity };
	const uint64_t *counters = (const void *)tables.counters;
	struct reflector *reflector;
	uint64_t counted = 0;

	memset(&kernel, 0, offsetof(__typeof__(kernel), told));
	memset(&current, 0, sizeof(current));
	kernel.input = (struct input){ octets, length };
	kernel.count = 0;
	tables_make();
	clocks_make();
	require(reflector_open(&settings, &reflector) == 0);
	kernel.reflector = reflector;
	reflector_answer(reflector); /* nothing yet: nobody has told it of tables */
	require(kernel.delivered == 0);
	reflector_use(reflector, &tables, tables.sessions);
	while (kernel.input.length > 0)
		turn();
	for (size_t i = 0; i < sizeof(*tables.counters) / sizeof(*counters); i++)
		counted += counters[i];
	require(counted == kernel.delivered + kernel.dropped);
	reflector_close(reflector);
	return 0;
}
