/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Characters by their width, and numbers in few columns. Must not know peers or tables.
 */
#include "top_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define DASH(style) ((style).utf8 ? "\xe2\x80\x93" : "-")

struct range {
	uint32_t first, last;
};

/* What takes no column of its own, or changes how others are written: marks that combine, joiners,
 * variation selectors, directions, tags; private use and what is no character. They would make a
 * name look like another one, or a row longer than it is. Scripts that are made of such marks are
 * here as a whole: a name of a host is not written in them. */
static const struct range shown_as_replacement[] = {
	{ 0x00ad, 0x00ad },   { 0x0300, 0x036f },   { 0x0483, 0x0489 },	   { 0x0591, 0x05c7 },
	{ 0x0600, 0x0605 },   { 0x0610, 0x061c },   { 0x064b, 0x065f },	   { 0x0670, 0x0670 },
	{ 0x06d6, 0x06ed },   { 0x070f, 0x074a },   { 0x07a6, 0x07b0 },	   { 0x07eb, 0x07f3 },
	{ 0x0816, 0x082d },   { 0x0859, 0x085b },   { 0x0890, 0x0903 },	   { 0x093a, 0x0963 },
	{ 0x0981, 0x0983 },   { 0x09bc, 0x09e3 },   { 0x0a01, 0x0d63 },	   { 0x0d81, 0x0df3 },
	{ 0x0e31, 0x0e31 },   { 0x0e34, 0x0e3a },   { 0x0e47, 0x0e4e },	   { 0x0eb1, 0x0ece },
	{ 0x0f18, 0x0fc6 },   { 0x102b, 0x109d },   { 0x1160, 0x11ff },	   { 0x135d, 0x135f },
	{ 0x1712, 0x17dd },   { 0x180b, 0x180f },   { 0x1885, 0x1886 },	   { 0x18a9, 0x1cff },
	{ 0x1dc0, 0x1dff },   { 0x200b, 0x200f },   { 0x2028, 0x202e },	   { 0x2060, 0x206f },
	{ 0x20d0, 0x20ff },   { 0x2cef, 0x2cf1 },   { 0x2d7f, 0x2d7f },	   { 0x2de0, 0x2dff },
	{ 0x302a, 0x302f },   { 0x3099, 0x309a },   { 0xa66f, 0xa69f },	   { 0xa802, 0xabff },
	{ 0xd7b0, 0xf8ff },   { 0xfb1e, 0xfb1e },   { 0xfdd0, 0xfdef },	   { 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },   { 0xfeff, 0xfeff },   { 0xfff0, 0xffff },	   { 0x10376, 0x1039f },
	{ 0x10a01, 0x10a3f }, { 0x11000, 0x16fef }, { 0x1bc9d, 0x1efff },  { 0x1f3fb, 0x1f3ff },
	{ 0x1fffe, 0x1ffff }, { 0x2fffe, 0x2ffff }, { 0x3fffe, 0x10ffff },
};

static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2329, 0x232a },	  { 0x23e9, 0x23ec },
	{ 0x25fd, 0x25fe },   { 0x2614, 0x2615 },   { 0x2648, 0x2653 },	  { 0x26a1, 0x26a1 },
	{ 0x26aa, 0x26ab },   { 0x26bd, 0x26be },   { 0x26c4, 0x26c5 },	  { 0x26ce, 0x26ce },
	{ 0x26d4, 0x26d4 },   { 0x26ea, 0x26ea },   { 0x26f2, 0x26f5 },	  { 0x26fa, 0x26fd },
	{ 0x2705, 0x2705 },   { 0x270a, 0x270b },   { 0x2728, 0x2728 },	  { 0x274c, 0x274e },
	{ 0x2753, 0x2757 },   { 0x2795, 0x2797 },   { 0x27b0, 0x27bf },	  { 0x2b1b, 0x2b1c },
	{ 0x2b50, 0x2b55 },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },	  { 0xa960, 0xa97c },
	{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe10, 0xfe6b },	  { 0xff01, 0xff60 },
	{ 0xffe0, 0xffe6 },   { 0x16fe0, 0x1b2fb }, { 0x1f004, 0x1f004 }, { 0x1f0cf, 0x1f0cf },
	{ 0x1f18e, 0x1f19a }, { 0x1f200, 0x1f320 }, { 0x1f32d, 0x1f9ff }, { 0x1fa70, 0x1faff },
	{ 0x20000, 0x3fffd },
};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t code)
{
	for (size_t i = 0; i < count && code >= ranges[i].first; i++) {
		if (code <= ranges[i].last)
			return true;
	}
	return false;
}

#define IN(ranges, code) in_ranges(ranges, sizeof(ranges) / sizeof((ranges)[0]), code)

/* What is shown instead of the character that begins at `from`, which is moved past it. */
struct shown {
	char octets[5];
	size_t columns;
};

/* The code point, or 0xffff for an octet that begins none. */
static uint32_t decode(const char **from)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *octets = (const unsigned char *)*from;
	size_t length = octets[0] < 0x80 ? 1 : octets[0] < 0xe0 ? 2 : octets[0] < 0xf0 ? 3 : 4;
	uint32_t code = length == 1 ? octets[0] : octets[0] & (0x7fU >> length);

	(*from)++;
	if (length == 1)
		return code;
	if (octets[0] < 0xc2 || octets[0] > 0xf4)
		return 0xffff;
	for (size_t i = 1; i < length; i++) {
		if ((octets[i] & 0xc0) != 0x80)
			return 0xffff;
		code = code << 6 | (octets[i] & 0x3f);
	}
	if (code < least[length])
		return 0xffff;
	*from += length - 1;
	return code;
}

static struct shown next(const char **from, struct top_style style)
{
	const char *start = *from;
	uint32_t code = decode(from);
	struct shown shown = { "?", 1 };

	if (code >= 0x20 && code < 0x7f) {
		shown.octets[0] = (char)code;
		return shown;
	}
	if (!style.utf8)
		return shown;
	if (code < 0x20 || code == 0x7f) {
		memcpy(shown.octets, "\xe2\x90\x80", 4);
		shown.octets[2] = (char)(0x80 | (code == 0x7f ? 0x21 : code));
	} else if (code < 0xa0 || IN(shown_as_replacement, code)) {
		memcpy(shown.octets, REPLACEMENT, 4);
	} else {
		memcpy(shown.octets, start, (size_t)(*from - start));
		shown.octets[*from - start] = '\0';
		shown.columns = IN(wide, code) ? 2 : 1;
	}
	return shown;
}

size_t top_text_width(const char *value, struct top_style style)
{
	size_t columns = 0;

	while (*value)
		columns += next(&value, style).columns;
	return columns;
}

void top_text_spaces(struct text *text, size_t count)
{
	while (count-- > 0)
		text_append_bytes(text, " ", 1);
}

void top_text_append(struct text *text, const char *value, struct top_style style)
{
	while (*value)
		text_append(text, next(&value, style).octets);
}

void top_text_cell(struct text *text, const char *value, size_t width, enum top_align align,
		   struct top_style style)
{
	size_t whole = top_text_width(value, style);
	size_t room = whole > width && width > 0 ? width - 1 : width;
	size_t used = 0;

	if (align == TOP_RIGHT && whole < width)
		top_text_spaces(text, width - whole);
	while (*value) {
		struct shown shown = next(&value, style);

		if (used + shown.columns > room)
			break;
		text_append(text, shown.octets);
		used += shown.columns;
	}
	if (whole > width && width > 0) {
		text_append(text, style.utf8 ? "\xe2\x80\xa6" : "~");
		used++;
	}
	if (whole > width || align == TOP_LEFT)
		top_text_spaces(text, width - used);
}

void top_text_colour(struct text *text, const char *rendition, struct top_style style)
{
	if (!style.colour)
		return;
	text_append(text, "\033[");
	text_append(text, rendition);
	text_append(text, "m");
}

/* --- numbers */

static int decimals(double value)
{
	return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

void top_text_duration(char ret[static TOP_NUMBER_CAPACITY], double seconds, struct top_style style)
{
	double value = seconds * 1e6;
	const char *unit = style.utf8 ? "\xc2\xb5s" : "us";

	if (isnan(seconds)) {
		strcpy(ret, DASH(style));
		return;
	}
	if (seconds >= 0.9995) {
		value = seconds;
		unit = "s";
	} else if (seconds >= 0.0009995) {
		value = seconds * 1e3;
		unit = "ms";
	}
	if (value >= 99999)
		strcpy(ret, ">1day");
	else
		snprintf(ret, TOP_NUMBER_CAPACITY, "%.*f%s", decimals(value), value, unit);
}

void top_text_share(char ret[static TOP_NUMBER_CAPACITY], double share, struct top_style style)
{
	if (isnan(share) || share > 1)
		strcpy(ret, DASH(style));
	else if (share == 0)
		strcpy(ret, "0%");
	else
		snprintf(ret, TOP_NUMBER_CAPACITY, "%.*f%%", share < 0.0995 ? 1 : 0, share * 100);
}

void top_text_count(char ret[static TOP_NUMBER_CAPACITY], double count, struct top_style style)
{
	static const char units[] = "kMGTPE";
	const char *unit = units;

	if (isnan(count)) {
		strcpy(ret, DASH(style));
		return;
	}
	if (count < 999999.5) {
		snprintf(ret, TOP_NUMBER_CAPACITY, "%.0f", count);
		return;
	}
	for (count /= 1000; count >= 999.5 && unit[1]; unit++)
		count /= 1000;
	if (count >= 999.5)
		strcpy(ret, "many");
	else
		snprintf(ret, TOP_NUMBER_CAPACITY, "%.*f%c", decimals(count), count, *unit);
}

void top_text_age(char ret[static TOP_NUMBER_CAPACITY], double seconds)
{
	static const struct {
		uint64_t size;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	uint64_t whole;
	size_t at = 0;

	if (!(seconds < 1e11)) {
		strcpy(ret, "?");
		return;
	}
	whole = (uint64_t)seconds;
	while (at < 3 && whole < units[at].size)
		at++;
	if (at > 1)
		snprintf(ret, TOP_NUMBER_CAPACITY, "%lu %s", whole / units[at].size,
			 units[at].name);
	else
		snprintf(ret, TOP_NUMBER_CAPACITY, "%lu %s %lu %s", whole / units[at].size,
			 units[at].name, whole % units[at].size / units[at + 1].size,
			 units[at + 1].name);
}
