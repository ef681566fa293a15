/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines on standard error. Builds each line in a buffer of fixed size and hands it over in one
 * write, so that lines of two processes never mix. Must not know who logs, nor allocate.
 */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"

/* Kept free so that a cut line still ends properly: an ellipsis, quote, brace, newline. */
#define LOG_ENDING	  "\xe2\x80\xa6\"}\n"
#define LOG_BODY_CAPACITY (LOG_LINE_CAPACITY - (sizeof(LOG_ENDING) - 1))

#define LOG_NUMBER_CAPACITY 24
#define LOG_TIME_CAPACITY   80 /* six numbers, were they all as long as an int may be */

struct line {
	char bytes[LOG_LINE_CAPACITY];
	size_t length;
	bool cut; /* something did not fit: nothing more is added but the ending */
};

static struct {
	enum log_level level;
	bool json;
} log_settings = { .level = LOG_LEVEL_INFO };

static const char *const log_level_names[] = { "error", "warn", "info", "debug" };

/* All of it or nothing, so that no escape and no character is cut in two. */
static void line_append(struct line *line, const char *bytes, size_t length)
{
	if (line->cut || line->length + length > LOG_BODY_CAPACITY) {
		line->cut = true;
		return;
	}
	memcpy(line->bytes + line->length, bytes, length);
	line->length += length;
}

/* For what LOG_BODY_CAPACITY keeps free. */
static void line_append_ending(struct line *line, const char *bytes)
{
	size_t length = strlen(bytes);

	memcpy(line->bytes + line->length, bytes, length);
	line->length += length;
}

/* Octets of the UTF-8 character at text (RFC 3629), 0 when there is none. */
static size_t utf8_length(const char *text)
{
	const unsigned char *octets = (const unsigned char *)text;
	size_t length = octets[0] < 0x80			? 1
			: octets[0] >= 0xc2 && octets[0] < 0xe0 ? 2
			: octets[0] >= 0xe0 && octets[0] < 0xf0 ? 3
			: octets[0] >= 0xf0 && octets[0] < 0xf5 ? 4
								: 0;

	for (size_t i = 1; i < length; i++) {
		if ((octets[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((octets[0] == 0xe0 && octets[1] < 0xa0) || (octets[0] == 0xed && octets[1] > 0x9f) ||
	    (octets[0] == 0xf0 && octets[1] < 0x90) || (octets[0] == 0xf4 && octets[1] > 0x8f))
		return 0;
	return length;
}

/* Controls of ASCII and of the upper half (U+0080 to U+009F), which terminals obey too. */
static bool is_control(const char *text, size_t length)
{
	unsigned char first = (unsigned char)text[0];

	if (length == 1)
		return first < 0x20 || first == 0x7f;
	return length == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0;
}

/* The inside of a quoted string; JSON's escapes serve logfmt too. */
static void line_append_escaped(struct line *line, const char *text)
{
	while (*text && !line->cut) {
		size_t length = utf8_length(text);
		char escape[8];

		if (length == 0) {
			line_append(line, "\\ufffd", 6);
			length = 1;
		} else if (*text == '"' || *text == '\\') {
			escape[0] = '\\';
			escape[1] = *text;
			line_append(line, escape, 2);
		} else if (*text == '\n') {
			line_append(line, "\\n", 2);
		} else if (is_control(text, length)) {
			snprintf(escape, sizeof(escape), "\\u%04x",
				 (unsigned int)(unsigned char)text[length - 1]);
			line_append(line, escape, 6);
		} else {
			line_append(line, text, length);
		}
		text += length;
	}
}

static bool logfmt_needs_quotes(const char *text)
{
	if (!*text)
		return true;
	while (*text) {
		size_t length = utf8_length(text);

		if (length == 0 || is_control(text, length) || strchr(" =\"\\", *text))
			return true;
		text += length;
	}
	return false;
}

/* The name of a value and all that stands before the value. False: there was no room. */
static bool line_append_key(struct line *line, const char *key, bool quoted)
{
	char text[LOG_LINE_CAPACITY];
	int length;

	if (log_settings.json)
		length = snprintf(text, sizeof(text), "%s\"%s\":%s", line->length ? "," : "{", key,
				  quoted ? "\"" : "");
	else
		length = snprintf(text, sizeof(text), "%s%s=%s", line->length ? " " : "", key,
				  quoted ? "\"" : "");
	line_append(line, text, length < 0 ? sizeof(text) : (size_t)length);
	return !line->cut;
}

static void line_append_text(struct line *line, const char *key, const char *value, bool quoted)
{
	if (!line_append_key(line, key, quoted))
		return;
	line_append_escaped(line, value);
	if (line->cut)
		line_append_ending(line, "\xe2\x80\xa6");
	if (quoted)
		line_append_ending(line, "\"");
}

static void line_append_number(struct line *line, const char *key, int64_t value)
{
	char digits[LOG_NUMBER_CAPACITY];
	int length = snprintf(digits, sizeof(digits), "%lld", (long long)value);
	size_t start = line->length;

	if (!line_append_key(line, key, false))
		return;
	line_append(line, digits, (size_t)length);
	if (line->cut)
		line->length = start; /* half a number would be another number */
}

/* RFC 3339 in UTC. By hand: gmtime_r reads the time zone's file, which may be out of reach. */
static void format_time(int64_t unix_ns, char text[static LOG_TIME_CAPACITY])
{
	int64_t seconds = unix_ns / NS_PER_SECOND;
	int second_of_day = (int)(seconds % 86400);
	/* Days since 0000-03-01, so that a leap day is the last of its year. */
	int64_t days = seconds / 86400 + 719468;
	int64_t era = days / 146097;
	int64_t day_of_era = days % 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int day_of_year =
		(int)(day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100));
	int month_from_march = (5 * day_of_year + 2) / 153;
	int day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	int64_t year = year_of_era + era * 400 + (month <= 2);

	snprintf(text, LOG_TIME_CAPACITY, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year, month,
		 day, second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60,
		 (int)(unix_ns % NS_PER_SECOND / NS_PER_MS));
}

void log_setup(enum log_level level, int json)
{
	log_settings.level = level;
	log_settings.json = json != 0;
}

struct log_field log_errno_field(int err)
{
	return LOG_TEXT("error", strerror(err < 0 ? -err : err));
}

/* Whoever reads our lines may have stopped: measuring goes on. A line is shorter than PIPE_BUF, so
 * that a pipe that is ready takes it whole; the descriptor is shared, and its flags are not ours to
 * change. */
static bool stderr_takes(void)
{
	struct pollfd target = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&target, 1, 0) == 1 && (target.revents & POLLOUT);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
	       size_t count)
{
	int saved_errno = errno;
	struct line line;
	char time[LOG_TIME_CAPACITY];

	if (level > log_settings.level)
		return;
	line.length = 0; /* and not the whole buffer */
	line.cut = false;
	format_time(loop_unix_ns(), time);
	line_append_text(&line, "ts", time, log_settings.json);
	line_append_text(&line, "level", log_level_names[level], log_settings.json);
	line_append_text(&line, "msg", message, true);
	for (size_t i = 0; i < count && !line.cut; i++) {
		const char *text = fields[i].text;

		if (text)
			line_append_text(&line, fields[i].key, text,
					 log_settings.json || logfmt_needs_quotes(text));
		else
			line_append_number(&line, fields[i].key, fields[i].number);
	}
	line_append_ending(&line, log_settings.json ? "}\n" : "\n");
	/* A line that cannot be written is lost: there is nowhere to say so. */
	if (stderr_takes() && write(STDERR_FILENO, line.bytes, line.length) < 0)
		errno = 0;
	errno = saved_errno;
}
