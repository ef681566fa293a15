/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client accepts (RFC 9110 sections 12.4.2, 12.5.1, 12.5.3): which of the formats that we
 * have suits it best, and whether gzip does. Pure core: texts in, choices out.
 *
 * Both states begin as zero and take the lines of their field one by one, in any order. The work
 * is proportional to a line's length, which is the caller's to bound. Garbage spoils only its own
 * element, up to the next comma.
 */
#ifndef ACCEPT_H
#define ACCEPT_H

#include <stdbool.h>

enum accept_format {
	ACCEPT_TEXT = 0,
	ACCEPT_OPENMETRICS,
	ACCEPT_PROTOBUF,
	ACCEPT_FORMATS, /* to choose from */
	/* of documents that there are in one format only */
	ACCEPT_HTML = ACCEPT_FORMATS,
	ACCEPT_JSON,
	ACCEPT_TYPES,
};

struct accept {
	unsigned int weights[ACCEPT_TYPES]; /* thousandths, of the most specific range seen */
	unsigned char ranks[ACCEPT_TYPES];  /* how specific that was; 0: none names the format */
	bool said;			    /* there was an element that is no garbage */
};

/* A line of Accept. Parameters are heeded: `version` (text/plain 0.0.4, openmetrics-text 1.0.0),
 * `charset=utf-8`, `proto` and `encoding=delimited` of protobuf, `escaping` whatever it is (our
 * names are the same in every scheme). What a range leaves open suits us; another value makes it
 * a range for something that we don't have. A parameter that we don't know makes the range less
 * specific than one without. */
void accept_add(struct accept *accept, const char *line);

/* The format with the greatest weight. Of equals, what is named goes before what a wildcard
 * allows. Of those named, protobuf goes before OpenMetrics before text; of those that a wildcard
 * allows it is the other way around, since whoever asks for anything is no scraper.
 *
 * If nothing that we have is accepted, it is text nevertheless, and *ret_acceptable is false: the
 * exposition formats know text as the last resort. A client that says nothing accepts all. */
enum accept_format accept_choose(const struct accept *accept, bool *ret_acceptable);

/* Whether it may be of this format. */
bool accept_allows(const struct accept *accept, enum accept_format format);

/* The greatest weight that each coding was given, in thousandths and one more; 0: not named. */
struct accept_encoding {
	unsigned int gzip;
	unsigned int identity;
	unsigned int any; /* `*`: all that are not named */
};

/* A line of Accept-Encoding. */
void accept_encoding_add(struct accept_encoding *accept, const char *line);

/* Whether gzip is asked for, and not less than the body as it is. */
bool accept_encoding_gzip(const struct accept_encoding *accept);

#endif
