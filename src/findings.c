/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects findings and writes them as text, wrapped in columns, or as JSON. Must not know what was
 * looked at, nor terminals.
 */
#include "findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

#define TITLE_COLUMN 8	/* two spaces, the level, two spaces */
#define TEXT_COLUMN  24 /* a title of 14, two spaces */
#define TEXT_LEAST   24 /* columns of text, however narrow the terminal is */
#define ARROW	     "-> "

/* ECMA-48: bold, green, yellow, red; not for what says nothing. */
static const struct {
	const char *name; /* for programs */
	const char *word; /* for people, of four letters at most */
	const char *colour;
} levels[FINDING_LEVELS] = {
	[FINDING_OK] = { "ok", "ok", "\033[32m" },
	[FINDING_NOTE] = { "note", "note", "\033[36m" },
	[FINDING_UNTRIED] = { "not_tried", "skip", "\033[35m" },
	[FINDING_WARN] = { "warn", "warn", "\033[33m" },
	[FINDING_FAIL] = { "fail", "FAIL", "\033[1;31m" },
};

const char *finding_level_name(enum finding_level level)
{
	return levels[level].name;
}

struct finding *findings_add(struct findings *findings, enum finding_level level, const char *group,
			     const char *id, const char *title)
{
	struct finding *finding = &findings->spare;

	if (findings->count < FINDINGS_CAPACITY)
		finding = &findings->rows[findings->count++];
	else
		findings->left_out++;
	memset(finding, 0, sizeof(*finding));
	finding->level = level;
	snprintf(finding->group, sizeof(finding->group), "%s", group);
	snprintf(finding->id, sizeof(finding->id), "%s", id);
	snprintf(finding->title, sizeof(finding->title), "%s", title);
	return finding;
}

void finding_say(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->found, sizeof(finding->found), format, arguments);
	va_end(arguments);
}

void finding_advise(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->advice, sizeof(finding->advice), format, arguments);
	va_end(arguments);
}

uint32_t findings_count(const struct findings *findings, enum finding_level level)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < findings->count; i++)
		count += findings->rows[i].level == level;
	return count;
}

static bool is_problem(const struct finding *finding)
{
	return finding->level >= FINDING_UNTRIED;
}

static void append_spaces(struct text *text, size_t count)
{
	while (count-- > 0)
		text_append(text, " ");
}

/* Names of devices and programs are somebody else's: nothing of them may move a cursor. */
static void append_printable(struct text *text, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		text_append_bytes(text, byte < 0x20 || byte >= 0x7f ? "?" : &bytes[i], 1);
	}
}

static void append_wrapped(struct text *text, const char *words, size_t indent, size_t width)
{
	char buffer[FINDING_TEXT_CAPACITY];
	struct text printable = text_over(buffer, sizeof(buffer) - 1);

	append_printable(&printable, words, strlen(words));
	buffer[printable.length] = '\0';
	text_append_wrapped(text, buffer, indent, width);
}

static void append_row(struct text *text, const struct finding *finding,
		       const struct findings_style *style)
{
	const char *word = levels[finding->level].word;
	size_t title = strlen(finding->title), width = TEXT_LEAST;
	size_t indent = TEXT_COLUMN + strlen(ARROW);

	if (style->columns > TEXT_COLUMN + TEXT_LEAST)
		width = style->columns - TEXT_COLUMN;
	text_append(text, "  ");
	text_append(text, style->colour ? levels[finding->level].colour : "");
	text_append(text, word);
	text_append(text, style->colour ? "\033[0m" : "");
	append_spaces(text, TITLE_COLUMN - 2 - strlen(word));
	append_printable(text, finding->title, title);
	append_spaces(text,
		      title < TEXT_COLUMN - TITLE_COLUMN ? TEXT_COLUMN - TITLE_COLUMN - title : 1);
	append_wrapped(text, finding->found, TEXT_COLUMN, width);
	if (finding->advice[0] == '\0')
		return;
	append_spaces(text, TEXT_COLUMN);
	text_append(text, ARROW);
	append_wrapped(text, finding->advice, indent, width - strlen(ARROW));
}

static void append_heading(struct text *text, const char *group, const struct findings_style *style)
{
	text_append(text, style->colour ? "\033[1m" : "");
	append_printable(text, group, strlen(group));
	text_append(text, style->colour ? "\033[0m\n" : "\n");
}

static void append_number(struct text *text, uint32_t number, const char *one, const char *many)
{
	text_append_uint(text, number);
	text_append(text, number == 1 ? one : many);
}

static void append_summary(const struct findings *findings, bool problems_only, struct text *text)
{
	uint32_t failed = findings_count(findings, FINDING_FAIL);
	uint32_t warned = findings_count(findings, FINDING_WARN);
	uint32_t untried = findings_count(findings, FINDING_UNTRIED);

	if (failed > 0)
		text_append(text, "kube-canary would not work here: ");
	else if (untried > 0)
		text_append(text, "No problem was found so far: ");
	else
		text_append(text, "kube-canary would work here: ");
	append_number(text, failed, " problem, ", " problems, ");
	append_number(text, warned, " warning, ", " warnings, ");
	text_append_uint(text, untried);
	text_append(text, " not tried.\n");
	if (!problems_only && failed + warned + untried > 0)
		text_append(text, "-q shows only these.\n");
	if (findings->left_out > 0) {
		append_number(text, findings->left_out, " more finding", " more findings");
		text_append(text, " had no room.\n");
	}
}

void findings_write_text(const struct findings *findings, const struct findings_style *style,
			 struct text *text)
{
	const char *group = "";

	for (uint32_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->rows[i];

		if (style->problems_only && !is_problem(finding))
			continue;
		if (strcmp(group, finding->group) != 0) {
			text_append(text, *group ? "\n" : "");
			append_heading(text, finding->group, style);
			group = finding->group;
		}
		append_row(text, finding, style);
	}
	if (style->problems_only && *group == '\0')
		return;
	text_append(text, "\n");
	append_summary(findings, style->problems_only, text);
}

static void write_finding(struct json *json, const struct finding *finding)
{
	json_open(json, '{');
	json_key_string(json, "id", finding->id);
	json_key_string(json, "status", levels[finding->level].name);
	json_key(json, "interface");
	if (finding->interface[0])
		json_string(json, finding->interface);
	else
		json_null(json);
	json_key_string(json, "group", finding->group);
	json_key_string(json, "title", finding->title);
	json_key_string(json, "found", finding->found);
	json_key(json, "advice");
	if (finding->advice[0])
		json_string(json, finding->advice);
	else
		json_null(json);
	json_close(json, '}');
}

void findings_write_json(const struct findings *findings, bool problems_only, struct text *text)
{
	struct json json = { .text = text };

	json_open(&json, '{');
	json_key_bool(&json, "works", findings_count(findings, FINDING_FAIL) == 0);
	json_key(&json, "count");
	json_open(&json, '{');
	for (unsigned int level = 0; level < FINDING_LEVELS; level++)
		json_key_uint(&json, levels[level].name, findings_count(findings, level));
	json_key_uint(&json, "left_out", findings->left_out);
	json_close(&json, '}');
	json_key(&json, "findings");
	json_open(&json, '[');
	for (uint32_t i = 0; i < findings->count; i++) {
		if (!problems_only || is_problem(&findings->rows[i]))
			write_finding(&json, &findings->rows[i]);
	}
	json_close(&json, ']');
	json_close(&json, '}');
	text_append(text, "\n");
}
