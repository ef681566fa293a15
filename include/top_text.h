/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for a terminal: whatever comes from elsewhere takes the columns it is given and cannot do
 * anything else there. Must not know peers or tables.
 */
#ifndef TOP_TEXT_H
#define TOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

struct top_style {
	bool utf8;   /* else ASCII alone */
	bool colour; /* else no escape sequences within lines */
};

enum top_align { TOP_LEFT, TOP_RIGHT };

#define TOP_PLAIN   "0"
#define TOP_BOLD    "1"
#define TOP_DIM	    "2"
#define TOP_INVERSE "7"
#define TOP_RED	    "1;31"
#define TOP_GREEN   "32"
#define TOP_YELLOW  "33"
#define TOP_CYAN    "36"

/* Columns that the value takes when it is shown whole. */
size_t top_text_width(const char *value, struct top_style style);

/* Appends the value in exactly so many columns, padded, or cut with a mark of it. Control
 * characters become their pictures, what has no width or turns the direction of writing U+FFFD
 * (each ? in ASCII). */
void top_text_cell(struct text *text, const char *value, size_t width, enum top_align align,
		   struct top_style style);

/* As many columns as it takes. */
void top_text_append(struct text *text, const char *value, struct top_style style);

void top_text_spaces(struct text *text, size_t count);
void top_text_colour(struct text *text, const char *rendition, struct top_style style);

/* Three digits and a unit, at most 6 columns ("12.3ms", "999us"); a dash for NAN. */
#define TOP_NUMBER_CAPACITY 32
void top_text_duration(char ret[static TOP_NUMBER_CAPACITY], double seconds,
		       struct top_style style);
/* At most 5 columns, of a share from 0 to 1. */
void top_text_share(char ret[static TOP_NUMBER_CAPACITY], double share, struct top_style style);
/* At most 6 columns: all digits of what is below a million, else "1.23M". */
void top_text_count(char ret[static TOP_NUMBER_CAPACITY], double count, struct top_style style);
/* "3 d 4 h" */
void top_text_age(char ret[static TOP_NUMBER_CAPACITY], double seconds);

#endif
