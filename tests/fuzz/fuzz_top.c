/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents of an instance's API as `top` reads them: json_reader_*() and
 * top_data_read_*(), whatever the documents say.
 */
#include <errno.h>
#include <math.h>

#include "fuzz.h"
#include "json_reader.h"
#include "top_data.h"

#define TOKENS_MAX 100000

/* To the end, or an error, which stays. Returns whether it is a document. */
static bool read_all(const char *bytes, size_t length)
{
	struct json_reader reader;
	enum json_token token;
	unsigned int tokens = 0;

	json_reader_open(&reader, bytes, length);
	do {
		token = json_reader_next(&reader);
		require(reader.at <= length && reader.depth <= JSON_READER_DEPTH);
		require(++tokens <= length + 2 && tokens < TOKENS_MAX);
		if (token == JSON_KEY || token == JSON_STRING)
			require(strnlen(reader.text, sizeof(reader.text)) < sizeof(reader.text) &&
				is_utf8(reader.text, strlen(reader.text)));
		if (token == JSON_NUMBER)
			require(!isnan(reader.number));
	} while (token != JSON_END && token != JSON_ERROR);
	require(json_reader_next(&reader) == token);
	require(token == JSON_END || (reader.error && *reader.error));
	return token == JSON_END;
}

/* Skipped as a whole, a document ends where it ends token by token. */
static void check_skip(const char *bytes, size_t length, bool is_document)
{
	struct json_reader reader;
	enum json_token token;

	json_reader_open(&reader, bytes, length);
	token = json_reader_next(&reader);
	if (token == JSON_END || token == JSON_ERROR)
		return;
	if (json_reader_skip(&reader, token))
		require((json_reader_next(&reader) == JSON_END) == is_document);
	else
		require(!is_document);
}

static void fuzz_peers(const char *bytes, size_t length, bool is_document)
{
	static struct top_peers peers;
	char error[TOP_ERROR_CAPACITY] = "";
	uint32_t sum = 0;
	int result = top_data_read_peers(bytes, length, &peers, error);

	require(result == 0 || result == -EPROTO || result == -ENOMEM);
	require(result == 0 || is_one_line(error, sizeof(error)));
	require(result != 0 || is_document);
	if (result)
		return;
	require(peers.count <= peers.capacity && peers.count <= TOP_PEERS_MAX);
	for (uint32_t i = 0; i < peers.count; i++) {
		const struct top_peer *peer = &peers.peers[i];

		require(peer->health < TOP_HEALTHS && *top_health_name(peer->health));
		require(strnlen(peer->label, sizeof(peer->label)) < sizeof(peer->label));
		require(strnlen(peer->address, sizeof(peer->address)) < sizeof(peer->address));
		require(is_utf8(peer->zone, strnlen(peer->zone, sizeof(peer->zone))));
		require(peer->flow_count <= TOP_FLOWS_MAX);
	}
	for (int i = 0; i < TOP_HEALTHS; i++)
		sum += peers.health[i];
	require(sum == peers.count);
}

static void fuzz_status(const char *bytes, size_t length, bool is_document)
{
	static struct top_status status, before;
	char error[TOP_ERROR_CAPACITY] = "";
	int result;

	memset(&status, 0x5a, sizeof(status));
	before = status;
	result = top_data_read_status(bytes, length, &status, error);
	require(result == 0 || result == -EPROTO);
	if (result)
		require(memcmp(&status, &before, sizeof(status)) == 0 &&
			is_one_line(error, sizeof(error)));
	else
		require(is_document &&
			strnlen(status.node, sizeof(status.node)) < sizeof(status.node) &&
			strnlen(status.zone, sizeof(status.zone)) < sizeof(status.zone));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct input input = { octets, length };
	size_t bytes;
	char *document = (char *)input_piece(&input, length, &bytes);
	bool is_document = read_all(document, bytes);

	check_skip(document, bytes, is_document);
	fuzz_peers(document, bytes, is_document);
	fuzz_status(document, bytes, is_document);
	free(document);
	return 0;
}
