/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes back of probes, in any order: records of the ring, replies and refusals from sockets,
 * with sequences, nonces and times of the input's. Every probe ends in one verdict, whatever is
 * said of it, and nothing said of another counts.
 */
#include "fuzz.h"
#include "samples.h"
#include "sim/fake_memory.h"

#define SLOTS	   2
#define FLOWS	   2
#define WINDOW	   8
#define TIMEOUT_NS (100 * NS_PER_MS)

static struct {
	struct kernel_memory memory;
	struct samples *samples;
	struct local_time now;
	uint32_t out[SLOTS]; /* armed, without a verdict */
	uint64_t nonce;
	uint32_t slot; /* of whom it is spoken */
} world;

static void on_sample(void *ctx, const struct sample *sample)
{
	(void)ctx;
	require(sample->slot == world.slot && sample->flow < FLOWS);
	require(sample->verdict <= VERDICT_UNSTAMPED);
	if (sample->verdict != VERDICT_NONE) {
		require(world.out[sample->slot] > 0);
		world.out[sample->slot]--;
	}
	if (sample_has_rtt(sample) || sample->late)
		require(sample->rtt_ns >= 0);
	if (sample->has_variation)
		require(sample->variation_ns >= 0 && !sample->reordered);
	require(!(sample->duplicate && sample->verdict != VERDICT_NONE));
	require(sample->lost_forward <= WINDOW * FLOWS * 1000u);
}

static struct kc_flight *flight_of(struct input *input, uint16_t *ret_flow, uint16_t *ret_sequence)
{
	uint8_t place = input_octet(input);
	uint32_t first = world.slot * FLOWS * WINDOW;

	*ret_flow = place >> 3 & 1;
	*ret_sequence = (uint16_t)(place % WINDOW + (place >> 4) * WINDOW);
	return &world.memory.flights[first + *ret_flow * WINDOW + place % WINDOW];
}

/* As the ingress program writes it, or what else may stand in a ring that outlives its peers. */
static void say_record(struct input *input, uint8_t kind)
{
	uint16_t flow, sequence;
	struct kc_flight *flight = flight_of(input, &flow, &sequence);
	struct kc_record record = {
		.nonce = flight->nonce,
		.t1_ns = flight->t1_ns,
		.t4_ns = (uint64_t)world.now.ns,
		.slot = world.slot,
		.flow = flow,
		.sequence = sequence,
		.kind = kind & 1 ? KC_DUPLICATE : KC_RETURNED,
		.counter = input_octet(input),
		.ttl = 64,
	};

	if (kind & 2)
		record.nonce = input_u64(input);
	else if (kind & 1)
		record.t1_ns = KC_T1_TAKEN;
	else if (flight->t1_ns <= KC_T1_TAKEN)
		return; /* none is written */
	else
		flight->t1_ns = KC_T1_TAKEN;
	if (record.kind == KC_RETURNED && record.t1_ns <= record.t4_ns)
		record.residence_ns = input_u16(input) % (record.t4_ns - record.t1_ns + 1);
	samples_on_record(world.samples, &record, on_sample, NULL);
}

static void say_socket(struct input *input, uint8_t kind)
{
	uint16_t flow, sequence;
	struct kc_flight *flight = flight_of(input, &flow, &sequence);
	uint64_t nonce = kind & 1 ? input_u64(input) : flight->nonce;
	uint32_t before = world.out[world.slot];
	bool held = samples_holds(world.samples, world.slot, flow, sequence, nonce);

	if (kind & 2)
		samples_on_overheard(world.samples, world.slot, flow, sequence, nonce, on_sample,
				     NULL);
	else
		samples_on_refused(world.samples, world.slot, flow, sequence, nonce, on_sample,
				   NULL);
	require(held || world.out[world.slot] == before);
	require(world.out[world.slot] + 1 >= before);
}

static void arm(uint8_t kind)
{
	uint16_t flow = kind & 1;
	uint32_t sequence;

	world.nonce = (world.nonce + 1) * 0x9e3779b97f4a7c15ULL | 1;
	if (samples_arm(world.samples, world.slot, flow, world.nonce, world.now, &sequence))
		return;
	world.out[world.slot]++;
	require(samples_holds(world.samples, world.slot, flow, (uint16_t)sequence, world.nonce));
	if (kind & 2) { /* it leaves */
		struct kc_flight *flight = &world.memory.flights[world.slot * FLOWS * WINDOW +
								 flow * WINDOW + sequence % WINDOW];

		require(flight->nonce == world.nonce && flight->t1_ns == KC_T1_ARMED);
		flight->t1_ns = (uint64_t)world.now.ns & ~(uint64_t)KC_T1_SEEN;
	} else if (kind & 4) {
		samples_disarm(world.samples, world.slot, flow, sequence);
		world.out[world.slot]--;
	}
}

static void step(struct input *input)
{
	uint8_t what = input_octet(input), kind = what >> 4;

	world.slot = what >> 3 & 1;
	switch (what & 7) {
	case 0:
	case 1:
		arm(kind);
		break;
	case 2:
		say_record(input, kind);
		break;
	case 3:
		say_socket(input, kind);
		break;
	case 4:
		world.now = local_after(world.now, (int64_t)input_u16(input) * 4 * NS_PER_US);
		break;
	case 5:
		samples_expire(world.samples, world.slot, world.now, on_sample, NULL);
		break;
	case 6:
		samples_set_stateful(world.samples, world.slot, kind & 1);
		samples_on_neighbour(world.samples, world.slot, kind & 2, world.now);
		break;
	default:
		if (kind == 0) {
			samples_reset(world.samples, world.slot, false);
			world.out[world.slot] = 0;
		} else if (kind == 1) {
			samples_start_anew(world.samples, world.slot);
		}
	}
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		require(samples_in_flight(world.samples, slot) == world.out[slot]);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct input input = { octets, length };

	world.memory = fake_memory_open(SLOTS, FLOWS, WINDOW, 1);
	require(samples_open(&world.memory, TIMEOUT_NS, &world.samples) == 0);
	world.now = (struct local_time){ .ns = 5 * NS_PER_SECOND };
	memset(world.out, 0, sizeof(world.out));
	world.nonce = 0;
	while (input.length > 0)
		step(&input);
	/* When all time has passed, all have their verdict. */
	world.now = local_after(world.now, 10 * NS_PER_SECOND);
	for (world.slot = 0; world.slot < SLOTS; world.slot++) {
		samples_expire(world.samples, world.slot, world.now, on_sample, NULL);
		require(world.out[world.slot] == 0);
		require(samples_in_flight(world.samples, world.slot) == 0);
	}
	samples_close(world.samples);
	fake_memory_close(&world.memory);
	return 0;
}
