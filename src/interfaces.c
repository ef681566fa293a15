/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the interfaces in use and each peer's set of them, a bit for each. Believes the loader's
 * word only until probes tell otherwise. Must not know netlink, sockets or BPF.
 */
#include "interfaces.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "interfaces_evidence.h"

/* While probes tell that both programs are at work the loader need not be woken to say so: then
 * only for what no probe tells of, the reflector. */
#define ASK_EVERY_NS NS_PER_SECOND
#define ASK_CALM_NS  (10 * NS_PER_SECOND)

/* A peer that told nothing, while another one told so much, told nothing lately. */
#define LATELY_MAX 16

/* Peers looked at in each search for odd ones. */
#define ODD_STEP 64

struct interfaces {
	struct interface table[INTERFACE_CAPACITY];
	uint32_t top; /* of the table so much was ever in use */
	uint32_t slots;
	uint32_t *sets;		   /* [slots]: bit i stands for table[i] */
	struct evidence *evidence; /* [slots] */
	struct interface_doubts doubts;
	uint32_t odd;	   /* peers that are, and not named yet */
	uint32_t odd_slot; /* the next to look at */
	uint64_t left_out;
};

_Static_assert(INTERFACE_CAPACITY <= 32, "a set is a word");

int interfaces_open(uint32_t slots, struct interfaces **ret)
{
	struct interfaces *interfaces = calloc(1, sizeof(*interfaces));

	if (!interfaces)
		return -ENOMEM;
	interfaces->slots = slots;
	interfaces->sets = calloc(slots, sizeof(*interfaces->sets));
	interfaces->evidence = calloc(slots, sizeof(*interfaces->evidence));
	if (!interfaces->sets || !interfaces->evidence) {
		interfaces_close(interfaces);
		return -ENOMEM;
	}
	*ret = interfaces;
	return 0;
}

void interfaces_close(struct interfaces *interfaces)
{
	if (!interfaces)
		return;
	free(interfaces->sets);
	free(interfaces->evidence);
	free(interfaces);
}

static struct interface *interfaces_find(struct interfaces *interfaces, uint32_t ifindex)
{
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		if (interfaces->table[i].ifindex == ifindex)
			return &interfaces->table[i];
	}
	return NULL;
}

/* Adds a peer to the interface, which is found or taken into the table; NULL: the table is full. */
static struct interface *interfaces_enter(struct interfaces *interfaces,
					  const struct interface_name *name, struct local_time now)
{
	struct interface *interface = interfaces_find(interfaces, name->ifindex);

	if (!interface) {
		interface = interfaces_find(interfaces, 0);
		if (!interface)
			return NULL;
		if (interfaces->top <= (uint32_t)(interface - interfaces->table))
			interfaces->top = (uint32_t)(interface - interfaces->table) + 1;
		*interface = (struct interface){
			.ifindex = name->ifindex,
			.ask_at = now,
			.renew_egress.last = local_after(now, -INTERFACE_RENEW_FIRST_NS),
			.renew_ingress.last = local_after(now, -INTERFACE_RENEW_FIRST_NS),
		};
	}
	memcpy(interface->name, name->name, sizeof(interface->name));
	interface->name[sizeof(interface->name) - 1] = '\0';
	return interface;
}

/* Adds the peer's evidence to the sums, or takes it out of them again. */
static void interfaces_sum(struct interfaces *interfaces, uint32_t slot, bool add)
{
	const struct evidence *evidence = &interfaces->evidence[slot];
	uint32_t step = add ? 1 : UINT32_MAX; /* -1, as sums wrap */
	uint32_t unstamped = evidence_is_unstamped(evidence) ? step : 0;
	uint32_t stamped = evidence->stamped && !unstamped ? step : 0;
	uint32_t blind = evidence_is_blind(evidence) ? step : 0;
	uint32_t seen = evidence->seen && !blind ? step : 0;

	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		if (interfaces->sets[slot] & (1u << i)) {
			interfaces->table[i].unstamped_peers += unstamped;
			interfaces->table[i].stamped_peers += stamped;
			interfaces->table[i].blind_peers += blind;
			interfaces->table[i].seen_peers += seen;
		}
	}
	interfaces->doubts.unanswered += evidence_is_unanswered(evidence) ? step : 0;
	interfaces->doubts.blind += evidence->overheard_run > 0 ? step : 0;
	interfaces->odd += evidence_is_odd(evidence) ? step : 0;
}

static void interfaces_set_evidence(struct interfaces *interfaces, uint32_t slot,
				    struct evidence evidence)
{
	if (evidence_is_unanswered(&evidence) &&
	    !evidence_is_unanswered(&interfaces->evidence[slot]))
		interfaces->doubts.raised++;
	interfaces_sum(interfaces, slot, false);
	interfaces->evidence[slot] = evidence;
	interfaces_sum(interfaces, slot, true);
}

void interfaces_route(struct interfaces *interfaces, uint32_t slot,
		      const struct interface_name *routes, uint32_t count, struct local_time now)
{
	uint32_t before = interfaces->sets[slot];
	uint32_t after = 0;

	assert(slot < interfaces->slots);
	for (uint32_t i = 0; i < count; i++) {
		struct interface *interface = NULL;

		if (routes[i].ifindex != 0)
			interface = interfaces_enter(interfaces, &routes[i], now);
		if (!interface) {
			interfaces->left_out++;
			continue;
		}

		uint32_t bit = 1u << (interface - interfaces->table);

		if (!((before | after) & bit))
			interface->peers++;
		after |= bit;
	}
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		struct interface *interface = &interfaces->table[i];

		if (((before & ~after) & (1u << i)) && --interface->peers == 0)
			interface->left_at = now;
	}
	/* What was told of another way is not about this one. */
	if (after == 0)
		interfaces_set_evidence(interfaces, slot, (struct evidence){ 0 });
	else if (before != after)
		interfaces_set_evidence(interfaces, slot,
					evidence_stale(&interfaces->evidence[slot]));
	interfaces->sets[slot] = after;
}

void interfaces_on_link(struct interfaces *interfaces, uint32_t ifindex, struct local_time now)
{
	struct interface *interface = ifindex ? interfaces_find(interfaces, ifindex) : NULL;

	/* Notices may come in floods; while an answer is awaited, the next word is near anyway. */
	if (interface && interface->unanswered_words == 0)
		interface->ask_at = now;
}

static uint32_t interfaces_used(const struct interfaces *interfaces)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++)
		used += interfaces->table[i].ifindex != 0;
	return used;
}

/* Of one that no peer is routed over. */
static bool interface_is_done(const struct interfaces *interfaces,
			      const struct interface *interface, struct local_time now)
{
	return !interface_in_place(interface) ||
	       local_since(now, interface->left_at) >= INTERFACE_LINGERS_NS ||
	       interfaces_used(interfaces) > INTERFACE_CAPACITY / 2;
}

static bool interface_ask(struct interface *interface, struct local_time now, struct word *ret)
{
	int64_t early_ns = interface_is_calm(interface) ? 0 : ASK_CALM_NS - ASK_EVERY_NS;

	if (local_since(now, interface->ask_at) < -early_ns)
		return false;
	*ret = (struct word){ .kind = WORD_ATTACH, .ifindex = interface->ifindex };
	interface->ask_at = local_after(now, ASK_CALM_NS);
	interface->doubted = false;
	interface->unanswered_words++;
	return true;
}

bool interfaces_next_word(struct interfaces *interfaces, struct local_time now, struct word *ret)
{
	for (uint32_t i = 0; i < interfaces->top; i++) {
		struct interface *interface = &interfaces->table[i];

		if (interface->ifindex == 0)
			continue;
		if (interface->peers == 0) {
			if (!interface_is_done(interfaces, interface, now))
				continue;
			*ret = (struct word){ .kind = WORD_DETACH, .ifindex = interface->ifindex };
			*interface = (struct interface){ 0 };
			return true;
		}
		if (interface_renew(interface, now, ret))
			return true;
		if (interface_ask(interface, now, ret))
			return true;
	}
	return false;
}

void interfaces_on_word(struct interfaces *interfaces, const struct word *word)
{
	struct interface *interface = word->ifindex ? interfaces_find(interfaces, word->ifindex)
						    : NULL;

	if (word->kind != WORD_ATTACHED || !interface)
		return;
	interface->egress = word->egress;
	interface->ingress = word->ingress;
	interface->answered = true;
	interface->unanswered_words = 0;
}

/* So that peers that are refused or not probed any more do not vouch for our programs for ever. */
static void interfaces_forget_silent(struct interfaces *interfaces)
{
	for (uint32_t slot = 0; slot < interfaces->slots; slot++) {
		struct evidence *evidence = &interfaces->evidence[slot];

		if (evidence->told == 0)
			interfaces_set_evidence(interfaces, slot, evidence_stale(evidence));
		evidence->told = 0;
	}
}

/* A single probe that our programs did not see to its end may be the first of many; but of one who
 * has not answered for long, another lost one is no news. */
static bool is_news(const struct evidence *known, enum interface_evidence evidence)
{
	return evidence != EVIDENCE_RETURNED &&
	       (evidence != EVIDENCE_LOST || !evidence_is_unanswered(known));
}

static void interfaces_doubt(struct interfaces *interfaces, uint32_t slot)
{
	for (uint32_t i = 0; i < interfaces->top; i++)
		if (interfaces->sets[slot] & (1u << i))
			interfaces->table[i].doubted = true;
}

void interfaces_on_evidence(struct interfaces *interfaces, uint32_t slot,
			    enum interface_evidence evidence)
{
	struct evidence *own = &interfaces->evidence[slot];
	struct evidence known = evidence_after(*own, evidence);
	/* The usual case: no sum becomes another. (If padding differs it is added up anew.) */
	bool same = memcmp(own, &known, sizeof(known)) == 0;

	if (is_news(own, evidence))
		interfaces_doubt(interfaces, slot);
	known.told++;
	if (same)
		*own = known;
	else
		interfaces_set_evidence(interfaces, slot, known);
	if (known.told == LATELY_MAX)
		interfaces_forget_silent(interfaces);
}

bool interfaces_ready(const struct interfaces *interfaces, uint32_t slot)
{
	uint32_t set = interfaces->sets[slot];

	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		if ((set & (1u << i)) && !interfaces->table[i].answered)
			return false;
	}
	return set != 0;
}

struct interface_doubts interfaces_doubts(const struct interfaces *interfaces)
{
	return interfaces->doubts;
}

const struct interface *interfaces_first_missing(const struct interfaces *interfaces)
{
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		const struct interface *interface = &interfaces->table[i];

		if (interface->peers > 0 && !interface_in_place(interface))
			return interface;
	}
	return NULL;
}

static bool interfaces_vouch(const struct interfaces *interfaces, uint32_t slot)
{
	uint32_t set = interfaces->sets[slot];

	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		const struct interface *interface = &interfaces->table[i];

		if ((set & (1u << i)) && !(interface_egress_attached(interface) &&
					   interface_ingress_attached(interface)))
			return false;
	}
	return set != 0;
}

bool interfaces_next_odd_peer(struct interfaces *interfaces, uint32_t *ret_slot,
			      enum interface_evidence *ret_evidence)
{
	for (uint32_t i = 0; i < ODD_STEP && interfaces->odd > 0; i++) {
		uint32_t slot = interfaces->odd_slot;
		struct evidence evidence = interfaces->evidence[slot];

		interfaces->odd_slot = (slot + 1) % interfaces->slots;
		if (!evidence_is_odd(&evidence) || !interfaces_vouch(interfaces, slot))
			continue;
		*ret_slot = slot;
		*ret_evidence = evidence_is_unstamped(&evidence) ? EVIDENCE_UNSTAMPED
								 : EVIDENCE_OVERHEARD;
		evidence.named = true;
		interfaces_set_evidence(interfaces, slot, evidence);
		return true;
	}
	return false;
}

uint64_t interfaces_left_out(const struct interfaces *interfaces)
{
	return interfaces->left_out;
}

uint32_t interfaces_top(const struct interfaces *interfaces)
{
	return interfaces->top;
}

const struct interface *interfaces_get(const struct interfaces *interfaces, uint32_t index)
{
	static const struct interface hole;
	const struct interface *interface = &interfaces->table[index];

	return interface->peers > 0 ? interface : &hole;
}
