/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal as ECMA-48 and xterm have it: other screen, no cursor, no wrapping, keys as they are
 * typed. Interrupt and suspend stay signals. Must not know what is shown.
 */
#include "top_screen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "top_table.h"

#define LINES_MAX	  500
#define COLUMNS_UNLIMITED 200 /* all columns have room */

static const char enter_words[] = "\033[?1049h\033[?25l\033[?7l\033[2J";
static const char leave_words[] = "\033[0m\033[?7h\033[?25h\033[?1049l";

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static bool is_dumb(void)
{
	const char *term = environment("TERM");

	return *term == '\0' || strcmp(term, "dumb") == 0;
}

bool top_screen_is_interactive(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !is_dumb();
}

/* As setlocale() would find it, whose names differ from library to library. */
static bool locale_is_utf8(void)
{
	const char *locale = environment("LC_ALL");

	if (!*locale)
		locale = environment("LC_CTYPE");
	if (!*locale)
		locale = environment("LANG");
	return strcasestr(locale, "utf-8") || strcasestr(locale, "utf8");
}

struct top_style top_screen_style(void)
{
	return (struct top_style){
		/* The console's fonts have no eighths of a block. */
		.utf8 = locale_is_utf8() && strcmp(environment("TERM"), "linux") != 0,
		.colour = isatty(STDOUT_FILENO) && !is_dumb() && !*environment("NO_COLOR"),
	};
}

static unsigned int bounded(unsigned long value, unsigned int low, unsigned int high)
{
	return value < low ? low : value > high ? high : (unsigned int)value;
}

void top_screen_size(unsigned int *ret_columns, unsigned int *ret_lines)
{
	struct winsize size = { 0 };
	unsigned long columns;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	columns = size.ws_col ? size.ws_col : strtoul(environment("COLUMNS"), NULL, 10);
	if (columns == 0)
		columns = isatty(STDOUT_FILENO) ? 80 : COLUMNS_UNLIMITED;
	*ret_columns = bounded(columns, TOP_WIDTH_MIN, TOP_WIDTH_MAX);
	*ret_lines = bounded(size.ws_row ? size.ws_row : 24, 1, LINES_MAX);
}

int top_screen_enter(struct top_screen *screen)
{
	struct termios wanted;

	/* Once: who was stopped and goes on finds what he set himself. */
	if (!screen->saved && tcgetattr(STDIN_FILENO, &screen->before))
		return -errno;
	screen->saved = true;
	wanted = screen->before;
	wanted.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	wanted.c_cc[VMIN] = 1;
	wanted.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &wanted))
		return -errno;
	screen->entered = true;
	return top_screen_write(enter_words, strlen(enter_words));
}

void top_screen_leave(struct top_screen *screen)
{
	if (!screen->entered)
		return;
	screen->entered = false;
	top_screen_write(leave_words, strlen(leave_words));
	tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
}

int top_screen_write(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(STDOUT_FILENO, bytes, length);

		if (written < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = STDOUT_FILENO, .events = POLLOUT }, 1, -1);
		else if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			bytes += written;
			length -= (size_t)written;
		}
	}
	return 0;
}
