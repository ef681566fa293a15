/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers from a file: reads it line by line through a buffer of fixed size. Knows lines; must not
 * know what becomes of a peer. When to read again is discovery_watch.c's.
 */
#include "discovery_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES	4096
#define FILE_BYTES_MAX	(8 << 20) /* tens of thousands of the longest names; not a log by mistake */
#define QUOTED_OCTETS	64	  /* of the offending text */
#define QUOTED_CAPACITY (QUOTED_OCTETS * 4 + 4)

/* A file as it is read. */
struct reader {
	const char *path;
	char *error;
	int fd;
	uint32_t line_number;
	size_t total;
	size_t at;
	size_t length;
	char block[BLOCK_BYTES];
};

/* Printable, one line, of bounded length. */
static void quote(const char *text, char quoted[static QUOTED_CAPACITY])
{
	size_t length = 0;
	size_t i;

	for (i = 0; i < QUOTED_OCTETS && text[i]; i++) {
		unsigned char octet = (unsigned char)text[i];

		if (octet >= 0x20 && octet < 0x7f && octet != '"' && octet != '\\')
			quoted[length++] = text[i];
		else
			length += (size_t)snprintf(quoted + length, 5, "\\x%02x", octet);
	}
	memcpy(quoted + length, text[i] ? "..." : "", text[i] ? 4 : 1);
}

static int refuse_line(const struct reader *reader, const char *text, const char *expected,
		       const char *problem)
{
	char quoted[QUOTED_CAPACITY];

	quote(text, quoted);
	snprintf(reader->error, DISCOVERY_ERROR_CAPACITY, "peers file %s, line %u: \"%s\": %s%s",
		 reader->path, reader->line_number, quoted, expected, problem);
	return -EINVAL;
}

static int refuse_file(const struct reader *reader, const char *problem, int err)
{
	snprintf(reader->error, DISCOVERY_ERROR_CAPACITY, "peers file %s: %s", reader->path,
		 problem);
	return err;
}

/* The next line without its end: 1 and its length, which may be above the capacity (then only so
 * much of it stands in `line`); 0 at the end of the file; or -errno. */
static int read_line(struct reader *reader, char line[static PEER_LINE_CAPACITY + 1],
		     size_t *ret_length)
{
	size_t length = 0;
	char octet = '\0';

	while (octet != '\n') {
		if (reader->at == reader->length) {
			ssize_t got = read(reader->fd, reader->block, sizeof(reader->block));

			if (got < 0)
				return -errno;
			if (got == 0 && length == 0)
				return 0;
			if (got == 0)
				break; /* a last line without its newline */
			reader->total += (size_t)got;
			if (reader->total > FILE_BYTES_MAX)
				return -EFBIG;
			reader->at = 0;
			reader->length = (size_t)got;
		}
		octet = reader->block[reader->at++];
		if (length < PEER_LINE_CAPACITY + 1)
			line[length] = octet;
		length++;
	}
	length -= octet == '\n';
	if (length > 0 && length <= PEER_LINE_CAPACITY + 1 && line[length - 1] == '\r')
		length--;
	line[length < PEER_LINE_CAPACITY ? length : PEER_LINE_CAPACITY] = '\0';
	*ret_length = length;
	return 1;
}

static int offer_line(const struct reader *reader, const char *line, size_t length,
		      discovery_offer_fn *offer, void *ctx)
{
	struct peer_candidate candidate;
	const char *expected = "";
	char offender[PEER_NAME_CAPACITY] = "";
	char text[ADDRESS_TEXT_CAPACITY];
	int result;

	if (length > PEER_LINE_CAPACITY)
		return refuse_line(reader, line, "expected ", "a shorter line");
	if (memchr(line, '\0', length))
		return refuse_line(reader, line, "expected ",
				   "text, and not a zero octet after it");
	result = peer_parse_line(line, &candidate, &expected, offender);
	if (result < 0)
		return refuse_line(reader, offender, "expected ", expected);
	if (result == 0)
		return 0;
	result = offer(ctx, &candidate);
	if (result == 0 || result == -ENOSPC)
		return 0;
	address_format(&candidate.address, text);
	if (result == -EEXIST)
		return refuse_line(reader, text, "", "the address is already on an earlier line");
	if (result == -ENOTUNIQ)
		return refuse_line(reader, candidate.name, "",
				   "the name is already another address's, of the same family");
	return refuse_line(reader, text, "", strerror(-result));
}

int discovery_file_read(const char *path, discovery_offer_fn *offer, void *ctx,
			char ret_error[static DISCOVERY_ERROR_CAPACITY])
{
	struct reader reader;
	char line[PEER_LINE_CAPACITY + 1];
	struct stat status;
	size_t length = 0;
	int result;

	reader.path = path;
	reader.error = ret_error;
	reader.line_number = 0;
	reader.total = reader.at = reader.length = 0;
	/* O_NONBLOCK: a FIFO would keep us until somebody writes to it. */
	reader.fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (reader.fd < 0)
		return refuse_file(&reader, strerror(errno), -errno);
	if (fstat(reader.fd, &status) < 0)
		result = -errno;
	else
		result = S_ISREG(status.st_mode) ? 1 : S_ISDIR(status.st_mode) ? -EISDIR : -ENODEV;
	if (result == -ENODEV)
		refuse_file(&reader, "Not a regular file", result);
	else if (result < 0)
		refuse_file(&reader, strerror(-result), result);
	while (result > 0) {
		result = read_line(&reader, line, &length);
		reader.line_number++;
		if (result < 0) {
			refuse_file(&reader, strerror(-result), result);
		} else if (result > 0) {
			int err = offer_line(&reader, line, length, offer, ctx);

			result = err ? err : 1;
		}
	}
	close(reader.fd);
	return result;
}
