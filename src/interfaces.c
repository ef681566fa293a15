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

#define ASK_EVERY_NS NS_PER_SECOND

/* A program that works no more, though it is in place, stands behind somebody's terminal verdict:
 * attaching anew puts it at the head again. Not oftener than this, as the other may do the same. */
#define RENEW_EVERY_NS (10 * NS_PER_SECOND)

/* The loader is asked every second; a stopped one answers none of these. */
#define UNANSWERED_MAX 3

/* What the last probes of one peer told. Runs stop at INTERFACE_DOUBT_AFTER. */
struct evidence {
	uint8_t unstamped_run;	/* probes in a row that left no egress stamp */
	uint8_t unanswered_run; /* stamped probes in a row that brought no record */
	bool blind;		/* a reply was overheard that the ingress program did not see */
};

struct interfaces {
	struct interface table[INTERFACE_CAPACITY];
	uint32_t slots;
	uint32_t *sets;		   /* [slots]: bit i stands for table[i] */
	struct evidence *evidence; /* [slots] */
	struct interface_doubts doubts;
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
		*interface = (struct interface){ .ifindex = name->ifindex, .ask_at = now };
	}
	memcpy(interface->name, name->name, sizeof(interface->name));
	interface->name[sizeof(interface->name) - 1] = '\0';
	return interface;
}

static bool is_unstamped(const struct evidence *evidence)
{
	return evidence->unstamped_run >= INTERFACE_DOUBT_AFTER;
}

static bool is_unanswered(const struct evidence *evidence)
{
	return evidence->unanswered_run >= INTERFACE_DOUBT_AFTER;
}

/* Adds the peer's evidence to the sums, or takes it out of them again. */
static void interfaces_sum(struct interfaces *interfaces, uint32_t slot, bool add)
{
	const struct evidence *evidence = &interfaces->evidence[slot];
	uint32_t step = add ? 1 : UINT32_MAX; /* -1, as sums wrap */
	uint32_t unstamped = is_unstamped(evidence) ? step : 0;
	uint32_t blind = evidence->blind ? step : 0;

	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		if (interfaces->sets[slot] & (1u << i)) {
			interfaces->table[i].unstamped_peers += unstamped;
			interfaces->table[i].blind_peers += blind;
		}
	}
	interfaces->doubts.unanswered += is_unanswered(evidence) ? step : 0;
	interfaces->doubts.blind += blind;
}

static void interfaces_set_evidence(struct interfaces *interfaces, uint32_t slot,
				    struct evidence evidence)
{
	if (is_unanswered(&evidence) && !is_unanswered(&interfaces->evidence[slot]))
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
		if ((before & ~after) & (1u << i))
			interfaces->table[i].peers--;
	}
	/* What was told of another way is not about this one. */
	if (before != after || after == 0)
		interfaces_set_evidence(interfaces, slot, (struct evidence){ 0 });
	interfaces->sets[slot] = after;
}

void interfaces_on_link(struct interfaces *interfaces, uint32_t ifindex, struct local_time now)
{
	struct interface *interface = ifindex ? interfaces_find(interfaces, ifindex) : NULL;

	/* Notices may come in floods; while an answer is awaited, the next word is near anyway. */
	if (interface && interface->unanswered_words == 0)
		interface->ask_at = now;
}

/* A side that is in place by the loader's word, while all peers' probes tell otherwise. Where only
 * some do, their packets take another way, and attaching anew would cost the others replies for
 * nothing. */
static bool interface_renew(struct interface *interface, struct local_time now, struct word *ret)
{
	struct local_time next = local_after(now, RENEW_EVERY_NS);

	*ret = (struct word){ .ifindex = interface->ifindex };
	if (interface->unstamped_peers == interface->peers &&
	    local_since(now, interface->renew_egress_at) >= 0) {
		ret->kind = WORD_RENEW_EGRESS;
		interface->renew_egress_at = next;
		return true;
	}
	if (interface->blind_peers == interface->peers &&
	    local_since(now, interface->renew_ingress_at) >= 0) {
		ret->kind = WORD_RENEW_INGRESS;
		interface->renew_ingress_at = next;
		return true;
	}
	return false;
}

bool interfaces_next_word(struct interfaces *interfaces, struct local_time now, struct word *ret)
{
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		struct interface *interface = &interfaces->table[i];

		if (interface->ifindex == 0)
			continue;
		if (interface->peers == 0) {
			*ret = (struct word){ .kind = WORD_DETACH, .ifindex = interface->ifindex };
			*interface = (struct interface){ 0 };
			return true;
		}
		if (interface_renew(interface, now, ret))
			return true;
		if (local_since(now, interface->ask_at) >= 0) {
			*ret = (struct word){ .kind = WORD_ATTACH, .ifindex = interface->ifindex };
			interface->ask_at = local_after(now, ASK_EVERY_NS);
			interface->unanswered_words++;
			return true;
		}
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

static uint8_t run_longer(uint8_t run)
{
	return run < INTERFACE_DOUBT_AFTER ? (uint8_t)(run + 1) : run;
}

void interfaces_on_evidence(struct interfaces *interfaces, uint32_t slot,
			    enum interface_evidence evidence)
{
	struct evidence known = interfaces->evidence[slot];

	switch (evidence) {
	case EVIDENCE_RETURNED:
		known = (struct evidence){ 0 };
		break;
	case EVIDENCE_LOST:
		known.unstamped_run = 0;
		known.unanswered_run = run_longer(known.unanswered_run);
		/* The sockets are listened to while one is blind: now nothing comes at all. */
		if (is_unanswered(&known))
			known.blind = false;
		break;
	case EVIDENCE_UNSTAMPED:
		known.unstamped_run = run_longer(known.unstamped_run);
		break;
	case EVIDENCE_OVERHEARD:
		known.unstamped_run = 0;
		known.unanswered_run = 0;
		known.blind = true;
		break;
	case EVIDENCE_NEVER_LEFT:
		known = (struct evidence){ 0 };
		break;
	}
	interfaces_set_evidence(interfaces, slot, known);
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

static bool direction_attached(const struct interface *interface,
			       const struct word_direction *direction)
{
	return direction->mode != HOOK_NONE && direction->error == 0 &&
	       interface->unanswered_words <= UNANSWERED_MAX;
}

bool interface_egress_attached(const struct interface *interface)
{
	return direction_attached(interface, &interface->egress) && interface->unstamped_peers == 0;
}

bool interface_ingress_attached(const struct interface *interface)
{
	return direction_attached(interface, &interface->ingress) && interface->blind_peers == 0;
}

bool interfaces_all_attached(const struct interfaces *interfaces)
{
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		const struct interface *interface = &interfaces->table[i];

		if (interface->peers > 0 && !(interface_egress_attached(interface) &&
					      interface_ingress_attached(interface)))
			return false;
	}
	return true;
}

uint64_t interfaces_left_out(const struct interfaces *interfaces)
{
	return interfaces->left_out;
}

const struct interface *interfaces_get(const struct interfaces *interfaces, uint32_t index)
{
	return &interfaces->table[index];
}
