/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines on standard error, logfmt or JSON, one write each. For edges and wiring only: the core
 * never logs. A line that cannot be written is lost, never an error.
 */
#ifndef LOG_H
#define LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_LINE_CAPACITY 1024 /* longer lines are cut, still well-formed */

/* A key and its value; make them with LOG_TEXT, LOG_INT and LOG_ERRNO. */
struct log_field {
	const char *key;
	const char *text; /* NULL: the number counts */
	int64_t number;
};

#define LOG_TEXT(k, v) ((struct log_field){ .key = (k), .text = (v) })
#define LOG_INT(k, v)  ((struct log_field){ .key = (k), .number = (int64_t)(v) })
/* v: -errno or errno; printed as the system's words under the key "error". */
#define LOG_ERRNO(v) log_errno_field(v)

void log_setup(enum log_level level, int json);
void log_write(enum log_level level, const char *message, const struct log_field *fields,
	       size_t count);
struct log_field log_errno_field(int err);

#define LOG_FIELDS(...)                            \
	(const struct log_field[]){ __VA_ARGS__ }, \
		sizeof((struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field)

#define log_error(message, ...) log_write(LOG_LEVEL_ERROR, message, LOG_FIELDS(__VA_ARGS__))
#define log_warn(message, ...)	log_write(LOG_LEVEL_WARN, message, LOG_FIELDS(__VA_ARGS__))
#define log_info(message, ...)	log_write(LOG_LEVEL_INFO, message, LOG_FIELDS(__VA_ARGS__))
#define log_debug(message, ...) log_write(LOG_LEVEL_DEBUG, message, LOG_FIELDS(__VA_ARGS__))

#endif
