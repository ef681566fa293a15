/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded append buffer with sticky overflow, and the numbers and escapes of the text formats.
 * Must not know what is written.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
	char *buffer;
	size_t capacity;
	size_t length;	 /* never above capacity */
	bool overflowed; /* something did not fit; nothing is appended since */
	/* For who writes: the last piece may go on, since it is of this (NULL: it may not), and
	 * where it begins. */
	const void *open_of;
	size_t open_at;
};

struct text text_over(char *buffer, size_t capacity);
void text_append_bytes(struct text *text, const char *bytes, size_t length);
/* Here, so that the length of a literal is known as it is compiled. */
static inline void text_append(struct text *text, const char *string)
{
	text_append_bytes(text, string, strlen(string));
}
void text_append_uint(struct text *text, uint64_t value);

/* For people: lines of `width` octets at most, broken at spaces, all but the first after `indent`
 * spaces; a word longer than a line stands on one that is too long. Ends with a newline. */
void text_append_wrapped(struct text *text, const char *words, size_t indent, size_t width);

/* Nanoseconds as seconds, exact, canonical (shortest, at least one decimal: "0.000005", "1.0"). */
void text_append_seconds(struct text *text, uint64_t value_ns);

/* The value of a label in the exposition formats: backslash, quote and newline escaped; octets that
 * are not UTF-8 become U+FFFD. */
void text_append_label_value(struct text *text, const char *value);

/* As it is, but octets that are not UTF-8 become U+FFFD. */
void text_append_utf8(struct text *text, const char *value);

/* The inside of a JSON string (RFC 8259), same care for UTF-8. */
void text_append_json(struct text *text, const char *value);

/* Text in HTML, or an attribute's value in quotes; same care for UTF-8. Control characters, which
 * HTML has no escapes for, become their pictures (U+2400 and following). */
void text_append_html(struct text *text, const char *value);

#endif
