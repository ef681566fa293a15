/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the names and zones of all slots: one behind the other, so that short ones take little.
 * Must not know whose they are by right, nor what they are for.
 *
 * A record is two octets (the slot), the text and a zero. It is dead once neither text of the slot
 * is it. There is room for the longest in every slot, and for the dead: nothing is ever refused,
 * and what is not used is never touched.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "peers_state.h"

#define OWNER_OCTETS 2
#define SLOT_OCTETS  (2 * OWNER_OCTETS + PEER_NAME_CAPACITY + PEER_ZONE_CAPACITY)
/* Dead ones are let lie until they are a quarter of those that live, and so many more. */
#define SLACK_OCTETS 4096

_Static_assert(SLOT_INDEX_MAX <= UINT16_MAX, "an owner is two octets");

int peers_texts_open(struct peers_texts *texts, uint32_t capacity)
{
	texts->pool = malloc((size_t)capacity * SLOT_OCTETS / 4 * 5 + SLACK_OCTETS);
	return texts->pool ? 0 : -ENOMEM;
}

void peers_texts_close(struct peers_texts *texts)
{
	free(texts->pool);
}

static size_t text_octets(const char *text)
{
	return text[0] ? OWNER_OCTETS + strlen(text) + 1 : 0;
}

static void peers_texts_compact(struct peers *peers)
{
	struct peers_texts *texts = &peers->texts;
	size_t to = 0;

	for (size_t from = 0; from < texts->end;) {
		const char *text = texts->pool + from + OWNER_OCTETS;
		size_t octets = text_octets(text);
		struct peer *peer;
		uint16_t owner;

		memcpy(&owner, texts->pool + from, sizeof(owner));
		peer = &peers->slots[owner];
		if (peer->name == text || peer->zone == text) {
			memmove(texts->pool + to, texts->pool + from, octets);
			*(peer->name == text ? &peer->name : &peer->zone) = texts->pool + to +
									    OWNER_OCTETS;
			to += octets;
		}
		from += octets;
	}
	assert(to == texts->octets);
	texts->end = to;
}

static const char *peers_texts_append(struct peers_texts *texts, uint32_t slot, const char *text)
{
	char *start = texts->pool + texts->end;
	uint16_t owner = (uint16_t)slot;
	size_t octets = text_octets(text);

	if (octets == 0)
		return "";
	memcpy(start, &owner, sizeof(owner));
	memcpy(start + OWNER_OCTETS, text, octets - OWNER_OCTETS);
	texts->end += octets;
	texts->octets += octets;
	return start + OWNER_OCTETS;
}

/* Which of the slot's two texts; the new one is not of the pool, whose texts may move. */
static void peers_set_text(struct peers *peers, uint32_t slot, const char **text, const char *value)
{
	struct peers_texts *texts = &peers->texts;

	if (*text && strcmp(*text, value) == 0)
		return;
	if (*text)
		texts->octets -= text_octets(*text);
	*text = "";
	if (texts->end + text_octets(value) > texts->octets / 4 * 5 + SLACK_OCTETS)
		peers_texts_compact(peers);
	*text = peers_texts_append(texts, slot, value);
}

void peers_set_name(struct peers *peers, uint32_t slot, const char *name)
{
	assert(strlen(name) < PEER_NAME_CAPACITY);
	peers_set_text(peers, slot, &peers->slots[slot].name, name);
}

void peers_set_zone(struct peers *peers, uint32_t slot, const char *zone)
{
	assert(strlen(zone) < PEER_ZONE_CAPACITY);
	peers_set_text(peers, slot, &peers->slots[slot].zone, zone);
}
