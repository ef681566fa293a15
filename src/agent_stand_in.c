/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tier without BPF: connects the sockets' stamps to the stand-in for the kernel half, and the
 * reflector of our own to the loop. Keeps no account of probes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent_state.h"
#include "log.h"

/* Peers whose probes nothing measures, and were told: by a hash of the address in their slot. Taken
 * only in this tier. */
static uint32_t *told_icmp;

/* All stamps that were told so far are from before this. */
static bool follow_clock(const struct agent *agent)
{
	int64_t error_ns;
	int64_t offset_ns = wall_clock_offset(&error_ns);

	if (stand_in_follow_clock(agent->stand_in, offset_ns, error_ns))
		return true;
	log_info("the wall clock was set: probes in flight are without a round-trip time");
	return false;
}

int agent_open_stand_in(struct agent *agent, const struct agent_inheritance *inheritance)
{
	const struct kernel_memory *memory = maps_memory(agent->maps);
	int err = stand_in_open(inheritance->kernel, memory, &agent->stand_in);

	if (err)
		return err;
	told_icmp = calloc(memory->shape.slots, sizeof(*told_icmp));
	if (!told_icmp)
		return -ENOMEM;
	follow_clock(agent);
	agent->reflector = inheritance->reflector;
	if (agent->reflector)
		reflector_use(agent->reflector, memory, stand_in_sessions(agent->stand_in));
	return 0;
}

void agent_close_stand_in(struct agent *agent)
{
	stand_in_close(agent->stand_in);
	agent->stand_in = NULL;
	free(told_icmp);
	told_icmp = NULL;
}

static void on_requests(void *ctx, struct local_time now)
{
	struct agent *agent = ctx;

	(void)now;
	reflector_answer(agent->reflector);
}

int agent_open_reflector(struct agent *agent)
{
	int fds[REFLECTOR_SOCKETS];
	uint32_t count = agent->reflector ? reflector_fds(agent->reflector, fds) : 0;
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++)
		err = loop_add(agent->loop, fds[i], on_requests, agent);
	if (err)
		log_error("cannot wait for requests", LOG_ERRNO(err));
	return err;
}

/* --- what the sockets hear --- */

static void on_left(void *ctx, const struct echoed *probe, int64_t t1_real_ns)
{
	const struct agent *agent = ctx;

	stand_in_on_left(agent->stand_in, probe, t1_real_ns);
}

static bool on_stamps(void *ctx)
{
	return follow_clock(ctx);
}

static void on_stamped_reply(void *ctx, const struct stamped_reply *reply)
{
	struct agent *agent = ctx;
	const struct stand_in_reply paired = { .echoed = reply->echoed,
					       .t4_real_ns = reply->t4_real_ns,
					       .payload = reply->payload,
					       .length = reply->length,
					       .ttl = reply->ttl };

	stand_in_on_reply(agent->stand_in, &paired);
	if (reply->length >= STAMP_BYTES)
		agent_on_reply(agent, &reply->echoed, reply->payload, reply->length);
}

static void on_full(void *ctx, uint16_t flow)
{
	const struct agent *agent = ctx;

	stand_in_on_full(agent->stand_in, flow);
}

static bool on_refusal(void *ctx, const struct echoed *quoted)
{
	const struct agent *agent = ctx;

	return canary_on_refused(agent->canary, quoted);
}

struct prober_stamp_errors agent_hear(struct agent *agent)
{
	const struct prober_stamp_hearer hearer = {
		.ctx = agent,
		.on_left = on_left,
		.on_stamps = on_stamps,
		.on_reply = on_stamped_reply,
		.on_full = on_full,
		.on_refusal = on_refusal,
	};

	return prober_stamp_hear(agent->stamp, &hearer);
}

/* --- what there is instead of programs --- */

/* What the loader says of a place where our programs are. That stamps come is for the probes to
 * tell, as it is of programs. */
void agent_answer_word(struct agent *agent, const struct word *word)
{
	const struct word answer = {
		.kind = WORD_ATTACHED,
		.ifindex = word->ifindex,
		.egress.mode = HOOK_SOCKET,
		.ingress.mode = HOOK_SOCKET,
	};

	if (word->kind != WORD_DETACH)
		interfaces_on_word(canary_interfaces(agent->canary), &answer);
}

static uint32_t hash_of(const struct address *address)
{
	uint32_t words[4];

	memcpy(words, address->octets, sizeof(words));
	return (words[0] ^ words[1] ^ words[2] ^ words[3]) | 1; /* 0: nobody */
}

void agent_refuse_icmp(const struct probe *batch, uint32_t count, int *errors)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct probe *probe = &batch[i];
		char address[ADDRESS_TEXT_CAPACITY];

		if (probe->protocol != PROBE_ICMP)
			continue;
		errors[i] = -EPROTONOSUPPORT;
		if (told_icmp[probe->slot] == hash_of(&probe->destination))
			continue;
		told_icmp[probe->slot] = hash_of(&probe->destination);
		address_format(&probe->destination, address);
		log_warn("the peer cannot be measured: the peers file wants it probed by ICMP, "
			 "which without BPF is not possible",
			 LOG_TEXT("peer", address));
	}
}
