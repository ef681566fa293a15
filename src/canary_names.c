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

/* However often doubled, no longer than an hour, and never so short that the next question might be
 * asked before it is known what became of the last one and of a probe behind it. */
static int64_t canary_ask_pause_ns(const struct canary *canary, const struct standing *standing)
{
	int64_t shortest_ns = 3 * canary->settings.timeout_ns;
	int64_t pause_ns = CANARY_ASK_UNANSWERED_NS << standing->doublings;

	if (pause_ns > CANARY_ASK_UNANSWERED_MAX_NS)
		pause_ns = CANARY_ASK_UNANSWERED_MAX_NS;
	return pause_ns < shortest_ns ? shortest_ns : pause_ns;
}

/* Never two probes in a row: between them shows what happens to those that do not ask. */
bool canary_is_curious(const struct canary *canary, uint32_t slot, struct local_time now)
{
	const struct standing *standing = &canary->standings[slot];

	return !canary->settings.incurious && (!standing->asked || standing->between > 0) &&
	       local_since(now, standing->ask_at) >= 0;
}

void canary_on_armed(struct canary *canary, const struct probe *probe, struct local_time now)
{
	struct standing *standing = &canary->standings[probe->slot];

	if (!probe->ask) {
		if (standing->between < UINT8_MAX)
			standing->between++;
		return;
	}
	standing->asked = true;
	standing->between = 0;
	standing->question_sequences[standing->question_next] = probe->sequence;
	standing->question_flows[standing->question_next] = probe->flow;
	standing->question_next = (uint8_t)((standing->question_next + 1) % CANARY_QUESTIONS);
	if (standing->question_count < CANARY_QUESTIONS) {
		standing->question_count++;
		canary->questions++;
	}
	standing->overdue = false;
	standing->ask_at = local_after(now, canary_ask_pause_ns(canary, standing));
}

/* The probe was not sent: with the next one, then. */
void canary_on_not_sent(struct canary *canary, const struct probe *probe)
{
	struct standing *standing = &canary->standings[probe->slot];

	if (!probe->ask && standing->between > 0)
		standing->between--;
	if (!probe->ask || standing->question_count == 0)
		return;
	standing->question_next =
		(uint8_t)((standing->question_next + CANARY_QUESTIONS - 1) % CANARY_QUESTIONS);
	standing->question_count--;
	canary->questions--;
	standing->between = 1;
	standing->ask_at = (struct local_time){ 0 };
}

/* Of the sequence only the bits of the mask are known. */
static bool standing_asked(const struct standing *standing, uint16_t flow, uint32_t sequence,
			   uint32_t mask)
{
	for (uint32_t age = 1; age <= standing->question_count; age++) {
		uint32_t place = (standing->question_next + CANARY_QUESTIONS - age) %
				 CANARY_QUESTIONS;

		if (standing->question_flows[place] == flow &&
		    ((standing->question_sequences[place] ^ sequence) & mask) == 0)
			return true;
	}
	return false;
}

static void standing_heard(struct standing *standing)
{
	standing->answers = true;
	standing->overdue = false;
	standing->doublings = 0;
}

/* One answer is enough for all. */
static void standing_answered(struct standing *standing, struct local_time now)
{
	standing_heard(standing);
	standing->question_count = 0;
	standing->ask_at = local_after(now, CANARY_ASK_AGAIN_NS);
}

/* Who was not there yet, or did not know us yet, as other probes tell, has not heard the question:
 * it is asked as soon as it answers for the first time, or again. */
static void standing_meet(struct standing *standing, const struct sample *sample, bool asked)
{
	if (sample->verdict == VERDICT_REFUSED)
		standing->met = false;
	if (sample->verdict == VERDICT_REFUSED || (sample->verdict == VERDICT_LOST && !asked))
		standing->missed = true;
	if (sample->verdict != VERDICT_RETURNED)
		return;
	if (!standing->met && standing->missed && !asked && standing->question_count > 0)
		standing->ask_at = (struct local_time){ 0 };
	standing->met = true;
	standing->missed = false;
}

/* A lost question alone tells nothing: in an outage everything is lost. */
bool canary_heed_question(struct canary *canary, const struct sample *sample)
{
	struct standing *standing = &canary->standings[sample->slot];
	bool asked = standing_asked(standing, sample->flow, sample->sequence, UINT32_MAX);

	standing_meet(standing, sample, asked);
	if (!asked) {
		if (sample->verdict == VERDICT_RETURNED && standing->overdue) {
			standing->overdue = false;
			if (canary_ask_pause_ns(canary, standing) < CANARY_ASK_UNANSWERED_MAX_NS)
				standing->doublings++;
		}
		return true;
	}
	if (sample->verdict == VERDICT_RETURNED || sample->late)
		standing_heard(standing);
	else if (sample->verdict == VERDICT_LOST)
		standing->overdue = true;
	return standing->answers;
}

/* --- answers --- */

/* Who loses his name may lose his zone with it. */
static void canary_label_changed(struct canary *canary, uint32_t slot)
{
	canary_begin_anew(canary, slot);
	canary_follow_zone(canary, slot);
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
	} else if (naming == NAMING_CHANGING) {
		canary->totals.names_changing++;
		if (news)
			canary_notify(canary, CANARY_NAME_CHANGING, slot, 0);
	}
}

static enum naming naming_of(enum peer_learning learning)
{
	switch (learning) {
	case PEER_LEARNT_TAKEN:
		return NAMING_TAKEN;
	case PEER_LEARNT_CHANGING:
		return NAMING_CHANGING;
	case PEER_LEARNT_NOTHING_NEW:
	case PEER_LEARNT_NAME:
		break;
	}
	return NAMING_FINE;
}

static void canary_learn(struct canary *canary, uint32_t slot, const struct identity *identity,
			 struct local_time now)
{
	enum peer_learning learning = PEER_LEARNT_TAKEN;
	uint32_t loser = slot;

	if (strcmp(identity->name, canary->settings.node_name) != 0)
		learning = peers_learn(canary->peers, slot, identity->name, identity->zone, now,
				       &loser);
	canary_judge_name(canary, slot, naming_of(learning));
	if (loser != slot) {
		canary_label_changed(canary, loser);
		canary_notify(canary, CANARY_NAME_LOST, loser, 0);
	}
	if (learning == PEER_LEARNT_NAME)
		canary_label_changed(canary, slot);
	canary_follow_zone(canary, slot);
	peers_settle(canary->peers, now);
	/* Unless it is a twin now, which was said. */
	if (learning == PEER_LEARNT_NAME && peer_is_live(peers_get(canary->peers, slot)))
		canary_notify(canary, CANARY_NAMED, slot, 0);
}

void canary_heed_identity(struct canary *canary, uint32_t slot, const struct echoed *reply,
			  const uint8_t *payload, size_t length, struct local_time now)
{
	struct identity identity;
	int err;

	if (!standing_asked(&canary->standings[slot], reply->flow, reply->sequence, UINT16_MAX) ||
	    !samples_holds(canary->samples, slot, reply->flow, reply->sequence, reply->nonce))
		return;
	canary->now = now;
	canary->questions -= canary->standings[slot].question_count;
	standing_answered(&canary->standings[slot], now);
	err = identity_parse(payload, length, &identity);
	/* Who does not say that he counts, does not. */
	samples_set_stateful(canary->samples, slot, err == 0 && identity.stateful);
	if (err == 0 && identity.name[0])
		canary_learn(canary, slot, &identity, now);
	else
		canary_judge_name(canary, slot, err == -EINVAL ? NAMING_INVALID : NAMING_FINE);
}
