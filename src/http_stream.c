/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents under way: who has one of the few streams, its blocks, compressed or not, and whether
 * they are taken at some pace. Must not know paths or headers, nor what is in a document.
 */
#include "http_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loop.h"

#define RESPONSE_BLOCK 1024 /* what libmicrohttpd keeps of a body for HTTP/1.0 clients */

static uint32_t streams_of(const struct http *http, uint64_t client)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < HTTP_STREAMS; i++)
		count += http->streams[i].connection &&
			 http->streams[i].connection->client == client;
	return count;
}

static struct http_stream *unused_stream(struct http *http)
{
	for (uint32_t i = 0; i < HTTP_STREAMS; i++) {
		if (!http->streams[i].connection)
			return &http->streams[i];
	}
	return NULL;
}

/* NULL: all get on. */
static struct http_stream *stalled_stream(struct http *http)
{
	struct http_stream *stalled = NULL;

	for (uint32_t i = 0; i < HTTP_STREAMS; i++) {
		struct http_stream *stream = &http->streams[i];

		if (local_since(http->now, stream->taken_at) < HTTP_STALLED_SECONDS * NS_PER_SECOND)
			continue;
		if (!stalled || local_since(stream->taken_at, stalled->taken_at) < 0)
			stalled = stream;
	}
	return stalled;
}

/* The oldest of a client that would still have as many as the one that asks. NULL: there is none.
 */
static struct http_stream *unfair_stream(struct http *http, uint64_t client)
{
	uint32_t fair = streams_of(http, client) + 1;
	struct http_stream *unfair = NULL;

	for (uint32_t i = 0; i < HTTP_STREAMS; i++) {
		struct http_stream *stream = &http->streams[i];

		if (streams_of(http, stream->connection->client) <= fair)
			continue;
		if (!unfair || local_since(stream->since, unfair->since) < 0)
			unfair = stream;
	}
	return unfair;
}

int http_stream_take(struct http_connection *connection, const struct http_document *document,
		     enum accept_format format, bool compressed)
{
	struct http *http = connection->http;
	struct http_stream *stream = unused_stream(http);

	if (!stream) {
		stream = stalled_stream(http);
		stream = stream ? stream : unfair_stream(http, connection->client);
		if (!stream)
			return -EBUSY;
		http_connection_break(stream->connection);
	}
	if (compressed && gzip_begin(&stream->gzip))
		return -ENOMEM;
	stream->connection = connection;
	stream->document = document;
	stream->format = format;
	stream->compressed = compressed;
	stream->begun = false;
	stream->ended = false;
	stream->whole = false;
	stream->since = http->now;
	stream->taken_at = http->now;
	stream->pace_since = http->now;
	stream->pace_bytes = 0;
	stream->bytes = 0;
	stream->busy_ns = 0;
	stream->length = 0;
	stream->taken = 0;
	connection->stream = stream;
	return 0;
}

/* Between documents it is the kernel's: what a scrape touches would else stay for good, four times
 * over once four came together. Whole pages, since the streams' own fields lie between. */
static void forget_blocks(struct http_stream *stream)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = ((uintptr_t)stream->block + page - 1) & ~(page - 1);
	uintptr_t end = (uintptr_t)(stream + 1) & ~(page - 1);

	if (start < end)
		(void)madvise((void *)start, end - start, MADV_DONTNEED);
}

void http_stream_end(struct http_connection *connection)
{
	struct http_stream *stream = connection->stream;
	const struct http_content *content = &connection->http->content;

	if (!stream)
		return;
	connection->stream = NULL;
	stream->connection = NULL;
	if (!stream->whole)
		forget_blocks(stream);
	content->sent(content->ctx, stream->document, stream->bytes, stream->busy_ns,
		      stream->whole);
}

/* A block of nothing is the end. */
static void next_block(struct http_stream *stream, const struct http_content *content,
		       unsigned int number)
{
	if (!stream->begun)
		stream->document->begin(content->ctx, number, stream->format);
	stream->begun = true;
	stream->taken = 0;
	stream->length = stream->document->read(content->ctx, number, stream->block,
						sizeof(stream->block));
	stream->ended = stream->length == 0;
}

static size_t take_compressed(struct http_stream *stream, char *buffer, size_t capacity)
{
	const char *input = &stream->block[stream->taken];
	size_t left = stream->length - stream->taken;
	size_t length = gzip_write(&stream->gzip, &input, &left, stream->ended, buffer, capacity,
				   &stream->whole);

	stream->taken = stream->length - left;
	return length;
}

static size_t take_plain(struct http_stream *stream, char *buffer, size_t capacity)
{
	size_t length = stream->length - stream->taken;

	stream->whole = stream->ended;
	if (length > capacity)
		length = capacity;
	memcpy(buffer, &stream->block[stream->taken], length);
	stream->taken += length;
	return length;
}

/* As much as fits, since each piece is a turn of the loop and a call of send(). But less than
 * two blocks are produced at a time, though nothing may come of it yet: libmicrohttpd then asks
 * again in its next run, and others had their turn. */
static ssize_t on_read(void *ctx, uint64_t position, char *buffer, size_t capacity)
{
	struct http_connection *connection = ctx;
	struct http_stream *stream = connection->stream;
	struct http *http = connection->http;
	int64_t start_ns = loop_cpu_ns();
	size_t produced = 0;
	size_t length = 0;

	(void)position;
	if (!stream)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (stream->whole)
		return MHD_CONTENT_READER_END_OF_STREAM;
	while (length < capacity && !stream->whole) {
		if (stream->taken == stream->length && !stream->ended) {
			if (produced >= HTTP_BLOCK_BYTES / 3 * 2)
				break;
			next_block(stream, &http->content, (unsigned int)(stream - http->streams));
			produced += stream->length;
		}
		length += stream->compressed
				  ? take_compressed(stream, buffer + length, capacity - length)
				  : take_plain(stream, buffer + length, capacity - length);
	}
	if (stream->whole) /* before its end goes out: whoever has it finds nothing of it here */
		forget_blocks(stream);
	stream->bytes += length;
	stream->taken_at = http->now;
	stream->busy_ns += loop_cpu_ns() - start_ns;
	return length == 0 && stream->whole ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)length;
}

struct MHD_Response *http_stream_response(struct http_connection *connection)
{
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, RESPONSE_BLOCK, on_read,
						 connection, NULL);
}

struct local_time http_stream_due(const struct http_stream *stream)
{
	return local_after(stream->pace_since, HTTP_PACE_SECONDS * NS_PER_SECOND);
}

bool http_stream_keeps_pace(struct http_stream *stream, struct local_time now)
{
	if (local_since(now, http_stream_due(stream)) < 0)
		return true;
	if (stream->bytes - stream->pace_bytes < HTTP_PACE_BYTES)
		return false;
	stream->pace_since = now;
	stream->pace_bytes = stream->bytes;
	return true;
}
