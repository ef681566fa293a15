/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the interfaces in use and each peer's set of them, a bit for each. Believes the loader's word
 * only until probes tell otherwise. Must not know netlink, sockets or BPF.
 */
#include "interfaces.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ASK_EVERY_NS NS_PER_SECOND

/* A program that works no more, though it is in place, stands behind somebody's terminal verdict: attaching
 * anew puts it at the head again. Not oftener than this, as the other may do the same. */
#define RENEW_EVERY_NS (10 * NS_PER_SECOND)

struct interfaces {
	struct interface table[INTERFACE_CAPACITY];
	uint32_t slots;
	uint32_t *sets; /* [slots]: bit i stands for table[i] */
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
	if (!interfaces->sets) {
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
	if (interface->peers == 0) {
		/* What former peers told is not about these. */
		interface->unstamped_run = 0;
		interface->unanswered_run = 0;
		interface->ingress_blind = false;
	}
	memcpy(interface->name, name->name, sizeof(interface->name));
	interface->name[sizeof(interface->name) - 1] = '\0';
	return interface;
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
	interfaces->sets[slot] = after;
}

void interfaces_on_link(struct interfaces *interfaces, uint32_t ifindex, struct local_time now)
{
	struct interface *interface = ifindex ? interfaces_find(interfaces, ifindex) : NULL;

	if (interface)
		interface->ask_at = now;
}

/* In place by the loader's word, yet the probes tell otherwise. */
static bool interface_works_not(const struct interface *interface)
{
	return interface->unstamped_run >= INTERFACE_DOUBT_AFTER || interface->ingress_blind;
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
		if (interface_works_not(interface) && local_since(now, interface->renew_at) >= 0) {
			*ret = (struct word){ .kind = WORD_DETACH, .ifindex = interface->ifindex };
			interface->renew_at = local_after(now, RENEW_EVERY_NS);
			interface->ask_at = now;
			return true;
		}
		if (local_since(now, interface->ask_at) >= 0) {
			*ret = (struct word){ .kind = WORD_ATTACH, .ifindex = interface->ifindex };
			interface->ask_at = local_after(now, ASK_EVERY_NS);
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
}

static void interface_on_evidence(struct interface *interface, enum interface_evidence evidence)
{
	switch (evidence) {
	case EVIDENCE_RETURNED:
		interface->unstamped_run = 0;
		interface->unanswered_run = 0;
		interface->ingress_blind = false;
		break;
	case EVIDENCE_LOST:
		interface->unstamped_run = 0;
		interface->unanswered_run++;
		break;
	case EVIDENCE_UNSTAMPED:
		interface->unstamped_run++;
		break;
	case EVIDENCE_OVERHEARD:
		interface->ingress_blind = true;
		break;
	}
}

void interfaces_on_evidence(struct interfaces *interfaces, uint32_t slot,
			    enum interface_evidence evidence)
{
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		if (interfaces->sets[slot] & (1u << i))
			interface_on_evidence(&interfaces->table[i], evidence);
	}
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

bool interfaces_in_doubt(const struct interfaces *interfaces)
{
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		const struct interface *interface = &interfaces->table[i];

		if (interface->peers > 0 && (interface->ingress_blind ||
					     interface->unanswered_run >= INTERFACE_DOUBT_AFTER))
			return true;
	}
	return false;
}

static bool direction_attached(const struct word_direction *direction)
{
	return direction->mode != HOOK_NONE && direction->error == 0;
}

bool interface_egress_attached(const struct interface *interface)
{
	return direction_attached(&interface->egress) &&
	       interface->unstamped_run < INTERFACE_DOUBT_AFTER;
}

bool interface_ingress_attached(const struct interface *interface)
{
	return direction_attached(&interface->ingress) && !interface->ingress_blind;
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
