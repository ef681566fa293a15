/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader tells the service manager: composes the lines of sd_notify(3) from the canary's
 * words. Numbers alone go into them: a canary gone mad can say wrong ones, and no other line.
 */
#include "serving_manager.h"

#include <string.h>

#include "interfaces.h"
#include "log.h"
#include "text.h"

#define LINES_CAPACITY 256

static bool manager_say(struct manager *manager, const struct text *lines)
{
	int err = notify_send(manager->notify, lines->buffer, lines->length);

	if (err && !manager->deaf)
		log_warn("the service manager does not hear us", LOG_ERRNO(err));
	manager->deaf = err != 0;
	return err == 0;
}

static void append_status(struct text *lines, const struct word_standing *standing)
{
	text_append(lines, "STATUS=");
	text_append_uint(lines, standing->probed);
	text_append(lines, standing->probed == 1 ? " peer probed, attached to "
						 : " peers probed, attached to ");
	text_append_uint(lines, standing->attached);
	text_append(lines, " of ");
	text_append_uint(lines, standing->interfaces);
	text_append(lines, standing->interfaces == 1 ? " interface\n" : " interfaces\n");
}

/* Far below any pace at which a canary in its senses speaks. */
#define PAUSE_NS (50 * NS_PER_MS)

static bool standing_is_sane(const struct word_standing *standing)
{
	return standing->ready <= 1 && standing->attached <= standing->interfaces &&
	       standing->interfaces <= INTERFACE_CAPACITY && standing->probed <= UINT16_MAX;
}

/* A failure is no matter: the next word says it again. */
void manager_on_standing(struct manager *manager, const struct word_standing *standing,
			 struct local_time now)
{
	char buffer[LINES_CAPACITY];
	struct text lines = text_over(buffer, sizeof(buffer));
	bool reloaded = manager->reloading && standing->reloads == manager->reloads;
	bool ready = standing->ready && (!manager->ready || reloaded);

	if (!standing_is_sane(standing) ||
	    (!ready && local_since(now, manager->heard_at) < PAUSE_NS))
		return;
	manager->heard_at = now;
	if (manager->stopping)
		ready = false;
	if (ready)
		text_append(&lines, "READY=1\n");
	if (memcmp(standing, &manager->told, sizeof(*standing)) != 0)
		append_status(&lines, standing);
	if (manager->notify->watchdog_ns > 0)
		text_append(&lines, "WATCHDOG=1\n");
	if (lines.length == 0 || !manager_say(manager, &lines))
		return;
	manager->told = *standing;
	if (ready) {
		manager->ready = true;
		manager->reloading = false;
	}
}

/* Before it is ready it is starting, for the manager, whatever it reads again. */
void manager_on_reload(struct manager *manager, struct local_time now)
{
	char buffer[LINES_CAPACITY];
	struct text lines = text_over(buffer, sizeof(buffer));

	manager->reloads++;
	if (!manager->ready || manager->stopping)
		return;
	text_append(&lines, "RELOADING=1\nMONOTONIC_USEC=");
	text_append_uint(&lines, (uint64_t)(now.ns / 1000));
	text_append(&lines, "\n");
	if (manager_say(manager, &lines))
		manager->reloading = true;
}

void manager_on_stop(struct manager *manager)
{
	static char words[] = "STOPPING=1\n";

	if (!manager->stopping)
		manager_say(manager, &(struct text){ .buffer = words, .length = strlen(words) });
	manager->stopping = true;
}
