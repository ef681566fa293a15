/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the peers say they are: when they are asked, and what their answers are worth. Must not know
 * packets, nor how names are told apart.
 */
#include "canary_state.h"

#include <errno.h>
#include <string.h>

#include "identity.h"

/* --- questions --- */

bool canary_is_curious(const struct canary *canary, uint32_t slot, struct local_time now)
{
	return local_since(now, canary->standings[slot].ask_at) >= 0;
}

void canary_on_asked(struct canary *canary, const struct probe *probe, struct local_time now)
{
	struct standing *standing = &canary->standings[probe->slot];

	standing->questions[standing->question_next] =
		(struct question){ .flow = probe->flow, .sequence = (uint16_t)probe->sequence };
	standing->question_next = (uint8_t)((standing->question_next + 1) % CANARY_ASKS_IN_A_ROW);
	if (standing->question_count < CANARY_ASKS_IN_A_ROW)
		standing->question_count++;
	if (standing->asks < CANARY_ASKS_IN_A_ROW)
		standing->asks++;
	if (standing->asks == CANARY_ASKS_IN_A_ROW)
		standing->ask_at = local_after(now, CANARY_ASK_UNANSWERED_NS);
}

/* The probe was not sent: with the next one, then. */
void canary_on_not_asked(struct canary *canary, const struct probe *probe)
{
	struct standing *standing = &canary->standings[probe->slot];

	if (standing->question_count == 0 || standing->asks == 0)
		return;
	standing->question_next = (uint8_t)((standing->question_next + CANARY_ASKS_IN_A_ROW - 1) %
					    CANARY_ASKS_IN_A_ROW);
	standing->question_count--;
	standing->asks--;
	standing->ask_at = (struct local_time){ 0 };
}

static bool standing_asked(const struct standing *standing, const struct echoed *reply)
{
	for (uint32_t age = 1; age <= standing->question_count; age++) {
		uint32_t place = (standing->question_next + CANARY_ASKS_IN_A_ROW - age) %
				 CANARY_ASKS_IN_A_ROW;
		const struct question *question = &standing->questions[place];

		if (question->flow == reply->flow && question->sequence == reply->sequence)
			return true;
	}
	return false;
}

/* One answer is enough for all. */
static void standing_answered(struct standing *standing, struct local_time now)
{
	standing->asks = 0;
	standing->question_count = 0;
	standing->ask_at = local_after(now, CANARY_ASK_AGAIN_NS);
}

/* --- answers --- */

static void canary_label_changed(struct canary *canary, uint32_t slot)
{
	canary->stats[slot] = (struct peer_stats){
		.sent = samples_in_flight(canary->samples, slot),
	};
	samples_forget_losses(canary->samples, slot);
}

void canary_relabelled(void *ctx, uint32_t slot)
{
	struct canary *canary = ctx;
	char label[PEER_NAME_CAPACITY];
	char address[ADDRESS_TEXT_CAPACITY];

	canary_label_changed(canary, slot);
	peers_label(canary->peers, slot, label);
	address_format(&peers_get(canary->peers, slot)->address, address);
	canary_notify(canary, strcmp(label, address) == 0 ? CANARY_NAME_LOST : CANARY_NAMED, slot,
		      0);
}

static void canary_judge_name(struct canary *canary, uint32_t slot, enum naming naming)
{
	struct standing *standing = &canary->standings[slot];
	bool news = standing->naming != naming;

	standing->naming = (uint8_t)naming;
	if (naming == NAMING_TAKEN) {
		canary->totals.names_taken++;
		if (news)
			canary_notify(canary, CANARY_NAME_TAKEN, slot, 0);
	} else if (naming == NAMING_INVALID) {
		canary->totals.names_invalid++;
		if (news)
			canary_notify(canary, CANARY_NAME_INVALID, slot, 0);
	}
}

static void canary_learn(struct canary *canary, uint32_t slot, const struct identity *identity,
			 struct local_time now)
{
	enum peer_learning learning = PEER_LEARNT_TAKEN;
	uint32_t loser = slot;

	if (strcmp(identity->name, canary->settings.node_name) != 0)
		learning = peers_learn(canary->peers, slot, identity->name, identity->zone, now,
				       &loser);
	canary_judge_name(canary, slot, learning == PEER_LEARNT_TAKEN ? NAMING_TAKEN : NAMING_FINE);
	if (loser != slot) {
		canary_label_changed(canary, loser);
		canary_notify(canary, CANARY_NAME_LOST, loser, 0);
	}
	if (learning == PEER_LEARNT_NAME) {
		canary_label_changed(canary, slot);
		canary_notify(canary, CANARY_NAMED, slot, 0);
	}
}

void canary_on_identity(struct canary *canary, const struct echoed *reply, const uint8_t *payload,
			size_t length, struct local_time now)
{
	struct identity identity;
	uint32_t slot;
	int err;

	if (addresses_find(canary->memory, &reply->peer, &slot) < 0 ||
	    !standing_asked(&canary->standings[slot], reply) ||
	    !samples_holds(canary->samples, slot, reply->flow, reply->sequence, reply->nonce))
		return;
	standing_answered(&canary->standings[slot], now);
	err = identity_parse(payload, length, &identity);
	/* Who does not say that he counts, does not. */
	samples_set_stateful(canary->samples, slot, err == 0 && identity.stateful);
	if (err == 0)
		canary_learn(canary, slot, &identity, now);
	else
		canary_judge_name(canary, slot, err == -EINVAL ? NAMING_INVALID : NAMING_FINE);
}
