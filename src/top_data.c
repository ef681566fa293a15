/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of peers as structures. Must not know where it comes from or how it is shown.
 */
#include "top_data.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"
#include "top_fields.h"

_Static_assert(TOP_SHAPE_BINS == 1 + NATIVE_BUCKETS / TOP_SHAPE_STEP, "the header's");

const char *top_health_name(enum top_health health)
{
	static const char *const names[TOP_HEALTHS] = {
		[TOP_HEALTH_OK] = "ok",		  [TOP_HEALTH_UNKNOWN] = "unknown",
		[TOP_HEALTH_LOST] = "lost",	  [TOP_HEALTH_DEGRADED] = "degraded",
		[TOP_HEALTH_REFUSED] = "refused",
	};

	return names[health];
}

/* --- a peer */

static bool read_health(struct json_reader *reader, enum json_token token, void *object)
{
	struct top_peer *peer = object;

	peer->health = TOP_HEALTH_UNKNOWN;
	for (enum top_health health = 0; token == JSON_STRING && health < TOP_HEALTHS; health++) {
		if (strcmp(reader->text, top_health_name(health)) == 0)
			peer->health = health;
	}
	return json_reader_skip(reader, token);
}

static bool read_probes(struct json_reader *reader, enum json_token token, void *object)
{
	static const struct top_field fields[] = {
		NUMBER(top_peer, sent),		 NUMBER(top_peer, returned),
		NUMBER(top_peer, lost),		 NUMBER(top_peer, lost_forward),
		NUMBER(top_peer, lost_backward), NUMBER(top_peer, lost_undetermined),
		NUMBER(top_peer, refused),	 NUMBER(top_peer, unstamped),
		NUMBER(top_peer, late),		 NUMBER(top_peer, duplicate),
		NUMBER(top_peer, reordered),	 END,
	};

	return top_fields_read(reader, token, fields, object);
}

static bool read_rtt(struct json_reader *reader, enum json_token token, void *object)
{
	static const struct top_field fields[] = {
		NUMBER(top_peer, last), NUMBER(top_peer, min), NUMBER(top_peer, p50),
		NUMBER(top_peer, p90),	NUMBER(top_peer, p99), END,
	};

	return top_fields_read(reader, token, fields, object);
}

static bool read_hop_limit(struct json_reader *reader, enum json_token token, void *object)
{
	static const struct top_field fields[] = {
		NUMBER_AS(top_peer, "probe", hop_limit_probe),
		NUMBER_AS(top_peer, "reply", hop_limit_reply),
		END,
	};

	return top_fields_read(reader, token, fields, object);
}

static bool read_flows(struct json_reader *reader, enum json_token token, void *object)
{
	static const struct top_field fields[] = {
		NUMBER(top_flow, source_port), NUMBER(top_flow, judged),   NUMBER(top_flow, lost),
		NUMBER(top_flow, lost_recent), BOOL(top_flow, stands_out), END,
	};
	struct top_peer *peer = object;

	peer->flow_count = 0;
	if (token != JSON_ARRAY)
		return json_reader_skip(reader, token);
	while ((token = json_reader_next(reader)) != JSON_ARRAY_END) {
		struct top_flow flow = { NAN, NAN, NAN, NAN, false };

		if (!top_fields_read(reader, token, fields, &flow))
			return false;
		if (peer->flow_count < TOP_FLOWS_MAX)
			peer->flows[peer->flow_count++] = flow;
	}
	return true;
}

/* Bounds are told as whole nanoseconds; half of one more forgives what a double rounds. */
static unsigned int bin_of(double bound_seconds)
{
	double bound_ns = bound_seconds * 1e9 - 0.5;
	unsigned int low = 0, high = NATIVE_BUCKETS - 1;

	if (!(bound_ns > NATIVE_ZERO_SECONDS * 1e9))
		return 0;
	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (bound_ns <= (double)native_bound_ns(middle))
			high = middle;
		else
			low = middle + 1;
	}
	return 1 + low / TOP_SHAPE_STEP;
}

/* [[bound, count], …] */
static bool read_buckets(struct json_reader *reader, enum json_token token, void *object)
{
	struct top_peer *peer = object;

	memset(peer->shape, 0, sizeof(peer->shape));
	if (token != JSON_ARRAY)
		return json_reader_skip(reader, token);
	while ((token = json_reader_next(reader)) != JSON_ARRAY_END) {
		double pair[2] = { NAN, NAN };
		unsigned int read = 0;

		if (token != JSON_ARRAY) {
			if (!json_reader_skip(reader, token))
				return false;
			continue;
		}
		while ((token = json_reader_next(reader)) != JSON_ARRAY_END) {
			if (token == JSON_NUMBER && read < 2)
				pair[read++] = reader->number;
			if (!json_reader_skip(reader, token))
				return false;
		}
		if (read == 2 && pair[0] >= 0 && pair[1] > 0) {
			uint32_t *bin = &peer->shape[bin_of(pair[0])];
			double sum = *bin + pair[1];

			*bin = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
		}
	}
	return true;
}

static const struct top_field peer_fields[] = {
	TEXT_AS(top_peer, "peer", label),
	TEXT(top_peer, address),
	TEXT(top_peer, zone),
	TEXT(top_peer, protocol),
	TEXT(top_peer, state),
	NUMBER(top_peer, loss_recent),
	NUMBER_AS(top_peer, "variation_seconds", variation),
	OTHER("health", read_health),
	OTHER("probes", read_probes),
	OTHER("rtt_seconds", read_rtt),
	OTHER("hop_limit", read_hop_limit),
	OTHER("flows", read_flows),
	OTHER("buckets", read_buckets),
	END,
};

/* --- documents */

static struct top_peer *next_peer(struct top_peers *peers)
{
	if (peers->count == peers->capacity) {
		uint32_t capacity = peers->capacity ? peers->capacity * 2 : 128;
		struct top_peer *grown = realloc(peers->peers, capacity * sizeof(*grown));

		if (!grown)
			return NULL;
		peers->peers = grown;
		peers->capacity = capacity;
	}
	return &peers->peers[peers->count];
}

static void peer_clear(struct top_peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	peer->health = TOP_HEALTH_UNKNOWN;
	peer->sent = peer->returned = peer->lost = NAN;
	peer->lost_forward = peer->lost_backward = peer->lost_undetermined = NAN;
	peer->refused = peer->unstamped = peer->late = peer->duplicate = peer->reordered = NAN;
	peer->loss_recent = NAN;
	peer->last = peer->min = peer->p50 = peer->p90 = peer->p99 = peer->variation = NAN;
	peer->hop_limit_probe = peer->hop_limit_reply = NAN;
}

struct peers_document {
	struct top_peers *peers;
	bool found;
	bool no_memory;
};

static bool read_peer_list(struct json_reader *reader, enum json_token token, void *object)
{
	struct peers_document *document = object;
	struct top_peers *peers = document->peers;

	if (token != JSON_ARRAY)
		return json_reader_skip(reader, token);
	document->found = true;
	while ((token = json_reader_next(reader)) != JSON_ARRAY_END) {
		struct top_peer *peer;

		if (token != JSON_OBJECT || peers->count == TOP_PEERS_MAX) {
			peers->surplus += token == JSON_OBJECT;
			if (!json_reader_skip(reader, token))
				return false;
			continue;
		}
		peer = next_peer(peers);
		document->no_memory = !peer;
		if (!peer)
			return false;
		peer_clear(peer);
		if (!top_fields_read(reader, token, peer_fields, peer))
			return false;
		peers->health[peer->health]++;
		peers->count++;
	}
	return true;
}

int top_data_read_peers(const char *bytes, size_t length, struct top_peers *ret,
			char error[static TOP_ERROR_CAPACITY])
{
	static const struct top_field fields[] = { OTHER("peers", read_peer_list), END };
	struct peers_document document = { .peers = ret };
	struct json_reader reader;
	bool whole;

	ret->count = 0;
	ret->surplus = 0;
	memset(ret->health, 0, sizeof(ret->health));
	json_reader_open(&reader, bytes, length);
	whole = top_fields_read(&reader, json_reader_next(&reader), fields, &document) &&
		json_reader_next(&reader) == JSON_END;
	if (whole && document.found)
		return 0;
	ret->count = 0;
	if (document.no_memory) {
		snprintf(error, TOP_ERROR_CAPACITY, "no memory for its peers");
		return -ENOMEM;
	}
	return top_fields_refuse(&reader, "a list of peers is missing", error);
}

void top_data_free(struct top_peers *peers)
{
	free(peers->peers);
	*peers = (struct top_peers){ 0 };
}
