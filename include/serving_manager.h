/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader tells the service manager, and when: of the start, of reloads, of the end, and
 * that the canary is alive. Must not know sockets.
 */
#ifndef SERVING_MANAGER_H
#define SERVING_MANAGER_H

#include <stdbool.h>

#include "instant.h"
#include "notify.h"
#include "words.h"

struct manager {
	const struct notify *notify;
	bool ready; /* it has heard so */
	bool reloading;
	bool stopping;
	bool deaf;		    /* it did not hear the last words, and the log says so */
	uint32_t reloads;	    /* passed on to the canary */
	struct word_standing told;  /* as of the last STATUS */
	struct local_time heard_at; /* when it was last told anything */
};

/* The canary's word: its loop turns. What contradicts itself is no word, and a canary gone mad is
 * not listened to all the time. */
void manager_on_standing(struct manager *manager, const struct word_standing *standing,
			 struct local_time now);
/* SIGHUP was passed on to the canary. */
void manager_on_reload(struct manager *manager, struct local_time now);
/* We end, for whatever reason; said once. */
void manager_on_stop(struct manager *manager);

#endif
