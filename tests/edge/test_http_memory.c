/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server's memory of documents: the kernel's again after each, whole or broken off, while
 * those of others that are under way stay what they are. Needs no root.
 */
#include "edge/http_client.h"

#include <sys/mman.h>

#include "http_state.h"

#define NOISE_LENGTH (700 * 1024) /* far more than the sockets of one that does not read hold */
#define WINDOW_BYTES 4096
#define PAGES_MAX    64 /* of a stream */

/* What does not become shorter by compression. */
static char noise(size_t position)
{
	uint32_t mixed = (uint32_t)position * 0x9e3779b1;

	mixed ^= mixed >> 15;
	mixed *= 0x85ebca6b;
	return (char)(mixed >> 13);
}

static size_t noise_read(void *ctx, unsigned int stream, char *block, size_t capacity)
{
	struct source *source = ctx;
	size_t *position = &source->position[stream];
	size_t length = 0;

	while (length < capacity - *position % 97 && *position < source->body_length)
		block[length++] = noise((*position)++);
	return length;
}

static struct http *open_noise(struct source *source)
{
	static const struct http_document documents[] = {
		{ .path = "/metrics", .begin = document_begin, .read = noise_read },
	};
	struct http_content content = content_of(source);
	struct http_address address = { .host = "127.0.0.1" };
	uint32_t failed;
	struct http *http;

	content.documents = documents;
	content.document_count = LENGTH(documents);
	source->body_length = NOISE_LENGTH;
	assert_int_equal(http_open(&address, 1, &content, &http, &failed), 0);
	return http;
}

static void check_noise(const char *octets, size_t length, size_t expected)
{
	assert_int_equal(length, expected);
	for (size_t i = 0; i < length; i++)
		if (octets[i] != noise(i))
			fail_msg("octet %zu of %zu is another", i, length);
}

static void check_packed_noise(struct reply *reply, size_t expected)
{
	unpack(reply);
	check_noise(reply->body, reply->body_length, expected);
}

static int begin_document(struct http *http, bool packed)
{
	int fd = client_connect_from(http, 1, WINDOW_BYTES);

	client_send(fd, packed ? "GET /metrics HTTP/1.1\r\nAccept-Encoding: gzip\r\n" CLOSE
			       : "GET /metrics HTTP/1.1\r\n" CLOSE);
	client_pump(http, 50);
	return fd;
}

static void end_document(struct http *http, int fd, bool packed)
{
	struct reply reply = client_read_reply(http, fd, 10000);

	assert_int_equal(reply.status, 200);
	assert_true(reply.complete);
	if (packed)
		check_packed_noise(&reply, NOISE_LENGTH);
	else
		check_noise(reply.body, reply.body_length, NOISE_LENGTH);
	close(fd);
	client_pump(http, 20);
}

/* Whole pages of its blocks and its compressor that are in memory. */
static uint32_t resident_pages(const struct http_stream *stream)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = ((uintptr_t)stream->block + page - 1) / page * page;
	uintptr_t end = (uintptr_t)(stream + 1) / page * page;
	unsigned char told[PAGES_MAX];
	uint32_t count = 0;

	if (start >= end)
		return 0;
	assert_true((end - start) / page <= PAGES_MAX);
	assert_int_equal(mincore((void *)start, end - start, told), 0);
	for (size_t i = 0; i < (end - start) / page; i++)
		count += told[i] & 1;
	return count;
}

/* Or there is none that is its own, as pages are larger than usual. */
static bool has_touched_some(const struct http_stream *stream)
{
	return sysconf(_SC_PAGESIZE) > 4096 || resident_pages(stream) >= 4;
}

static bool is_under_way(const struct http_stream *stream)
{
	return stream->connection && !stream->whole;
}

/* They end in that order, the first `aborted` of them broken off. */
static void check_documents(const bool *packed, const uint32_t *order, uint32_t aborted)
{
	struct source source;
	struct http *http = open_noise(&source);
	int fds[HTTP_STREAMS];

	for (uint32_t i = 0; i < HTTP_STREAMS; i++)
		fds[i] = begin_document(http, packed[i]);
	for (uint32_t i = 0; i < HTTP_STREAMS; i++) {
		assert_true(is_under_way(&http->streams[i]));
		assert_int_equal(http->streams[i].compressed, packed[i]);
		assert_true(has_touched_some(&http->streams[i]));
	}
	for (uint32_t i = 0; i < HTTP_STREAMS; i++) {
		uint32_t which = order[i];

		if (i < aborted) {
			close(fds[which]);
			client_pump(http, 50);
		} else {
			end_document(http, fds[which], packed[which]);
		}
		assert_null(http->streams[which].connection);
		assert_int_equal(resident_pages(&http->streams[which]), 0);
		for (uint32_t other = i + 1; other < HTTP_STREAMS; other++) {
			assert_true(is_under_way(&http->streams[order[other]]));
			assert_true(has_touched_some(&http->streams[order[other]]));
		}
	}
	assert_int_equal(source.whole, HTTP_STREAMS - aborted);
	/* What was forgotten serves the next as well. */
	for (int again = 0; again < 2; again++)
		end_document(http, begin_document(http, again), again);
	assert_int_equal(resident_pages(&http->streams[0]), 0);
	http_close(http);
}

static const bool sorts[][HTTP_STREAMS] = {
	{ false, false, false, false },
	{ true, true, true, true },
	{ false, true, false, true },
};
static const uint32_t orders[][HTTP_STREAMS] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 2, 0, 3, 1 } };

static void documents_end_one_after_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(sorts); i++)
		check_documents(sorts[i], orders[i], 0);
}

static void some_are_broken_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(sorts); i++)
		check_documents(sorts[i], orders[(i + 1) % LENGTH(orders)], 2);
}

/* A compressor has some to say yet when the last block is in it: not all of it may fit. */
static void nothing_is_forgotten_before_the_end(void **state)
{
	struct source source;
	struct http *http = open_noise(&source);

	(void)state;
	for (size_t length = 1; length < 70000; length = length * 9 / 8 + 211) {
		struct reply reply;

		source.body_length = length;
		reply = ask(http, "GET /metrics HTTP/1.1\r\nAccept-Encoding: gzip\r\n" CLOSE);
		assert_true(reply.complete);
		check_packed_noise(&reply, length);
		assert_int_equal(resident_pages(&http->streams[0]), 0);
	}
	http_close(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_end_one_after_another),
		cmocka_unit_test(some_are_broken_off),
		cmocka_unit_test(nothing_is_forgotten_before_the_end),
	};

	return cmocka_run_group_tests_name("http_memory", tests, NULL, NULL);
}
