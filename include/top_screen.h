/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal: owns its modes, its size and what is written to it, and gives it back as it was.
 * Must not know what is shown.
 */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "top_text.h"

struct top_screen {
	bool entered;
	bool saved; /* as it was before all this, which `before` has */
	struct termios before;
};

/* Whether keys can be read and the cursor moved. */
bool top_screen_is_interactive(void);

/* What may be written, by the environment (LC_ALL, LC_CTYPE, LANG; TERM; NO_COLOR). */
struct top_style top_screen_style(void);

/* Columns and lines of standard output, within bounds; of what is no terminal: COLUMNS, or as many
 * columns as the table has use for. */
void top_screen_size(unsigned int *ret_columns, unsigned int *ret_lines);

/* Takes the terminal over, or again after something else had it; gives it back. */
int top_screen_enter(struct top_screen *screen);
void top_screen_leave(struct top_screen *screen);

/* Writes it all, however long that takes. 0, or -errno when nobody reads it any more. */
int top_screen_write(const char *bytes, size_t length);

#endif
