/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only words between loader and canary, over one SOCK_SEQPACKET pair; types only. Either end
 * closing means: end. The loader trusts nothing in a word but its bounds.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdint.h>

enum hook_mode {
	HOOK_NONE = 0,
	HOOK_TCX,
	HOOK_CLSACT,
	HOOK_XDP_NATIVE,
	HOOK_XDP_GENERIC,
	HOOK_SOCKET, /* nothing is attached: our sockets' own stamps serve */
};

enum word_kind {
	/* canary to loader */
	WORD_ATTACH =
		1, /* attach to ifindex, or verify that we still are; answered by WORD_ATTACHED */
	WORD_DETACH = 2, /* leave ifindex; no answer */
	/* our program stands at ifindex, yet does nothing there: somebody's terminal verdict comes
	 * before it. Off and on again, to the head; answered by WORD_ATTACHED. Never for XDP: a NIC
	 * would flap. */
	WORD_RENEW_EGRESS = 6,
	WORD_RENEW_INGRESS = 7,
	WORD_STANDING = 8, /* how the canary stands, for the service manager; no answer */
	/* loader to canary */
	WORD_ATTACHED = 3, /* how things stand at ifindex */
	WORD_RELOAD = 4,   /* SIGHUP */
	WORD_STOP = 5,	   /* SIGTERM or SIGINT: end cleanly */
};

/* error 0 and mode: our program is in place. Otherwise errno, positive, and HOOK_NONE. */
struct word_direction {
	uint32_t mode; /* enum hook_mode */
	int32_t error;
};

/* That it is said at all means that the canary's loop turns. */
struct word_standing {
	uint32_t ready;	     /* 1: whatever could be attached at the start is */
	uint32_t reloads;    /* of WORD_RELOAD, those that were done */
	uint32_t probed;     /* peers */
	uint32_t interfaces; /* that they are routed over */
	uint32_t attached;   /* of these, where our programs are in place */
};

struct word {
	uint32_t kind; /* enum word_kind */
	union {
		struct {
			uint32_t ifindex;
			struct word_direction egress;
			struct word_direction ingress;
		};
		struct word_standing standing; /* of WORD_STANDING */
	};
};

/* "tcx", "clsact", "xdp_native", "xdp_generic", "socket" or "none". */
static inline const char *hook_mode_name(uint32_t mode)
{
	static const char *const names[] = { "none",	   "tcx",	  "clsact",
					     "xdp_native", "xdp_generic", "socket" };

	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "none";
}

#endif
