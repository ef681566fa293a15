/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `top` where there is no screen: a table after the other, or the API's own document. Must not
 * know keys.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "top_state.h"

/* What lies behind the last word would only make a terminal break the line. */
static void print_line(const struct text *text)
{
	size_t length = text->length;

	while (length > 0 && text->buffer[length - 1] == ' ')
		length--;
	fwrite(text->buffer, 1, length, stdout);
	putchar('\n');
}

static int print_table(struct top *top)
{
	struct top_control *control = &top->control;
	struct top_screenful screenful = top_screenful(top);
	size_t capacity;
	struct text text;
	char *line;
	int err;

	top_screen_size(&control->columns, &control->lines);
	capacity = top_control_capacity(1, control->columns);
	line = malloc(capacity);
	err = line ? top_table_arrange(&control->table, &top->peers, control->columns) : -ENOMEM;
	for (unsigned int i = 0; err == 0; i++) {
		text = text_over(line, capacity);
		if (!top_control_heading(control, &screenful, i, &text))
			break;
		print_line(&text);
	}
	text = text_over(line, capacity);
	if (err == 0) {
		top_table_write_head(&control->table, &text);
		print_line(&text);
	}
	for (uint32_t row = 0; err == 0 && row < control->table.count; row++) {
		text = text_over(line, capacity);
		top_table_write_row(&control->table, row, &text);
		print_line(&text);
	}
	free(line);
	return err;
}

/* As it came, which was read as JSON; but what a terminal might obey (DEL, and C1 as UTF-8 has it)
 * is written as an escape, which means the same. */
static void print_json(const struct top *top)
{
	size_t length;
	const char *body = top_fetch_body(&top->fetch, &length);

	for (size_t i = 0; i < length; i++) {
		unsigned char octet = (unsigned char)body[i];

		if (octet == 0x7f) {
			printf("\\u007f");
		} else if (octet == 0xc2 && i + 1 < length && (unsigned char)body[i + 1] < 0xa0) {
			printf("\\u%04x", (unsigned char)body[i + 1]);
			i++;
		} else {
			putchar(octet);
		}
	}
}

static void wait_for(struct top *top)
{
	int64_t left_ns = local_since(top_due(top), loop_now());
	struct pollfd ready = { .fd = -1 };

	if (top->asking != TOP_ASKING_NOTHING) {
		ready.fd = top->fetch.fd;
		ready.events = top_fetch_events(&top->fetch);
	}
	if (left_ns > 0)
		poll(&ready, 1, (int)(left_ns / NS_PER_MS) + 1);
}

static int print_renewal(struct top *top)
{
	int err = 0;

	if (top->json)
		print_json(top);
	else
		err = print_table(top);
	if (err == 0 && !top->json && top->done != top->iterations)
		putchar('\n');
	if (err == 0 && (fflush(stdout) || ferror(stdout)))
		err = -errno;
	if (err)
		fprintf(stderr, "kube-canary top: cannot print: %s\n", strerror(-err));
	return err;
}

void top_tell_problem(const struct top *top, bool last)
{
	char line[sizeof(top->problem) * 4];
	struct text text = text_over(line, sizeof(line) - 1);

	top_text_append(&text, top->problem, top->control.table.style);
	line[text.length] = '\0';
	fprintf(stderr, "kube-canary top: no answer from %s: %s%s\n", top->fetch.where, line,
		last ? "" : ", trying again");
}

int top_print(struct top *top)
{
	char told[sizeof(top->problem)] = "";

	while (top->iterations == 0 || top->done < top->iterations) {
		if (!top_renew(top, loop_now())) {
			wait_for(top);
			continue;
		}
		if (top->problem[0] != '\0') {
			bool last = top->done == top->iterations;

			/* Once for each kind, not at each attempt. */
			if (last || strcmp(told, top->problem) != 0)
				top_tell_problem(top, last);
			strcpy(told, top->problem);
			continue;
		}
		told[0] = '\0';
		if (print_renewal(top))
			return EXIT_FAILURE;
	}
	return top->problem[0] != '\0' ? EXIT_FAILURE : EXIT_SUCCESS;
}
